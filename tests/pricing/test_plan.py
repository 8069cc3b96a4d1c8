"""A plan's dollars are those of each vendor's own rules, worked out here by hand; what is not known stays unknown."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.decide import DecisionReranker, SystemOne
from rerank_kit.judge import LLMJudge, OpenAICompatible
from rerank_kit.local.families import families
from rerank_kit.pricing import Plan, Price, Prices, Speed, known_prices, plan
from rerank_kit.pricing.backends import known_backends
from rerank_kit.pricing.metering import SECONDS

SEARCHES = Price("rerank-v4.0-fast", "searches", 2.0, 1_000)
TOKENS = Price("rerank-3", "tokens", 0.05, 1_000_000)
CHAT = Price("claude-haiku-4-5", "chat", 1.0, 1_000_000, output=5.0, cache_read=0.1, cache_write=1.25)
SHORT = Price("claude-haiku-5-5", "chat", 0.1, 1_000_000, output=0.5, cache_read=0.01, cache_write=0.125)
LONG = Price("claude-haiku-5-5", "chat", 0.5, 1_000_000, output=2.5, cache_read=0.05, cache_write=0.625, above=100_000)
PRICES = Prices([SEARCHES, TOKENS, CHAT, SHORT, LONG])
TODAY = dt.date(2026, 11, 27)
ETTIN = "onnx:cross-encoder/ettin-reranker-17m-v1"


def planned(queries: int = 10_000, **options: Any) -> Plan:
    given: dict[str, Any] = {"prices": PRICES, "today": TODAY, **options}
    return plan(queries, **given)


@pytest.mark.parametrize(
    ("candidates", "tokens", "searches"),
    [
        (100, 300, 1),
        (101, 300, 2),  # more than 100 documents
        (100, 480, 1),
        (100, 481, 2),  # each counts as two, with the query's 20 tokens
        (100, 1_200, 3),
        (1, 10, 1),  # there is no half a search
        (100, [400, 1_600], 3),  # 50 documents that count once, and 50 that count four times: 250
    ],
)
def test_searches_are_of_100_documents_and_long_ones_count_as_several(
    candidates: int, tokens: Any, searches: int
) -> None:
    row = planned(candidates=candidates, tokens_per_document=tokens).row("cohere:rerank-v4.0-fast")
    assert row.per_query == pytest.approx(searches * 0.002)
    assert row.dollars == pytest.approx(10_000 * searches * 0.002)


def test_tokens_are_the_querys_for_each_document_and_the_documents() -> None:
    row = planned(200_000, candidates=100, query_tokens=20).row("voyage:rerank-3")
    assert row.per_query == pytest.approx((20 * 100 + 300 * 100) * 0.05 / 1e6)
    assert row.dollars == pytest.approx(320.0)


def test_a_judge_reads_instructions_for_each_call_and_writes_a_grade_for_each_document() -> None:
    row = planned(1_000, candidates=20).row("judge:claude-haiku-4-5")
    read = 2 * (492 + 20) + 20 * (25 + 300)  # two calls of ten documents
    written = 2 * 10 + 20 * 40
    assert row.dollars == pytest.approx(1_000 * (read * 1.0 + written * 5.0) / 1e6)


def test_more_tokens_of_a_tokenizer_are_more_dollars_and_long_prompts_have_their_own_price() -> None:
    read = (492 + 20) + 10 * (25 + 300)
    assert planned(1_000, candidates=10).row("judge:claude-haiku-5-5").dollars == pytest.approx(
        1_000 * (round(read * 1.3) * 0.1 + round(410 * 1.3) * 0.5) / 1e6
    )
    long = plan(1, candidates=10, prices=Prices([Price("x", "chat", 1.0, 1, output=0.0, above=3_000)]), judge="x")
    assert long.stages[0].dollars == 512 + 10 * 325


def test_a_decision_model_is_asked_as_often_as_its_calls_hold() -> None:
    prices = Prices([Price("jev-latest", "chat", 0.042, 1_000_000, output=0.0)])
    row = planned(1_000, candidates=200, prices=prices).row("decision:jev-latest")
    calls = 3  # 200 times 325 tokens, of which a call takes 32,000
    assert row.per_query == pytest.approx((calls * (415 + 20) + 200 * (79 + 300)) * 0.042 / 1e6)


def test_contexts_cost_what_anthropic_published() -> None:
    haiku_3 = Price("claude-haiku-4-5", "chat", 0.25, 1_000_000, output=1.25, cache_read=0.03, cache_write=0.30)
    stage = planned(
        prices=Prices([haiku_3]), contextual="claude-haiku-4-5", corpus_tokens=1_000_000, tokens_per_document=800
    ).stages[0]
    assert stage.once == pytest.approx(1.02, abs=0.005)  # dollars for a million tokens of documents
    assert stage.dollars == 0.0


def test_contexts_read_the_document_from_the_cache_unless_it_is_too_short_for_it() -> None:
    given: dict[str, Any] = {"contextual": "claude-haiku-4-5", "tokens_per_document": 400, "changed": 0.5}
    asked = 1.0 * (50 + 400) + 5.0 * 100  # of each chunk, in millionths of a dollar
    long = planned(document_tokens=4_800, corpus_tokens=48_000, **given).stages[0]
    assert long.once == pytest.approx(10 * (4_800 * (1.25 + 12 * 0.1) + 12 * asked) / 1e6)
    assert long.dollars == pytest.approx(5 * (4_800 * (1.25 + 12 * 0.1) + 12 * asked) / 1e6)
    short = planned(document_tokens=4_000, corpus_tokens=40_000, **given).stages[0]
    assert short.once == pytest.approx(10 * 10 * (4_000 * 1.0 + asked) / 1e6)


def test_contexts_of_documents_above_the_limit_have_the_price_of_long_prompts() -> None:
    given: dict[str, Any] = {"contextual": "claude-haiku-5-5", "tokens_per_document": 1_000}
    dear = planned(document_tokens=100_000, corpus_tokens=100_000, **given).stages[0].once
    asked = 1.3 * (0.5 * 1_050 + 2.5 * 100)
    assert dear == pytest.approx((130_000 * (0.625 + 100 * 0.05) + 100 * asked) / 1e6)


def test_contexts_make_candidates_longer_for_everybody() -> None:
    with_contexts = planned(contextual="claude-haiku-4-5", corpus_tokens=1_000).row("voyage:rerank-3")
    assert with_contexts.per_query == pytest.approx((20 * 50 + 400 * 50) * 0.05 / 1e6)


def test_contexts_in_batches_cost_their_share_without_the_prompt_cache() -> None:
    given: dict[str, Any] = {"contextual": "claude-haiku-4-5", "tokens_per_document": 400, "corpus_tokens": 48_000}
    batched = replace(CHAT, batch=0.5)
    made = planned(document_tokens=4_800, prices=Prices([batched]), **given)
    asked = 1.0 * (50 + 400) + 5.0 * 100
    assert made.stages[0].in_batches == pytest.approx(0.5 * 10 * 12 * (4_800 * 1.0 + asked) / 1e6)
    assert any(
        each.startswith("in Message Batches, which take up to 24 hours, contexts cost $0.35 once, at 0.5")
        for each in made.notes
    )
    without = planned(document_tokens=4_800, **given)
    assert without.stages[0].in_batches is None
    assert not any("Message Batches" in each for each in without.notes)


@pytest.mark.parametrize("stage", ["judge", "decision", "contextual"])
def test_what_a_contract_asks_for_at_least_is_paid_for_a_stage_too(stage: str) -> None:
    model = "jev-latest" if stage == "decision" else "claude-haiku-4-5"
    row = Price(model, "chat", 1.0, 1_000_000, output=5.0, cache_read=0.1, cache_write=1.25, monthly_minimum=900.0)
    given: dict[str, Any] = {stage: model, "corpus_tokens": 1_000_000, "prices": Prices([row, TOKENS])}
    made = planned(1_000, **given)
    assert made.stages[0].dollars == 900.0
    more = 100 if stage == "contextual" else 0
    assert made.row("voyage:rerank-3").dollars == pytest.approx(900.0 + 1_000 * (20 + 300 + more) * 50 * 0.05 / 1e6)
    assert planned(10**9, **given).stages[0].dollars != (900.0 if stage != "contextual" else 0.0)


def test_what_is_paid_by_one_price_has_one_minimum() -> None:
    prices = Prices([replace(CHAT, monthly_minimum=900.0)])
    made = planned(10, prices=prices, judge="claude-haiku-4-5")
    assert made.row("judge:claude-haiku-4-5").dollars == 900.0


@pytest.mark.parametrize("queries", [10, 1_000])
def test_what_a_contract_asks_for_at_least_is_paid(queries: int) -> None:
    prices = Prices([Price("rerank-3", "tokens", 1.0, 1_000, monthly_minimum=5_000.0)])
    row = planned(queries, candidates=10, prices=prices).row("voyage:rerank-3")
    assert row.dollars == max(5_000.0, queries * 3.2)


def test_stages_are_in_every_row() -> None:
    alone, more = planned(), planned(judge="claude-haiku-4-5", judged=10)
    (stage,) = more.stages
    one = (512 + 10 * 325) * 1.0 + (10 + 10 * 40) * 5.0
    assert stage.dollars == pytest.approx(10_000 * one / 1e6)
    for name in ("voyage:rerank-3", "cohere:rerank-v4.0-fast"):
        assert more.row(name).dollars == pytest.approx((alone.row(name).dollars or 0) + 10_000 * one / 1e6)
    decided = planned(decision="jev-latest", decided=500, prices=known_prices())
    assert decided.stages[0].name == "decision jev-latest on 50"


def test_machines_are_as_many_as_the_busiest_hour_needs() -> None:
    speed = {"onnx:embedded": 100.0}
    capacity = 100 / 50 / 4 * SECONDS  # queries a month
    given: dict[str, Any] = {"pairs_per_second": speed, "machine_price": 70, "peak": 4}
    at_most = planned(int(capacity), **given).row("onnx:embedded")
    one_more = planned(int(capacity) + 2, **given).row("onnx:embedded")
    assert (at_most.machines, at_most.dollars) == (1, 70.0)
    assert (one_more.machines, one_more.dollars) == (2, 140.0)
    assert at_most.seconds == 0.5
    assert at_most.latency_source == "as you say"


def test_measured_speeds_are_in_proportion_to_tokens_and_cores() -> None:
    row = planned(tokens_per_document=300, query_tokens=30, cores=8).row(ETTIN)
    assert row.seconds == pytest.approx(50 / (152.0 * 285 / 333 * 8 / 2))
    assert "in proportion to 8 cores" in row.latency_source
    cut = planned(tokens_per_document=5_000).row("onnx:embedded")
    assert cut.seconds == pytest.approx(50 / (42.4 * 285 / 512))  # it reads no more
    far = planned(tokens_per_document=5_000)
    assert any("longer ones take more" in each for each in far.notes)


def test_where_all_speeds_are_known_none_is_missed() -> None:
    known = {each.name: 1.0 for each in known_backends().backends if each.kind == "local"}
    assert not any("how fast these are" in each for each in planned(pairs_per_second=known).notes)


def test_of_another_machine_no_speed_is_known_unless_its_cores_are() -> None:
    row = planned(hardware="ours", machine_price=10).row(ETTIN)
    assert (row.dollars, row.machines, row.seconds) == (None, None, None)
    assert planned(hardware="ours", cores=4).row(ETTIN).machines == 1
    own = planned(hardware="ours", speeds=[Speed("onnx:mine", 9.0, 300, source="a test", date=TODAY)])
    assert own.row("onnx:mine").latency_source == "a test, 2026-11-27"
    assert own.row("onnx:mine").languages == ""


@pytest.mark.parametrize(
    "name", ["endpoint:mxbai-rerank-large-v2", "jina:jina-reranker-v3", "decision:jev-latest", ETTIN]
)
def test_what_is_not_known_is_never_nothing(name: str) -> None:
    made = planned()
    row = made.row(name)
    assert (row.dollars, row.per_query) == (None, None)
    assert made.break_even(name, "voyage:rerank-3") is None
    line = next(each for each in str(made).splitlines() if each.startswith(f"{name} "))
    assert " ?" in line
    assert "$0" not in line


def test_an_unknown_stage_makes_every_sum_unknown() -> None:
    stages: list[dict[str, Any]] = [
        {"judge": "nobody-1"},
        {"decision": "nobody-1"},
        {"contextual": "nobody-1", "corpus_tokens": 5},
    ]
    for unknown in stages:
        made = planned(machine_price=5, **unknown)
        assert made.stages[0].dollars is None
        assert all(each.dollars is None for each in made.rows)
        assert "$0" not in str(made)
        assert any(f"what the stage {made.stages[0].name} costs is not known" in each for each in made.notes)
        assert not any("add a row for 'rerank" in each for each in made.advice.reasons)
        assert made.to_dict()["curves"] == []


def test_contexts_by_a_model_whose_prices_for_the_cache_are_unknown_have_an_unknown_price() -> None:
    prices = Prices([Price("claude-haiku-4-5", "chat", 1.0, 1_000_000, output=5.0)])
    assert planned(prices=prices, contextual="claude-haiku-4-5", corpus_tokens=5).stages[0].once is None


def test_an_api_that_is_priced_as_an_llm_has_no_price_for_a_query() -> None:
    row = planned(prices=Prices([Price("rerank-3", "chat", 1.0, 1, output=1.0)])).row("voyage:rerank-3")
    assert row.dollars is None


def test_a_users_own_price_has_a_row() -> None:
    made = planned(prices=PRICES.override(Price("acme-1", "searches", 1.0, 1_000)))
    assert made.row("endpoint:acme-1").dollars == pytest.approx(10.0)
    assert made.row("endpoint:acme-1").vendor == "its vendor"


def test_old_prices_and_those_without_a_date_are_said() -> None:
    old = Price("rerank-3", "tokens", 1.0, 1_000, date=dt.date(2025, 11, 26), source="a list", verified=True)
    made = planned(prices=Prices([old, SEARCHES]))
    assert "these prices are older than a year, look them up: rerank-3 (2025-11-26)" in made.notes
    assert "nobody says of when these prices are: rerank-v4.0-fast" in made.notes
    assert any(each.startswith("1 of 2 prices were not read on the vendor's own") for each in made.notes)
    fresh = Price("rerank-3", "tokens", 1.0, 1_000, date=dt.date(2025, 11, 27), source="a list", verified=True)
    assert not [each for each in planned(prices=Prices([fresh])).notes if "rerank-3 (" in each or "1 prices" in each]
    told = str(made)
    assert "a list, 2025-11-26: voyage:rerank-3" in told
    assert "no source, no date (not the vendor's own list): cohere:rerank-v4.0-fast" in told


def test_the_price_of_a_stage_is_told_like_any_other() -> None:
    mine = Price("ours", "chat", 1.0, 1_000_000, output=5.0, date=dt.date(2024, 1, 2), source="our contract")
    made = planned(judge="ours", prices=PRICES.override(mine))
    assert "these prices are older than a year, look them up: ours (2024-01-02)" in made.notes
    assert "our contract, 2024-01-02 (not the vendor's own list): judge ours on 10" in str(made)
    told = made.to_dict()["stages"][0]
    assert (told["price_source"], told["verified"], told["model"]) == ("our contract, 2024-01-02", False, "ours")


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        ({"judge": "claude-haiku-55"}, "no row for 'claude-haiku-55' (did you mean 'claude-haiku-5-5'?)"),
        ({"judge": "ours-8b"}, "the prices have no row for 'ours-8b'"),
        ({"judge": "acme-1"}, "the prices have 'acme-1' as a rerank API, and no LLM"),
        ({"contextual": "acme-chat", "corpus_tokens": 5}, "tokens on 'acme-chat' caches a document is not known"),
        ({"contextual": "claude-haiku-4-5", "corpus_tokens": 5}, "lacks a part that it takes, such as cache_read"),
    ],
)  # fmt: skip
def test_why_a_stages_price_is_unknown_is_told_and_the_cheapest_is_advised_all_the_same(
    stage: dict[str, Any], why: str
) -> None:
    rows = [
        Price("acme-1", "searches", 1.0, 1_000),
        Price("acme-chat", "chat", 1.0, 1, output=1.0),
        Price("claude-haiku-4-5", "chat", 1.0, 1_000_000, output=5.0),
    ]
    made = plan(20_000, today=TODAY, prices=known_prices().override(Prices(rows)), **stage)
    (note,) = [each for each in made.notes if each.startswith("what the stage ")]
    assert note.endswith(why) or why in note
    assert made.advice.backend == "cohere:rerank-v5.0-fast"
    assert made.advice.reasons[0].startswith(f"what the stage {made.stages[0].name} costs is not known: it is left out")
    with_machine = plan(20_000, today=TODAY, machine_price=60, prices=known_prices().override(Prices(rows)), **stage)
    assert with_machine.break_evens


def test_prices_that_come_along_are_said_to_be_unverified_with_source_and_date() -> None:
    made = plan(1_000)
    assert made.date == dt.datetime.now(dt.UTC).date()
    for row in made.rows:
        if row.price is not None:
            assert row.verified is False
            assert row.price_source.endswith(f", {row.price.date}")
            assert f"{row.price_source} (not the vendor's own list)" in str(made)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"queries": -5}, "queries must be a whole number of at least 1, not -5"),
        ({"queries": 0}, "queries"),
        ({"queries": 1.5}, "queries"),
        ({"queries": 10**20}, "queries must be 1,000,000,000,000 at most, not 100000000000000000000"),
        ({"queries": float("nan")}, "queries must be a whole number"),
        ({"tokens_per_document": 10**13}, "tokens_per_document must be 1,000,000,000,000 at most"),
        ({"vendor": []}, "vendor is empty: name one or several, or pass None for all"),
        ({"vendor": ["Cohere", "Nobody"]}, "vendor='Nobody' has no back end here"),
        ({"judge": "rerank-3"}, "judge='rerank-3' is a rerank API, and not an LLM: take one such as claude-haiku-5-5"),
        ({"judge": "jev-latest"}, "judge='jev-latest' is a decision model, and not an LLM"),
        ({"decision": "claude-haiku-5-5"}, "is an LLM, and not a decision model: take one such as jev-latest"),
        ({"judge": "judge:claude-haiku-5-5"}, "judge='judge:claude-haiku-5-5' is written 'claude-haiku-5-5' there"),
        ({"contextual": "BAAI/bge-reranker-base"}, "contextual='BAAI/bge-reranker-base' is a reranker, and not an LLM"),
        ({"candidates": 0}, "candidates"),
        ({"tokens_per_document": -1}, "tokens_per_document must be a whole number of at least 1, not -1"),
        ({"tokens_per_document": [5, 0]}, "tokens_per_document"),
        ({"tokens_per_document": []}, "tokens_per_document is empty: pass the mean"),
        ({"tokens_per_document": "many"}, "tokens_per_document must be a whole number, or a list of them"),
        ({"query_tokens": 0}, "query_tokens"),
        ({"language": "Chinese"}, "language must be a code such as 'en', 'zh' or 'de', or 'several', not 'Chinese'"),
        ({"language": 5}, "language"),
        ({"data_must_stay": "yes"}, "data_must_stay must be True or False"),
        ({"latency": 0}, "latency must be a number of seconds above 0, not 0"),
        ({"vendor": ""}, "vendor"),
        ({"peak": 0.5}, "peak must be at least 1, not 0.5"),
        ({"peak": None}, "peak"),
        ({"peak": 1e300}, "peak must be 1,000,000 at most, not 1e+300"),
        ({"machine_price": 1e308}, "machine_price must be 1,000,000,000,000 at most, not 1e+308"),
        ({"candidates": 10**9}, "candidates must be 100,000 at most, not 1000000000"),
        ({"vendor": "Nobody"}, "vendor='Nobody' has no back end here: There are Anthropic, Cohere, "),
        ({"vendor": "antropic"}, "vendor='antropic' has no back end here: did you mean 'Anthropic'? There are"),
        ({"pairs_per_second": {"onnx:embeded": 4}}, "of yours: did you mean 'onnx:embedded'? There are "),
        ({"pairs_per_second": {"cohere:rerank-v4.0-fast": 4}}, "'cohere:rerank-v4.0-fast', which is no model for a"),
        ({"pairs_per_second": {"embedded": 4}}, "names 'embedded', which is no model for a machine of yours"),
        ({"pairs_per_second": {"onnx:": 4}}, "names 'onnx:', which is no model"),
        ({"pairs_per_second": {5: 4}}, "pairs_per_second must be a str"),
        ({"pairs_per_second": {"onnx:embedded": 1e300}}, "pairs_per_second of onnx:embedded must be 1,000,000,000,000"),
        ({"pairs_per_second": {"onnx:embedded": 1e-300}}, "pairs_per_second of onnx:embedded must be a number above 0"),
        ({"machine_price": -1}, "machine_price must be US dollars a month of at least 0, or None"),
        ({"machine_price": float("nan")}, "machine_price"),
        ({"cores": 0}, "cores"),
        ({"pairs_per_second": {"onnx:embedded": 0}}, "of onnx:embedded must be a number above 0, not 0"),
        ({"pairs_per_second": {"onnx:embedded": None}}, "pairs_per_second of onnx:embedded"),
        ({"pairs_per_second": 5}, "pairs_per_second must be a mapping"),
        ({"speeds": [5]}, "speeds must be some rerank_kit.pricing.Speed"),
        ({"judged": 0}, "judged"),
        ({"judge": 5}, "judge must be a str"),
        ({"corpus_tokens": -3}, "corpus_tokens"),
        ({"contextual": "claude-haiku-5-5"}, "corpus_tokens is missing"),
        ({"changed": 1.5}, "changed must be between 0 and 1, not 1.5"),
        ({"prices": "prices.toml"}, "prices must be a rerank_kit.pricing.Prices"),
        ({"today": "2026"}, "today must be a date"),
        ({"today": dt.datetime(2026, 11, 27, tzinfo=dt.UTC)}, "today must be a date without a time"),
        ({"data_must_stay": True, "judge": "claude-haiku-5-5"}, "judge='claude-haiku-5-5' gets questions"),
        ({"data_must_stay": True, "decision": "jev-latest"}, "decision='jev-latest'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name_with_its_value(wrong: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {"queries": 1_000, **wrong}
    with pytest.raises(ConfigurationError) as caught:
        plan(**given)
    assert told in str(caught.value)


def test_the_largest_amounts_have_sums() -> None:
    given: dict[str, Any] = {"machine_price": 10**12, "peak": 10**6, "tokens_per_document": 10**12}
    rows = [Price("rerank-3", "tokens", 10**12, 1, monthly_minimum=10**12)]
    made = plan(10**12, candidates=1_000, prices=known_prices().override(Prices(rows)), **given)
    assert all(math.isfinite(each.dollars) for each in made.rows if each.dollars is not None)
    assert "inf" not in str(made).replace("information", "")


def test_a_model_of_ones_own_has_a_speed_and_nothing_else() -> None:
    made = planned(pairs_per_second={"onnx:./mine": 50.0, "local:me/mine": 60.0})
    assert made.row("onnx:./mine").machines is not None
    told = "nothing is known of these but the speed that was given: local:me/mine, onnx:./mine"
    assert sum(told in each for each in made.notes) == 1
    assert not any("but the speed" in each for each in planned().notes)


def test_a_vendor_is_known_however_it_is_written() -> None:
    assert planned(vendor="COHERE").row("cohere:rerank-v4.0-fast").fits


def test_several_vendors_may_be_used() -> None:
    made = planned(vendor=["Cohere", "voyage"])
    assert made.row("cohere:rerank-v4.0-fast").fits
    assert made.row("voyage:rerank-3").fits
    assert made.row("jina:jina-reranker-v3").against == ("another vendor than Cohere and voyage",)
    assert made.to_dict()["workload"]["vendor"] == ["Cohere", "voyage"]


def test_a_judge_of_ones_own_may_read_what_must_stay() -> None:
    assert planned(data_must_stay=True, judge="ours-8b").stages[0].dollars is None


def test_a_back_end_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"'voyage:rerank3': did you mean 'voyage:rerank-3'"):
        planned().row("voyage:rerank3")
    with pytest.raises(ConfigurationError, match=r"'x': Its table has all, and a model of your own"):
        planned().break_even("x", "voyage:rerank-3")
    with pytest.raises(ConfigurationError) as caught:
        planned().row("onnx:nonsense")
    assert "cohere" not in str(caught.value)


def test_a_mixture_of_lengths_is_taken_evenly() -> None:
    work = planned(candidates=4, tokens_per_document=[100, 900, 300]).workload
    assert work.lengths == (100, 300, 900)
    assert work.documents(3) == [100, 300, 900]
    assert work.documents(1) == [300]
    assert work.documents(6, more=1) == [101, 101, 301, 301, 901, 901]


def test_all_of_it_is_plain() -> None:
    made = plan(1_000_000, machine_price=60, today=TODAY)
    told = json.loads(made.to_json())
    assert told == json.loads(json.dumps(made.to_dict()))
    assert told["version"] == 1
    assert told["date"] == "2026-11-27"
    assert {each["backend"] for each in told["rows"]} == {each.backend for each in made.rows}
    assert told["workload"]["queries"] == 1_000_000
    assert "Infinity" not in made.to_json()
    assert "NaN" not in made.to_json()


WORDS = "words "  # six bytes, which are two tokens by the estimate


@pytest.mark.parametrize("count", [1, 10, 30, 50])
def test_what_an_llm_is_taken_to_read_is_what_its_reranker_expects(count: int) -> None:
    """The numbers in the table are those of prompts in another room, which may change."""
    query, texts = WORDS * 10, [f"{place:06d}{WORDS * 149}" for place in range(count)]
    judge = LLMJudge(OpenAICompatible("http://127.0.0.1:1", model="claude-haiku-4-5"), mode="grade", seed=1)
    decision = DecisionReranker(SystemOne(model="jev-latest", api_key="key"), seed=1)
    made = plan(1, candidates=count)
    for name, reranker in (("judge:claude-haiku-4-5", judge), ("decision:jev-latest", decision)):
        assert made.row(name).per_query == pytest.approx(reranker.estimate(query, texts).cost, rel=0.1)


def test_local_models_are_what_the_table_of_families_says() -> None:
    listed = {each.name: family for family in families() for each in family.models}
    for row in known_backends().backends:
        if row.kind == "local":
            family = listed[row.model]
            assert row.licence in family.licence
            assert set(row.languages.split()) <= {*family.languages.replace(";", "").split()}


def test_every_price_of_the_list_has_a_row() -> None:
    assert {each.model for each in known_prices().rows} <= {each.model for each in known_backends().backends}


def test_every_measured_speed_stands_on_the_page_that_it_is_from() -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text("utf-8")
    speeds = known_backends().speeds
    assert speeds
    for each in speeds:
        assert f"| {each.pairs_per_second:.1f} (" in page, each

"""What a plan recommends follows from prices where they are known, and from rules of thumb where they are not."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from rerank_kit.pricing import Plan, Price, Prices, known_prices, plan
from rerank_kit.pricing.amounts import volume
from rerank_kit.pricing.break_evens import BreakEven

ETTIN, BGE = "onnx:cross-encoder/ettin-reranker-17m-v1", "onnx:BAAI/bge-reranker-v2-m3"
COHERE = "cohere:rerank-v5.0-fast"
QWEN = "sentence-transformers:Qwen/Qwen3-Reranker-0.6B"
DAY = dt.date(2026, 11, 27)
PRICES = Prices(
    [
        Price("rerank-v5.0-fast", "tokens", 0.02, 1_000_000),
        Price("rerank-v4.0-fast", "searches", 2.0, 1_000),
        Price("rerank-3", "tokens", 0.01, 1_000_000),
    ]
)


def planned(queries: int, **options: Any) -> Plan:
    given: dict[str, Any] = {"prices": PRICES, "today": DAY, **options}
    return plan(queries, **given)


def reasons(made: Plan) -> str:
    return "\n".join(made.advice.reasons)


@pytest.mark.parametrize(
    ("queries", "taken", "other"),
    [(49_000, "voyage:rerank-3", ETTIN), (75_000, "voyage:rerank-3", ETTIN), (101_000, ETTIN, "voyage:rerank-3")],
)
def test_where_the_machines_price_is_unknown_the_volume_decides(queries: int, taken: str, other: str) -> None:
    made = planned(queries)
    assert (made.advice.backend, made.advice.other) == (taken, other)
    dear = 16_000 * 0.01 / 1e6 * queries  # dollars of 50 candidates of 300 tokens
    assert "managed below about 50,000" in reasons(made) or "between 50,000 and 100,000" in reasons(made)
    assert f"needs 1 machine and pays where one costs less than ${dear:.2g}" in reasons(made).replace("$7.84", "$7.8")
    assert "a machine's price is not known: say it (--machine-price, or machine_price in Python)" in reasons(made)


@pytest.mark.parametrize(
    ("queries", "machine", "taken", "thumb"),
    [
        (10_000, 500, "voyage:rerank-3", "agrees"),
        (1_000_000, 20, ETTIN, "agrees"),
        (60_000, 500, "voyage:rerank-3", "leaves it open"),
        (10_000, 0, ETTIN, "says otherwise"),
        (1_000_000, 9_000, "voyage:rerank-3", "says otherwise"),
    ],
)
def test_where_prices_are_known_they_decide(queries: int, machine: float, taken: str, thumb: str) -> None:
    made = planned(queries, machine_price=machine)
    assert made.advice.backend == taken
    assert f"the rule of thumb {thumb}" in reasons(made)
    assert "people's time" in reasons(made)


def test_what_is_unknown_is_asked_for() -> None:
    assert "how fast" in reasons(planned(200_000, hardware="ours", machine_price=5))
    alone = Prices([Price("nothing", "chat", 1.0, 1, output=1.0)])
    made = planned(200_000, prices=alone, machine_price=5)
    assert "what cohere:rerank-v5.0-pro costs is not known: add a row for 'rerank-v5.0-pro' to the prices" in reasons(
        made
    )


def test_data_that_must_stay_leave_no_vendor() -> None:
    made = planned(1_000, data_must_stay=True)
    assert made.advice.backend == ETTIN
    assert "only models on your own machines are left" in reasons(made)
    assert all(each.kind == "local" for each in made.rows if each.fits)
    assert "data go to Cohere" in made.row(COHERE).against
    assert made.break_evens == ()


def test_for_chinese_it_is_bge_or_cohere() -> None:
    assert planned(1_000, language="zh-CN").advice.backend == COHERE
    assert planned(1_000_000, language="zh").advice.backend == BGE
    assert "Chinese: BGE or Cohere" in reasons(planned(1_000, language="zh"))
    others = planned(1_000, language="zh", vendor="Voyage")
    assert others.advice.backend == "voyage:rerank-3"
    assert "Chinese" not in reasons(others)


def test_for_other_languages_english_models_are_out_and_cards_have_the_last_word() -> None:
    made = planned(1_000_000, language="de")
    assert made.advice.backend == BGE
    assert "Whether 'de' is among them, its card says" in reasons(made)
    assert "languages: English" in made.row(ETTIN).against
    several = planned(1_000_000, language="several")
    assert several.advice.backend == BGE
    assert not several.row(ETTIN).fits
    assert "card" not in reasons(several)
    own = planned(1_000, language="de", vendor="its vendor", prices=Prices([Price("acme", "tokens", 1e-9, 1)]))
    assert own.advice.backend == "endpoint:acme"
    assert "card" not in reasons(own)  # nothing is known of its languages


def test_all_in_anthropic_is_contextual_retrieval() -> None:
    made = planned(1_000, vendor="anthropic")
    assert (made.advice.backend, made.advice.other) == (ETTIN, "judge:claude-haiku-5-5")
    assert "Contextual Retrieval" in reasons(made)
    assert "another vendor than anthropic" in made.row(COHERE).against
    hurried = planned(1_000, vendor="anthropic", latency=0.001)
    assert (hurried.advice.backend, hurried.advice.other) == ("judge:claude-haiku-5-5", None)


def test_what_is_too_slow_is_out_and_what_is_unknown_is_said() -> None:
    made = planned(1_000_000, language="zh", latency=0.5)
    assert made.row(BGE).against == (f"takes {made.row(BGE).seconds:.2g} s",)
    assert made.advice.backend == COHERE
    assert "of back ends whose seconds are not known, none was left out for being slow" in made.notes
    only = planned(1_000_000, latency=0.001, vendor="Voyage")
    assert only.advice.backend == "voyage:rerank-3"
    assert "no model on a machine of yours will do" in reasons(only)
    local = planned(1_000, vendor="its vendor")  # of no price here
    assert local.advice.backend == ETTIN
    assert "no managed reranker will do" in reasons(local)


@pytest.mark.parametrize(
    ("taken", "step"),
    [
        (ETTIN, [f'next: pip install "rerank-kit[export]" and rerank-kit export {ETTIN[5:]} --to models/{ETTIN[19:]}']),
        ("onnx:embedded", ['next: pip install "rerank-kit[embedded]"']),
        (QWEN, ['next: pip install "rerank-kit[sentence-transformers]"']),
        ("onnx:./mine", []),  # it is there
    ],
)
def test_what_brings_the_advised_model_here_is_the_next_step(taken: str, step: list[str]) -> None:
    slow = {each.backend: 0.01 for each in planned(1).rows if each.kind == "local"}
    made = planned(1_000, data_must_stay=True, latency=5, pairs_per_second={**slow, taken: 900.0})
    assert made.advice.backend == taken
    assert [each for each in made.advice.reasons if each.startswith("next: ")] == step


def test_the_same_pairs_are_compared_at_any_volume() -> None:
    few, many = (planned(queries, machine_price=16).break_evens for queries in (20_000, 200_000))
    assert {(each.below, each.above) for each in few} == {(each.below, each.above) for each in many}
    assert {each.below for each in few} == {"voyage:rerank-3", COHERE, "cohere:rerank-v4.0-fast"}


@pytest.mark.parametrize("price", [1.7, 3.3, 60, 61.3, 7_777])
def test_at_the_volume_that_is_told_it_pays(price: float) -> None:
    made = planned(10_000, machine_price=price)
    for each in made.break_evens:
        if each.queries is not None:
            told = int(re.findall(r"about ([\d,]+)", str(each))[0].replace(",", ""))
            then = planned(told, machine_price=price)
            cheap, dear = then.row(each.above).dollars, then.row(each.below).dollars
            assert cheap is not None
            assert dear is not None
            assert cheap <= dear * (1 + 1e-9)
            assert told <= each.queries * 1.01 + 1


def test_why_a_cost_is_unknown_is_told_with_what_to_do() -> None:
    made = planned(1_000)
    assert made.unknown_cost(COHERE) is None
    assert "--machine-price" in (made.unknown_cost(ETTIN) or "")
    assert f"how fast {QWEN} is there is not known: measure it (--measure)" in (made.unknown_cost(QWEN) or "")
    assert "add a row for 'rerank-v5.0-pro'" in (made.unknown_cost("cohere:rerank-v5.0-pro") or "")


def test_where_nothing_will_do_it_says_why_and_what_to_allow() -> None:
    made = planned(1_000, data_must_stay=True, latency=0.0001, pairs_per_second={BGE: 1.0}, language="en")
    slow = [each for each in made.rows if each.kind == "local" and each.seconds is None]
    assert made.advice.backend == slow[0].backend  # nobody knows that it is too slow
    none = planned(1_000, data_must_stay=True, latency=0.0001, pairs_per_second={each.backend: 1.0 for each in slow})
    assert none.advice.backend is None
    assert "nothing that is known will do (data go to " in reasons(none)
    assert "fewer candidates or a faster machine" in reasons(none)
    assert "Recommended: nothing that is known will do" in str(none)
    assert none.changes == ()
    assert none.break_evens == ()
    assert "No price is known" in none.to_html()


def test_break_even_is_told_for_what_is_recommended_and_known_of_any_two() -> None:
    made = planned(10_000, machine_price=16)
    found = made.break_even("voyage:rerank-3", ETTIN)
    assert found is not None
    assert (found.below, found.above) == ("voyage:rerank-3", ETTIN)
    assert found.queries == pytest.approx(100_000)
    assert str(found) == f"{ETTIN} pays from about 100,000 queries a month in place of voyage:rerank-3"
    assert found in made.break_evens
    never = made.break_even(COHERE, "voyage:rerank-3")
    assert never is not None
    assert str(never) == f"voyage:rerank-3 costs no more, however many queries there are, than {COHERE}"
    listed = made.to_dict()["break_even_volumes"]
    windows = ((found.queries, None),)
    assert {"below": "voyage:rerank-3", "above": ETTIN, "queries": found.queries, "windows": windows} in listed
    stepped = planned(10_000, machine_price=16, pairs_per_second={ETTIN: 11.5}).break_even("voyage:rerank-3", ETTIN)
    assert stepped is not None
    assert [volume(start) for start, _ in stepped.windows] == ["100,000", "200,000", "300,000", "400,000", "500,000"]
    ends = [end for _, end in stepped.windows]
    assert ends[-1] is None
    assert volume(ends[0] or 0) == "121,000"
    told = "100,000 to 120,000, 200,000 to 241,000, 300,000 to 362,000, 400,000 to 483,000, and from about 500,000"
    assert str(stepped) == f"{ETTIN} pays from about {told} queries a month in place of voyage:rerank-3"


def test_of_many_windows_the_first_and_the_last_are_told() -> None:
    windows = (*((float(each), each + 0.5) for each in range(10, 20)), (20.1, 20.9), (30.0, None))
    told = str(BreakEven("one", "other", 10.0, windows))
    assert told == (
        "other pays from about 10 to 10, 11 to 11, 12 to 12, 13 to 13, 6 times more, and from about 30 queries a month "
        "in place of one"
    )


@pytest.mark.parametrize("minimum", [0.0, 10.0, 100.0])
def test_at_equal_rates_a_monthly_minimum_is_never_cheaper(minimum: float) -> None:
    rows = [
        Price("plain", "tokens", 0.05, 1_000_000),
        Price("contract", "tokens", 0.05, 1_000_000, monthly_minimum=minimum),
    ]
    made = planned(1_000, prices=known_prices().override(Prices(rows)))
    for names in (("endpoint:plain", "endpoint:contract"), ("endpoint:contract", "endpoint:plain")):
        found = made.break_even(*names)
        assert found is not None
        assert (found.queries, found.windows) == (None, ())
        assert (found.below, found.above) == (("endpoint:plain", "endpoint:contract") if minimum else names)


def test_what_fewer_candidates_and_a_fine_tune_would_change_is_said() -> None:
    made = planned(1_000_000, machine_price=20)
    assert {each.what for each in made.changes} == {"25 candidates instead of 50", "20 candidates instead of 50"}
    half = next(each for each in made.changes if each.backend == "voyage:rerank-3" and each.what.startswith("25"))
    assert half.dollars == pytest.approx(80.0)
    assert half.dollars_now == pytest.approx(160.0)
    assert str(half) == "25 candidates instead of 50, voyage:rerank-3: $80.00 a month instead of $160"
    local = next(each for each in made.changes if each.backend == ETTIN)
    assert local.seconds == pytest.approx((local.seconds_now or 0) / 2)
    assert str(local).endswith("s instead of 0.37 s")
    assert "cost not known" in str(planned(200_000).changes[0])
    assert made.fine_tune is not None
    assert f"{ETTIN} 1 machine and 0.37 s, {BGE} 23 machines and 12 s" in made.fine_tune
    assert planned(1_000, hardware="ours").fine_tune is None
    assert planned(1_000, candidates=1).changes == ()

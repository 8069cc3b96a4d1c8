"""What contexts will cost is told before, one row for each way, by the prices that there are."""

from __future__ import annotations

from typing import Literal

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.contextual import ChunkedDocument, Contextualizer
from rerank_kit.judge import Anthropic, OpenAICompatible
from rerank_kit.pricing import Price, Prices, known_prices
from rerank_kit.testing import ChatServer
from tests.contextual.texts import report
from tests.judge.conftest import anthropic

LONG = [report(name, chunks=6, words=6000) for name in ("Ada", "Bob")]


_KEPT: tuple[Literal["5m", "1h"], ...] = ("5m", "1h")


def claude(**options: object) -> Contextualizer:
    return Contextualizer(Anthropic(api_key="a-key"), **options)  # type: ignore[arg-type]


def test_there_is_a_row_for_each_way() -> None:
    found = claude().estimate(LONG)
    assert [each.name for each in found.ways] == [
        *("1 chunk a call", "1 chunk a call, cached", "1 chunk a call, batch"),
        *("8 chunks a call", "8 chunks a call, batch"),  # one call a document: nothing to cache
    ]
    one, cached, batch, several, _ = found.ways
    assert (one.calls, several.calls, found.documents, found.chunks) == (12, 2, 2, 12)
    assert cached.input_tokens + cached.cache_write_tokens + cached.cache_read_tokens == pytest.approx(
        one.input_tokens, rel=0.01
    )
    assert cached.cache_read_tokens == 5 * cached.cache_write_tokens
    assert batch.cost == pytest.approx((one.cost or 0) / 2)
    assert one.cost == pytest.approx((one.input_tokens * 0.1 + one.output_tokens * 0.5) / 1e6)
    assert cached.cost == pytest.approx(
        (cached.input_tokens * 0.1 + cached.cache_write_tokens * 0.125 + cached.cache_read_tokens * 0.01) / 1e6
        + cached.output_tokens * 0.5 / 1e6
    )
    assert found.cheapest.name == "8 chunks a call, batch"
    assert (one.seconds, batch.seconds) == (4.0, None)


def test_the_published_formula_comes_out_of_it() -> None:
    # Per million tokens of documents of 8,000 tokens in chunks of 800, with 50 of instruction and 100 of context:
    # W + 10 R + 1.0625 I + 0.125 O, which is $1.02 at the prices of Claude 3 Haiku.
    chunk = "abcdefgh " * 266 + "abcdef"  # 2,400 bytes, by which 800 tokens are guessed
    document = ChunkedDocument(
        " ".join([f"{number}{chunk[1:]}" for number in range(10)]), [f"{n}{chunk[1:]}" for n in range(10)]
    )
    prices = Prices([Price("claude-haiku-5-5", "chat", 0.25, 1_000_000, output=1.25, cache_read=0.03, cache_write=0.3)])
    cached = claude(prices=prices).estimate([document]).ways[1]
    tokens = (len(document.text) + 2) // 3
    assert (cached.cost or 0) * 1e6 / tokens == pytest.approx(1.02, rel=0.12)  # the prompt has more than 50 tokens


def test_the_table_tells_all_of_it() -> None:
    told = str(claude().estimate(LONG, seconds_per_call=3))
    assert told.startswith("claude-haiku-5-5: 12 chunks of 2 documents, about ")
    assert "8 chunks a call, batch" in told
    assert "up to 24 h" in told
    assert "Time at 3 s a call for one context" in told
    assert "Price of 2026-11-23" in told
    assert "not verified" in told
    short = str(claude().estimate([report("Ada")]))
    assert "1 document too short for the model's prompt cache" in short
    assert "short" not in str(Contextualizer(Anthropic(api_key="a-key", cache=False)).estimate([report("Ada")]))


@pytest.mark.parametrize(("seconds", "told"), [(10.0, "20 s"), (600.0, "20 min"), (36_000.0, "20.0 h")])
def test_times_are_told_as_people_say_them(seconds: float, told: str) -> None:
    local = Contextualizer(OpenAICompatible("http://localhost:1", model="local"), concurrency=2)
    assert told in str(local.estimate([report("Ada")], seconds_per_call=seconds))


def test_a_price_that_is_not_known_stays_unknown() -> None:
    local = Contextualizer(OpenAICompatible("http://localhost:1", model="local"), chunks_per_call="auto")
    found = local.estimate([report("Ada")])
    assert [each.cost for each in found.ways] == [None, None]
    assert "?" in str(found)
    assert "What local costs is not known: pass prices=" in str(found)
    assert found.cheapest.chunks_per_call == 8
    assert local.expected_cost([report("Ada")]) is None


def test_a_document_has_one_way_and_own_numbers_a_row() -> None:
    assert {each.chunks_per_call for each in claude(granularity="document").estimate(LONG).ways} == {1}
    assert {each.chunks_per_call for each in claude(chunks_per_call=3).estimate(LONG).ways} == {1, 3, 8}
    assert claude().estimate([]).ways[0].calls == 0


def test_what_is_expected_is_the_way_that_is_chosen() -> None:
    ways = {each.name: each.cost for each in claude().estimate(LONG).ways}
    assert claude().expected_cost(LONG) == pytest.approx(ways["1 chunk a call, cached"])
    assert claude(chunks_per_call=8).expected_cost(LONG) == pytest.approx(ways["8 chunks a call"])
    assert claude(chunks_per_call="auto").expected_cost(LONG) == pytest.approx(ways["8 chunks a call"])
    batch = claude(batch=True, store="unused.sqlite")
    assert batch.expected_cost(LONG) == pytest.approx(ways["1 chunk a call, batch"])


def test_an_hour_in_the_cache_has_a_price_of_its_own() -> None:
    costs = [Contextualizer(Anthropic(api_key="a-key", cache=each)).expected_cost(LONG) for each in _KEPT]
    written = claude().estimate(LONG).ways[1].cache_write_tokens
    assert (costs[1] or 0) - (costs[0] or 0) == pytest.approx(written * (0.20 - 0.125) / 1e6)


def test_auto_asks_one_by_one_where_that_is_cheaper() -> None:
    prices = known_prices().override(
        Price("claude-haiku-5-5", "chat", 0.1, 1_000_000, output=50.0, cache_read=0.0, cache_write=0.1)
    )
    documents = [report("Ada", chunks=6, words=600)]
    assert claude(chunks_per_call="auto", prices=prices).expected_cost(documents) == pytest.approx(
        claude(prices=prices).expected_cost(documents)
    )


def test_what_is_paid_is_no_more_than_was_estimated(server: ChatServer) -> None:
    with anthropic(server) as model:
        made = Contextualizer(model)
        estimated = made.expected_cost(LONG)
        contexts = made.contextualize(LONG)
    assert 0 < (contexts.cost or 0) <= (estimated or 0)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="seconds_per_call"):
        claude().estimate(LONG, seconds_per_call=-1)

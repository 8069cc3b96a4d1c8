"""What a ranking costs follows from dated rows that a user can override; what is not known is not 0."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Usage
from rerank_kit.managed import Voyage
from rerank_kit.pricing import Price, Prices, known_prices

TOKENS = Price("by-token", "tokens", 0.05, 1_000_000)
SEARCHES = Price("by-search", "searches", 2.0, 1_000)


def test_tokens_are_paid_as_the_vendor_counted_them() -> None:
    assert TOKENS.cost(Usage(pairs=3, requests=1, tokens=2_000_000)) == pytest.approx(0.10)


def test_searches_are_paid_as_the_vendor_counted_them() -> None:
    assert SEARCHES.cost(Usage(pairs=300, requests=1, units=3)) == pytest.approx(0.006)


@pytest.mark.parametrize("price", [TOKENS, SEARCHES])
def test_what_the_vendor_did_not_count_is_unknown_and_not_free(price: Price) -> None:
    assert price.cost(Usage(pairs=3, requests=1)) is None


@pytest.mark.parametrize("price", [TOKENS, SEARCHES])
def test_asking_nothing_costs_nothing(price: Price) -> None:
    assert price.cost(Usage(cached=9)) == 0.0


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, -5, 10**400, "7", None, True])
def test_what_cannot_be_meant_as_a_count_has_no_price(odd: Any) -> None:
    chat = Price("chat", "chat", 1.0, 1_000_000, output=2.0, cache_read=0.1, cache_write=0.1)
    prices = Prices([TOKENS, SEARCHES, chat])
    assert prices.cost("by-token", Usage(pairs=1, tokens=odd)) is None
    assert prices.cost("by-search", Usage(pairs=1, units=odd)) is None
    cached = ("cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
    for name in ("input_tokens", "output_tokens", *cached, "calls"):
        told: dict[str, Any] = {"calls": 1, "input_tokens": 5, name: odd}
        assert prices.cost("chat", Usage(**told)) is None


KEPT = Price("kept", "chat", 1.0, 1, output=5.0, cache_read=0.1, cache_write=1.25, cache_write_1h=2.0, batch=0.5)


def test_what_comes_from_the_prompt_cache_is_a_tenth_of_what_is_read_and_long_prompts_cost_more() -> None:
    told = Usage(input_tokens=10_000, output_tokens=2_000, cache_read_tokens=100_000, cache_write_tokens=4_000)
    short, long = replace(told, calls=2), replace(told, calls=1)  # two prompts of 57,000 tokens, and one of 114,000
    dollars = (10_000 * 0.10 + 2_000 * 0.50 + 100_000 * 0.01 + 4_000 * 0.125) / 1e6
    assert known_prices().cost("claude-haiku-5-5", short) == pytest.approx(dollars)
    assert known_prices().cost("claude-haiku-5-5", long) == pytest.approx(5 * dollars)
    assert known_prices().cost("claude-haiku-5-5", short, batch=True) == pytest.approx(dollars / 2)


def test_what_is_kept_for_an_hour_has_a_price_of_its_own() -> None:
    usage = Usage(calls=1, cache_write_tokens=10, cache_write_1h_tokens=4)
    assert KEPT.cost(usage) == pytest.approx(6 * 1.25 + 4 * 2.0)
    assert Price("kept", "chat", 1.0, 1, output=5.0, cache_write=1.25).cost(usage) is None
    assert KEPT.cost(Usage(calls=1, cache_write_tokens=4, cache_write_1h_tokens=10)) is None


def test_a_batch_costs_its_share_of_all_prices() -> None:
    usage = Usage(calls=1, input_tokens=100, output_tokens=10, cache_read_tokens=20, cache_write_tokens=10)
    prices = Prices([KEPT, Price("no batch", "chat", 1.0, 1, output=5.0)])
    assert prices.cost("kept", usage) == pytest.approx(100 + 50 + 2 + 12.5)
    assert prices.cost("kept", usage, batch=True) == pytest.approx((100 + 50 + 2 + 12.5) / 2)
    assert prices.cost("no batch", Usage(calls=1, input_tokens=5), batch=True) is None
    assert prices.cost("kept", Usage(calls=1), batch=True) is None


def test_claudes_batches_cost_half_and_an_hour_in_its_cache_twice_what_is_read() -> None:
    rows = [row for row in known_prices().rows if row.model.startswith("claude")]
    assert len(rows) == 3
    for row in rows:
        assert row.batch == 0.5
        assert row.cache_write_1h == pytest.approx(2 * row.price)


def test_a_price_beyond_all_numbers_is_refused_and_a_cost_is_unknown() -> None:
    for amounts in ({"price": 1e308}, {"price": 1, "monthly_minimum": 1e13}, {"price": 1, "per": 10**13}):
        options: dict[str, Any] = {"per": 1, **amounts}
        with pytest.raises(ConfigurationError, match=r"price of 'dear' must be 1,000,000,000,000 at most, not"):
            Price("dear", "tokens", **options)
    dear = Prices([Price("dear", "tokens", 10**12, 1), Price("chat", "chat", 10**12, 1, output=0)])
    assert dear.cost("dear", Usage(pairs=1, tokens=10**300)) is None
    assert dear.cost("chat", Usage(calls=1, input_tokens=10**300)) is None


def test_the_querys_tokens_are_paid_once_for_each_document() -> None:
    assert TOKENS.estimate(20, [300] * 100) == pytest.approx(32_000 * 0.05 / 1e6)


@pytest.mark.parametrize(
    ("documents", "units"),
    [
        ([300] * 100, 1),
        ([300] * 101, 2),
        ([300] * 150, 2),
        ([480] * 100, 1),
        ([481] * 100, 2),  # with the query's 20 tokens they are longer than 500
        ([960] * 100, 2),
        ([1200] * 100, 3),
        ([0], 1),
    ],
)
def test_searches_are_rounded_up_by_documents_and_their_pieces(documents: list[int], units: int) -> None:
    assert SEARCHES.estimate(20, documents) == pytest.approx(units * 0.002)


def test_a_long_query_takes_half_of_a_piece_at_most() -> None:
    assert SEARCHES.estimate(250, [250] * 100) == SEARCHES.estimate(4_000, [250] * 100) == pytest.approx(0.002)
    assert SEARCHES.estimate(250, [251] * 100) == SEARCHES.estimate(4_000, [251] * 100) == pytest.approx(0.004)


def test_every_row_that_comes_along_is_dated_sourced_and_honest_about_it() -> None:
    rows = known_prices().rows
    assert {"rerank-v5.0-pro", "rerank-v3.5", "rerank-3", "jina-reranker-v3.5"} <= {row.model for row in rows}
    for row in rows:
        assert isinstance(row.date, dt.date)
        assert row.source
        assert not row.verified  # none was read on the vendor's own list so far


def test_an_unknown_model_has_no_price() -> None:
    assert known_prices().price("no-such-model") is None
    assert known_prices().cost("no-such-model", Usage(tokens=5)) is None
    assert known_prices().cost(None, Usage(tokens=5)) is None


def test_a_users_row_wins() -> None:
    prices = known_prices().override(Price("rerank-3", "tokens", 9.0, 1))
    assert prices.cost("rerank-3", Usage(tokens=2)) == 18.0
    assert prices.price("rerank-2.5") == known_prices().price("rerank-2.5")
    assert known_prices().cost("rerank-3", Usage(tokens=1_000_000)) != 18.0


FILE = """
[[price]]
model = "rerank-3"
unit = "tokens"
price = 1.0
per = 10
"""


def test_a_file_wins_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(FILE, "utf-8")
    assert known_prices().override(Prices.load(path)).cost("rerank-3", Usage(tokens=20)) == 2.0
    reranker = Voyage("rerank-3", api_key="key")
    shipped = reranker.cost(Usage(tokens=20))
    monkeypatch.setenv("RERANK_KIT_PRICES", str(path))
    assert reranker.cost(Usage(tokens=20)) == 2.0
    assert shipped != 2.0
    assert Voyage("rerank-3", api_key="key", prices=Prices([TOKENS])).cost(Usage(tokens=20)) is None


@pytest.mark.parametrize(
    "text",
    [
        *("[[price", "[[price]]\nmodel = 'a'", FILE + "colour = 'red'", FILE.replace("tokens", "pages"), ""),
        *(FILE.replace("[[price]]", "[[prices]]"), FILE + "[more]", FILE + "date = 'yesterday'"),
        *(FILE + "date = 2026-11-23T08:00:00Z", FILE + "verified = 'no'", FILE + "source = ['a', 'b']"),
    ],
)
def test_a_file_that_is_no_price_list_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=r"prices\.toml"):
        Prices.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"prices\.toml.*codec"):
        Prices.load(path)
    with pytest.raises(ConfigurationError, match="missing"):
        Prices.load(tmp_path / "missing")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"unit": "pages"}, {"price": -1.0}, {"price": float("nan")}, {"per": 0}, {"documents": 0}),
        *({"chunk_tokens": "x"}, {"above": None}, {"monthly_minimum": "50"}, {"monthly_minimum": -1}),
        *({"output": "5"}, {"cache_read": -1}, {"cache_write": "1"}, {"batch": 50}, {"batch": True}),
        *({"model": 5}, {"model": ""}, {"source": 5}, {"source": None}, {"verified": "no"}, {"verified": 1}),
        *({"date": "2026-11-23"}, {"date": dt.datetime(2026, 11, 23, tzinfo=dt.UTC)}),
    ],
)
def test_what_cannot_be_a_price_is_refused(wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"model": "m", "unit": "searches", "price": 1.0, "per": 1000, **wrong}
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Price(**fields)


def test_an_llm_has_a_price_for_what_it_writes() -> None:
    with pytest.raises(ConfigurationError, match="output of the price of 'm' must be a number"):
        Price("m", "chat", 1.0, 1)

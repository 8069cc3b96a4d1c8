"""Secrets are found in whatever others say: whole, in pieces, and however they are written down."""

from __future__ import annotations

import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import RerankError
from rerank_kit.api.exchange import Response
from rerank_kit.api.hiding import SHOWN, hidden, hide, without_whole
from rerank_kit.managed import Jina
from rerank_kit.quoting import hiding, quoted, without_hidden
from tests.api.leaks import leaked
from tests.apis import answered
from tests.conftest import Colour

KEY = "sk-planted-Q7w9Zx3LmN4pR8tV/+="
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=80)
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "percent": lambda key: quote(key, safe=""),
    "every character in percent": lambda key: "".join(f"%{ord(each):02X}" for each in key),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "form": quote_plus,
    "json": json.dumps,
    "json in json": lambda key: json.dumps(json.dumps(key)),
    "escaped": lambda key: "".join(f"\\u{ord(each):04x}" for each in key),
    "html": html.escape,
    "html numbers": lambda key: "".join(f"&#{ord(each)};" for each in key),
    "python": lambda key: repr(key.encode()),
    "base64": lambda key: b64encode(key.encode()).decode(),
    "base64 of more": lambda key: b64encode(b"user:" + key.encode()).decode(),
    "base64 of still more": lambda key: b64encode(b"1234:" + key.encode() + b"and more").decode(),
    "base64 in a URL": lambda key: urlsafe_b64encode(key.encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "the first half": lambda key: key[: len(key) // 2],
    "the last half": lambda key: key[len(key) // 2 :],
    "in two lines": lambda key: f"{key[:9]}\n{key[9:]}",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@settings(max_examples=10)
@given(key=KEYS)
def test_a_secret_is_found_however_it_is_written_down(way: Callable[[str], str], key: str) -> None:
    text = f"you sent {way(key)}, which is wrong"
    shown = hide(text, [key])
    assert leaked(shown, key) == []
    assert shown.startswith("you sent")  # and what is beside it stays, but for what looks like its next character
    assert shown.endswith("which is wrong")


@settings(max_examples=30)
@given(key=KEYS, before=st.text(max_size=400), after=st.text(max_size=40), cut=st.integers(0, 500))
def test_of_a_secret_that_was_cut_stays_less_than_a_piece(key: str, before: str, after: str, cut: int) -> None:
    assert leaked(hide((before + key + after)[:cut], [key]), key) == []


@settings(max_examples=20)
@given(st.text(max_size=200))
def test_text_without_the_secret_stays_as_it_is(text: str) -> None:
    kept = "".join(each for each in text if not each.isascii())
    assert hide(kept, [KEY]) == kept
    assert hide(text, []) == text


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("Bearer abcdef123456", "Bearer abcdef123456", f"Bearer {SHOWN}"),
        ("Bearer abcdef123456", "a Bearer token", "a Bearer token"),
        ("Basic " + b64encode(b"user:open sesame").decode(), "not 'open sesame'", f"not '{SHOWN}'"),
        ("Basic ***", "Basic ***", "Basic ***"),
        ("Basic /w==", "Basic /w==", f"Basic {SHOWN}"),
        ("abcd", "is abcd known?", f"is {SHOWN} known?"),
        ("abc", "abc is too short to be told from other text", "abc is too short to be told from other text"),
        ("12345678901234", "the number 12345678901234", f"the number {SHOWN}"),
    ],
)
def test_schemes_may_be_seen_and_short_values_are_hidden_whole(value: str, text: str, shown: str) -> None:
    assert hide(text, [value]) == shown


def test_an_answer_is_searched_to_its_leaves() -> None:
    class Odd:
        def __repr__(self) -> str:
            return f"Odd({KEY})"

    answer = {"a": [KEY, 1, 0.5, None, True], KEY: {"b": f"x{KEY}"}, "n": 1234567890123456, "odd": Odd()}
    assert hidden(answer, [KEY, "1234567890123456"]) == {
        "a": [SHOWN, 1, 0.5, None, True],
        SHOWN: {"b": f"x{SHOWN}"},
        "n": SHOWN,
        "odd": f"Odd({SHOWN})",
    }


def test_numbers_of_any_length_are_searched_and_kept() -> None:
    numbers = [10**400, 10**5000, 1e308, float("inf"), -1.5]
    assert hidden(numbers, [KEY]) == numbers
    assert hidden([12345678 * 10**400], ["12345678"]) == [SHOWN]


def test_what_no_error_shows_is_cut() -> None:
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    assert repr(hidden(deep, [KEY])).count("[") == 20
    assert repr(without_whole(deep, [KEY])).count("[") == 100
    assert len(hidden("x" * 10**6, [KEY])) == 10_000


def test_what_is_used_loses_whole_secrets_alone() -> None:
    long = "planted " * 10_000
    assert without_whole([long, f"a {KEY}", KEY[:20]], [KEY]) == [long, f"a {SHOWN}", KEY[:20]]


ANSWERS: dict[str, Any] = {
    "zeros": [0] * 1_000_000,
    "numbers": [123456789.25] * 500_000,
    "objects": [{}] * 500_000,
    "texts": ["ab cd/ef-" * 1000] * 500,
    "rows": {"results": [{"index": 0, "relevance_score": 0.5, KEY: "%41" * 100}] * 100_000},
    "wide and deep": [[[[[[0] * 20] * 20] * 20] * 20] * 20],
    "keys": {f"{place}": KEY for place in range(100_000)},
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_of_a_long_answer_no_more_is_searched_than_is_shown(body: Any, status: int, colour: Colour) -> None:
    reranker = answered(
        Jina,
        lambda _: Response(status, body),
        model="jina-reranker-m0",
        api_key=KEY,
        base_url="http://host",
        max_retries=0,
    )
    started = time.perf_counter()
    with pytest.raises(RerankError) as caught:
        colour(reranker, "rerank", "q", ["a", "b"])
    assert time.perf_counter() - started < 2
    assert leaked(str(caught.value), KEY) == []


def test_what_is_quoted_is_searched_before_it_is_cut() -> None:
    searched: list[str] = []

    def hide(text: str) -> str:
        searched.append(text)
        return text.replace(KEY, SHOWN)

    value = {KEY: "x" * 140 + KEY + "x" * 140, "n": [1234567, 0.5, None, b"bytes"] * 100}
    plain = quoted(value)
    with hiding(hide):
        assert KEY[:8] not in quoted(value)
        assert quoted([1, 0.5, "x"]) == "[1, 0.5, 'x']"
        assert len(without_hidden("x" * 10**6)) == 10_000
    assert quoted(value) == plain
    assert len(searched) < 300


@pytest.mark.parametrize("alphabet", ["%41", "\\u0041", "\\", "&amp;", "&#", KEY, "\n", "%"])
def test_searching_takes_time_in_proportion(alphabet: str) -> None:
    started = time.perf_counter()
    hide(alphabet * (100_000 // len(alphabet)), [KEY, "another-secret-of-mine"])
    assert time.perf_counter() - started < 5

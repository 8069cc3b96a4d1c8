"""Texts are compared without what does not count, in time that grows with their length alone."""

from __future__ import annotations

import unicodedata
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit.texts import folded

BELONGING = "\u0301\u0323\u1100\u1161\u11a8\uff76\uff9e\u09c7\u09be\u0f71\u0f72\u0345"


def at_once(text: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.split())


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters() | st.sampled_from(BELONGING), max_size=20).map(lambda text: text * 11))
def test_a_long_text_is_folded_as_a_short_one(text: str) -> None:
    assert folded(text) == at_once(text)


@pytest.mark.parametrize(
    "text", ["a" + "\u0301\u0323" * 100_000, "\u1161" * 200_000, "\n" * 200_000, "工" * 200_000, "é" * 200_000]
)
def test_long_runs_are_folded_in_time(text: str) -> None:
    started = process_time()
    assert folded(f"{text} Cook").endswith("cook")
    assert process_time() - started < 10  # a minute, where the time grows with the square of the length

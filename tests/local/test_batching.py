"""Batches hold like lengths and stay within their bound; long texts are cut where no model reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit.local.batching import BEYOND, Batches, readable

LENGTHS = st.lists(st.integers(1, 600), min_size=1, max_size=60)


def all_of(batches: Batches) -> list[list[int]]:
    taken: list[list[int]] = []
    while (batch := batches.take()) is not None:
        taken.append(batch)
    return taken


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 4))
def test_every_item_comes_once_in_batches_within_the_bound_longest_first(
    lengths: list[int], bound: int, takers: int
) -> None:
    taken = all_of(Batches(lengths, bound, takers=takers))
    assert sorted(place for batch in taken for place in batch) == [*range(len(lengths))]
    assert all(len(batch) == 1 or len(batch) * max(lengths[item] for item in batch) <= bound for batch in taken)
    order = [lengths[item] for batch in taken for item in batch]
    assert order == sorted(order, reverse=True)


def test_a_batch_is_as_large_as_the_bound_allows() -> None:
    assert [len(batch) for batch in all_of(Batches([10] * 25, 100))] == [10, 10, 5]


def test_an_item_above_the_bound_goes_alone() -> None:
    assert all_of(Batches([30, 900, 30], 60)) == [[1], [0, 2]]


@given(LENGTHS, st.integers(2, 4))
def test_no_taker_gets_more_than_its_share_of_what_is_left(lengths: list[int], takers: int) -> None:
    batches = Batches(lengths, 1_000_000, takers=takers)
    left = sum(lengths)
    for batch in all_of(batches):
        size = sum(lengths[item] for item in batch)
        assert len(batch) == 1 or size <= left / takers
        left -= size


def test_a_batch_that_was_too_large_comes_again_in_halves_and_so_do_those_after_it() -> None:
    batches = Batches([10] * 24, 80)
    first = batches.take()
    assert first is not None
    batches.halve(first)
    taken = all_of(batches)
    assert [len(batch) for batch in taken] == [4] * 6
    assert sorted(item for batch in taken for item in batch) == [*range(24)]


def test_halving_keeps_the_longest_first_and_ends_at_one() -> None:
    batches = Batches([9, 8, 7, 6], 18)
    long, short = batches.take(), batches.take()
    assert (long, short) == ([0, 1], [2, 3])
    batches.halve([2, 3])
    batches.halve([0, 1])
    assert all_of(batches) == [[0], [1], [2], [3]]


def test_items_without_length_are_handed_out_too() -> None:
    assert sorted(item for batch in all_of(Batches([0, 0, 5], 4)) for item in batch) == [0, 1, 2]


def test_halving_ends_also_where_nothing_has_a_length() -> None:
    batches = Batches([0] * 4, 512)
    for expected in ([0, 1, 2, 3], [0, 1]):
        batch = batches.take()
        assert batch == expected
        batches.halve(expected)
    assert all_of(batches) == [[0], [1], [2], [3]]


LIMIT = 8


def words(text: str) -> int:
    """Counts words as a tokenizer that stops at so many does."""
    return min(len(text.split()), LIMIT + BEYOND)


@pytest.mark.parametrize("head", ["", " " * 50_000, "x" * 50_000 + " "], ids=["words", "blanks", "one long word"])
def test_a_long_text_is_cut_behind_what_is_read(head: str) -> None:
    text = head + "word " * 1_000_000
    part, tokens = readable(text, LIMIT, words)
    assert tokens > LIMIT
    assert text.startswith(part)
    assert part.split()[:LIMIT] == text.split()[:LIMIT]
    assert len(part) < len(text) / 5


@pytest.mark.parametrize("text", ["", "word", "word " * LIMIT, " " * 10_000 + "word"])
def test_a_text_that_fits_is_not_cut(text: str) -> None:
    part, tokens = readable(text, LIMIT, words)
    assert (part.split(), tokens) == (text.split(), len(text.split()))

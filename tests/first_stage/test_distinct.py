"""Which candidates are one: by ids and texts, each in one group, the best placed first, in linear time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError
from rerank_kit.first_stage.distinct import Distinct, check_distinct, grouping, groups
from rerank_kit.first_stage.near_duplicates import near_duplicates
from rerank_kit.flow import Call
from rerank_kit.texts import is_blank
from tests.processes import python

EVERY: list[Any] = ["document", "text", 0.9, 1.0, 0.2, None]
CANDIDATES = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from(["x", "X ", "y", "", "\u200b"])))


def grouped(distinct: Any, *candidates: tuple[str | None, str]) -> list[list[int]]:
    return groups([key for key, _ in candidates], [text for _, text in candidates], distinct)


# ── By id and text ──


def test_the_same_id_and_text_are_one_document_and_the_best_placed_comes_first() -> None:
    found = grouped("document", ("a", "x"), ("b", "y"), ("a", "x"), ("b", "y"), ("a", "x"))
    assert found == [[0, 2, 4], [1, 3]]


def test_another_id_or_another_text_is_another_document() -> None:
    assert grouped("document", ("a", "x"), ("b", "x"), ("a", "y"), ("a", "X")) == [[0], [1], [2], [3]]


def test_without_ids_the_text_decides() -> None:
    assert grouped("document", (None, "x"), (None, "y"), (None, "x")) == [[0, 2], [1]]


def test_one_without_an_id_is_one_with_the_best_placed_of_its_text() -> None:
    assert grouped("document", ("a", "x"), ("b", "x"), (None, "x")) == [[0, 2], [1]]
    assert grouped("document", (None, "x"), ("a", "x"), ("b", "x"), ("a", "x"), (None, "x")) == [[0, 1, 3, 4], [2]]


def test_what_has_no_text_is_one_with_the_same_id_alone() -> None:
    blank = [(None, ""), (None, ""), ("a", ""), ("a", ""), ("b", ""), (None, "\u200b"), (None, "\u200b")]
    for distinct in ("document", "text", 0.1):
        assert grouped(distinct, *blank) == [[0], [1], [2, 3], [4], [5], [6]]


# ── By text ──


def test_the_same_text_is_one_whatever_the_ids_case_width_and_white_space() -> None:
    found = grouped("text", ("a", "The ABC x"), ("b", "the  ＡＢＣ\nＸ "), (None, "The ABC y"), ("d", "THE ABC X"))
    assert found == [[0, 1, 3], [2]]


# ── By what texts share ──


def words(*changed: int) -> str:
    return " ".join(f"new{place}" if place in changed else f"word{place}" for place in range(100))


def test_texts_that_share_enough_are_one() -> None:
    texts = [words(), words(50), words(20, 50, 80)]  # of 98 threes, a word changes 3
    assert [near_duplicates(texts, share)[0] for share in (0.95, 0.94, 0.84, 0.83)] == [
        [[0], [1], [2]],
        [[0, 1], [2]],
        [[0, 1], [2]],
        [[0, 1, 2]],
    ]
    assert grouped(0.94, *((None, text) for text in texts)) == [[0, 1], [2]]


def test_a_part_of_a_text_is_not_the_text() -> None:
    assert near_duplicates([words()[:300], words()], 0.9)[0] == [[0], [1]]


def test_no_chain_leads_from_one_text_to_another() -> None:
    texts = [words(), words(10), words(10, 50), words(10, 50, 90)]
    assert near_duplicates(texts, 0.93)[0] == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("राम की किताब यहाँ है", "राम को किताब यहाँ है"),
        ("วันนี้ดีมาก", "วันนี้ดูมาก"),
        ("C++ is a fast language", "C# is a fast language"),
        ("it is -5 degrees outside", "it is 5 degrees outside"),
        ("return a < b else c", "return a > b else c"),
        ("they said 👍 to it", "they said 👎 to it"),
    ],
)
def test_vowel_signs_and_symbols_tell_texts_apart(one: str, other: str) -> None:
    assert groups([None, None, None], [one, other, one], 1.0) == [[0, 2], [1]]


def test_marks_between_words_do_not() -> None:
    assert groups([None, None], ["So: it is, then.", "“So” it is then"], 1.0) == [[0, 1]]


def test_chinese_is_compared_by_its_characters() -> None:
    text = "澳大利亚的商品及服务税注册门槛是七万五千澳元，企业超过该营业额必须注册。" * 2
    other = text.replace("企业", "公司", 1)
    assert near_duplicates([text, other], 0.8)[0] == [[0, 1]]
    assert near_duplicates([text, other[::-1]], 0.1)[0] == [[0], [1]]


@pytest.mark.parametrize("text", ["x", "two words", "!?", "🙂", "a b c"])
def test_short_texts_are_one_where_they_are_equal(text: str) -> None:
    assert near_duplicates([text, "other", text.upper(), f"{text} more and more"], 0.9)[0] == [[0, 2], [1], [3]]


def test_texts_beyond_measure_are_one_where_they_are_equal() -> None:
    long = " ".join(map(str, range(100_000)))
    assert near_duplicates([long, f"{long} x", long], 0.9)[0] == [[0, 2], [1]]


def compared_with_all(texts: list[str], share: float) -> list[list[int]]:
    """The same by comparing each text with each that stays."""
    threes: list[set[tuple[str, ...]]] = []
    for text in texts:
        words = [text, "", ""] if len(text.split()) < 3 else text.split()
        threes.append(set(zip(words, words[1:], words[2:], strict=False)))
    kept: dict[int, list[int]] = {}
    for place, own in enumerate(threes):
        same = (other for other in kept if len(own & threes[other]) / len(own | threes[other]) >= share)
        kept.setdefault(next(same, place), []).append(place)
    return list(kept.values())


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=12).map(" ".join), max_size=25),
    st.sampled_from([0.1, 0.3, 1 / 3, 0.5, 0.7, 0.8, 0.9, 1.0]),
)
def test_nothing_is_overlooked_by_comparing_few(texts: list[str], share: float) -> None:
    assert near_duplicates(texts, share)[0] == compared_with_all(texts, share)


def scattered(draw: random.Random) -> list[str]:
    """Texts of their own, every fifth of which comes again with a word changed."""
    texts = [" ".join(str(draw.randrange(5000)) for _ in range(100)) for _ in range(800)]
    return texts + [f"{text} changed" for text in texts[::4]]


def of_paragraphs(draw: random.Random) -> list[str]:
    """Texts made of the same few paragraphs."""
    paragraphs = [" ".join(str(draw.randrange(5000)) for _ in range(10)) for _ in range(60)]
    return [" ".join(draw.sample(paragraphs, 10)) for _ in range(1000)]


def of_few_words(draw: random.Random) -> list[str]:
    return [" ".join(draw.choices("abcdefghijkl", k=100)) for _ in range(1000)]


@pytest.mark.parametrize(("make", "most"), [(scattered, 200), (of_paragraphs, 32_000), (of_few_words, 32_000)])
def test_a_thousand_texts_are_compared_a_few_times_each_and_not_each_with_each(
    make: Callable[[random.Random], list[str]], most: int
) -> None:
    texts = make(random.Random(0))
    for share in (0.9, 0.5):
        found, compared = near_duplicates(texts, share)
        assert sorted(place for each in found for place in each) == list(range(1000))
        assert compared <= most


def test_the_same_texts_make_the_same_groups_in_every_process() -> None:
    code = (
        "import random; from tests.first_stage.test_distinct import of_few_words; "
        "from rerank_kit.first_stage.near_duplicates import near_duplicates; "
        "print(near_duplicates(of_few_words(random.Random(1))[:200], 0.05))"
    )
    one, other = (python("-c", code, PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))
    assert one == other
    assert len(one) > 200


# ── Of all of them ──


@given(CANDIDATES)
def test_every_candidate_is_in_one_group_in_the_order_in_which_they_came(
    candidates: list[tuple[str | None, str]],
) -> None:
    for distinct in EVERY:
        found = grouped(distinct, *candidates)
        assert sorted(place for each in found for place in each) == list(range(len(candidates)))
        assert all(each == sorted(each) for each in found)
        assert [each[0] for each in found] == sorted(each[0] for each in found)


@given(CANDIDATES)
def test_what_merges_more_takes_apart_nothing_that_less_merges(candidates: list[tuple[str | None, str]]) -> None:
    for less, more in (("document", "text"), ("text", 1.0), ("text", 0.5)):
        merged = grouped(more, *candidates)
        for each in grouped(less, *candidates):
            if not is_blank(candidates[each[0]][1]):
                assert any(set(each) <= set(group) for group in merged)


def test_what_takes_time_keeps_off_the_event_loop() -> None:
    at_once: list[Distinct | None] = ["document", None]
    for quick in at_once:
        with pytest.raises(StopIteration):
            next(grouping([None], ["x"], quick))
    in_a_thread: list[Distinct] = ["text", 0.9]
    for slow in in_a_thread:
        assert isinstance(next(grouping([None], ["x"], slow)), Call)


def test_none_merges_nothing() -> None:
    assert grouped(None, ("a", "x"), ("a", "x")) == [[0], [1]]


@pytest.mark.parametrize("right", ["document", "text", None, 0.9, 1, 0.01])
def test_what_makes_candidates_one_is_a_name_a_share_or_none(right: Any) -> None:
    assert check_distinct(right) == right


@pytest.mark.parametrize("wrong", [0, -0.5, 1.01, math.nan, True, False, "id", "", ["text"], {"text"}, 10**400])
def test_anything_else_is_an_error_that_says_what_there_is(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'distinct must be "document", "text".*0\.9, or None.*not'):
        check_distinct(wrong)

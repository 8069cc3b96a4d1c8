"""Texts that are long without making tokens cost no more than their beginning, and a deadline holds for them too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, DeadlineExceeded, Document
from rerank_kit.local.batching import blank_head, reaches
from rerank_kit.local.queries import QueryShare
from rerank_kit.local.windows import fitted
from rerank_kit.values import Deadline
from tests.local.engines import ALL, WINDOWED, Engines

MONSTERS = {
    "newlines": "\n",
    "controls": "\x01",
    "one endless word": "a",
    "jamo": "\u1100",
    "marks": "\u0301",
    "zero-width": "\u200b",
    "ideographic spaces": "\u3000",
}
SIZE = 150_000  # characters
NEVER = Deadline()


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


def monster(kind: str) -> str:
    return f"apple {MONSTERS[kind] * SIZE} fig"


class Watched:
    """Counts how much text goes into a function of texts."""

    def __init__(self, real: Any) -> None:
        self.longest = 0
        self.total = 0
        self._real = real

    def __call__(self, text: str) -> Any:
        self.longest = max(self.longest, len(text))
        self.total += len(text)
        return self._real(text)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["newlines", "jamo", "one endless word", "marks"])
def test_the_end_of_what_makes_no_tokens_is_counted_as_cut(engines: Engines, name: str, kind: str) -> None:
    ranking = engines(name).rerank("apple", ["banana", monster(kind)])
    assert len(ranking) == 2
    assert ranking.usage.truncated == 1
    assert ranking.usage.pairs == 2


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("kind", ["newlines", "jamo", "one endless word"])
@pytest.mark.parametrize("policy", ["max", "best-window"])
def test_it_is_no_more_than_so_many_windows(engines: Engines, name: str, kind: str, policy: Any) -> None:
    engine = engines(name, long_documents=policy, max_windows=5)
    ranking = engine.rerank("apple", [monster(kind)])
    assert ranking.usage.pairs <= 5
    assert ranking.usage.truncated == 1


@pytest.mark.parametrize("name", WINDOWED)
def test_the_number_of_windows_is_bounded_and_the_rest_counts_as_cut(engines: Engines, name: str) -> None:
    text = "fig banana " * 4000
    usage = engines(name, long_documents="max").rerank("apple", [text]).usage
    assert (usage.pairs, usage.windows, usage.truncated) == (64, 63, 1)
    usage = engines(name, long_documents="max", max_windows=3).rerank("apple", [text]).usage
    assert (usage.pairs, usage.truncated) == (3, 1)
    windows = engines(name, long_documents="max", max_windows=3).windows("apple", text)
    assert windows == engines(name, long_documents="max").windows("apple", text)[:3]


@pytest.mark.parametrize("name", ["onnx-bert", "torch-bert"])
def test_the_number_of_windows_must_be_at_least_one(engines: Engines, name: str) -> None:
    with pytest.raises(ConfigurationError, match="max_windows"):
        engines(name, long_documents="max", max_windows=0)


@pytest.mark.parametrize("name", ALL)
def test_white_space_before_a_text_does_not_hide_it(engines: Engines, name: str) -> None:
    engine = engines(name)
    if not engine._skips_blanks:
        pytest.skip("this tokenizer makes tokens of white space")
    (hit,) = engine.rerank("apple", ["\n\t " * 200_000 + "apple fig"]).hits
    assert hit.score == engine.rerank("apple", ["apple fig"]).hits[0].score


def test_passages_stay_where_they_are_behind_white_space(engines: Engines) -> None:
    engine: Any = engines("onnx-bert", long_documents="max")
    text = " " * 50_000 + "fig banana " * 60 + "apple"
    (hit,) = engine.rerank("apple", [text]).hits
    start, end = hit.passage
    assert not text[start].isspace()
    assert (start - 50_000, end - 50_000) in engine.windows("apple", text[50_000:])


# ── The deadline ──


class Slowly:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("name", ALL)
def test_a_deadline_is_looked_at_between_the_looks_at_one_document(engines: Engines, name: str) -> None:
    engine: Any = engines(name)
    with pytest.raises(DeadlineExceeded):
        engine.score([("apple", monster("jamo"))], Deadline(3.0, Slowly()))


@pytest.mark.parametrize("name", WINDOWED)
def test_a_deadline_is_looked_at_while_windows_are_cut(engines: Engines, name: str) -> None:
    engine: Any = engines(name, long_documents="max")
    with pytest.raises(DeadlineExceeded):
        engine.windows_in_time("apple", monster("jamo"), Deadline(3.0, Slowly()))


@pytest.mark.parametrize("name", ALL)
def test_a_deadline_is_looked_at_while_a_query_is_cut(engines: Engines, name: str) -> None:
    engine: Any = engines(name)
    with pytest.raises(DeadlineExceeded):
        engine.fitted_query("fig banana " * 5000, Deadline(3.0, Slowly()))


@pytest.mark.parametrize("name", ALL)
def test_scores_that_come_too_late_are_no_ranking(engines: Engines, name: str) -> None:
    engine: Any = engines(name)
    clock = Slowly()

    real: Any = engine.score

    def late(pairs: Any, deadline: Deadline) -> Any:
        scored = real(pairs, NEVER)
        clock.now += 100
        return scored

    engine.score = late
    try:
        with pytest.raises(DeadlineExceeded):
            engine._ranked_together([("apple", [Document("fig")])], Deadline(50.0, clock))
    finally:
        del engine.score


# ── Alone ──


@given(st.integers(0, 5_000_000), st.integers(1, 9000))
def test_a_text_is_looked_at_a_few_times_and_never_far_behind_what_is_read(length: int, tokens: int) -> None:
    looks = list(reaches(length, tokens))
    assert looks == sorted(set(looks))
    assert looks[-1] == min(length, 16 * tokens + 100_000)
    assert len(looks) < 10


@given(st.integers(0, 300_000), st.integers(1, 50), st.integers(1, 40))
def test_reading_for_windows_is_bounded_and_never_holds_much(count: int, size: int, most: int) -> None:
    offsets = Watched(lambda text: [(place, place + 1) for place in range(0, len(text), 10)])
    text = "x" * count
    windows = fitted(text, offsets, lambda _: True, size=size, most=most, check=NEVER.check)
    assert 1 <= len(windows) <= most
    assert offsets.longest <= 1 << 15
    assert offsets.total <= 16 * size * most + 140_000
    assert windows == [(0, count)] or all(first < last <= count for first, last in windows)


def test_white_space_is_skipped_where_there_is_very_much_of_it() -> None:
    assert [blank_head(text) for text in ("", "a", " a", " " * 1024 + "a", " " * 1025 + "a")] == [0, 0, 0, 0, 1025]
    assert blank_head("\n" * 3_000_000) == 1_000_000


@pytest.mark.parametrize("kind", list(MONSTERS))
@pytest.mark.parametrize("keep", ["keep-end", "keep-start"])
def test_a_monstrous_query_is_read_no_further_than_a_document(kind: str, keep: Any) -> None:
    count = Watched(lambda text: len(text.split()))
    kept = QueryShare(20, keep, room=100).fitted(f"why {MONSTERS[kind] * SIZE} apple", count)
    assert count.longest <= 16 * 20 + 100_000
    assert count.total <= 100 * count.longest
    assert kept.cut

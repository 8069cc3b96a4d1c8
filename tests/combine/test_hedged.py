"""A late answer is asked for twice, the first answer wins, and nothing of the other is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline, Document, Hedged, InvalidResponse, Ranking, Reranker
from rerank_kit.flow import Flow, blocking, sleep
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.doubles import Failing, Scripted

DOCUMENTS = ["low 1", "high 3", "middle 2"]


@dataclass
class Sticky(Reranker):
    """Hangs the first so many times, until its deadline or for ever, then answers."""

    hangs: int = 1
    error: Exception | None = None
    begun: int = 0
    ended: list[str] = field(default_factory=list[str])
    waiting: threading.Event = field(default_factory=threading.Event)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        self.begun += 1
        number = self.begun
        try:
            while number <= self.hangs and not self.waiting.is_set():
                deadline.check()
                yield from sleep(0.005)
            if self.error is not None:
                raise self.error
            scores = yield from blocking(lambda: [float(document.text[-1]) for document in documents])
            return Ranking.by_score(scores)
        finally:
            self.ended.append(f"{number}")


def ended(sticky: Sticky, count: int) -> bool:
    for _ in range(500):
        if len(sticky.ended) == count:
            return True
        time.sleep(0.01)
    return False


def test_a_prompt_answer_is_not_asked_for_twice(colour: Colour) -> None:
    reranker = Scripted()
    ranking = colour(Hedged(reranker, after=60), "rerank", "query", DOCUMENTS)
    assert [hit.index for hit in ranking] == [1, 2, 0]
    assert len(reranker.sent) == 1
    assert [span.backend for span in ranking.spans] == ["Scripted", "Hedged"]


@pytest.mark.parametrize("limits", [{}, {"timeout": 60}])
def test_a_late_answer_is_asked_for_again_and_the_first_request_ends(colour: Colour, limits: dict[str, Any]) -> None:
    sticky = Sticky()
    ranking = colour(Hedged(sticky, after=0.02), "rerank", "query", DOCUMENTS, **limits)
    assert [hit.index for hit in ranking] == [1, 2, 0]
    assert ended(sticky, 2)
    assert ranking.spans[0].problem == "given up: the second request was answered"
    assert [(span.backend, span.outcome) for span in ranking.spans] == [
        ("Sticky", "failed"),
        ("Sticky", "ok"),
        ("Hedged", "ok"),
    ]
    assert not ranking.degraded


def test_the_first_request_may_still_win(colour: Colour) -> None:
    first, second = Sticky(), Sticky(hangs=1)
    threading.Timer(0.1, first.waiting.set).start()
    ranking = colour(Hedged(first, after=0.02, other=second), "rerank", "query", DOCUMENTS)
    assert len(ranking) == 3
    assert ranking.spans[0].problem == "given up: the first request was answered"
    assert ended(second, 1)


def test_a_failure_before_the_second_request_is_the_answer(colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match="nonsense"):
        colour(Hedged(Failing(InvalidResponse("nonsense")), after=60), "rerank", "query", DOCUMENTS)


def test_one_that_fails_leaves_the_race_to_the_other(colour: Colour) -> None:
    first = Sticky()
    threading.Timer(0.1, first.waiting.set).start()
    ranking = colour(Hedged(first, after=0.02, other=Failing(ValueError("broken"))), "rerank", "query", DOCUMENTS)
    assert len(ranking) == 3


def test_when_both_fail_the_first_ones_error_is_raised(colour: Colour) -> None:
    first = Sticky(error=InvalidResponse("first"))
    threading.Timer(0.1, first.waiting.set).start()
    with pytest.raises(InvalidResponse, match="first"):
        colour(Hedged(first, after=0.02, other=Failing(ValueError("second"))), "rerank", "query", DOCUMENTS)


def test_cancelling_cancels_both() -> None:
    sticky = Sticky(hangs=2)

    hedged = Hedged(sticky, after=0.01)
    left = tasks_left_by_cancelling(lambda: hedged.arerank("query", DOCUMENTS), lambda: sticky.begun >= 2)
    assert left == 1
    assert len(sticky.ended) == 2


@pytest.mark.parametrize("after", [0, -1, None, "soon"])
def test_a_wait_that_is_none_is_an_error(after: Any) -> None:
    with pytest.raises(ConfigurationError):
        Hedged(Scripted(), after=after)


def test_it_stands_for_the_reranker_inside() -> None:
    one, other = Scripted(), Failing(ValueError("x"))
    other.pointwise = False
    assert Hedged(one, after=1).model == "scripted"
    assert Hedged(one, after=1).pointwise
    assert not Hedged(one, after=1, other=other).pointwise
    assert Hedged(one, after=1).fingerprint == one.fingerprint
    assert Hedged(one, after=1, other=other).fingerprint is None
    assert repr(Hedged(other, after=1.5)) == f"Hedged({other!r}, after=1.5)"
    assert repr(Hedged(one, after=1, other=other)).endswith(f"after=1, other={other!r})")


@pytest.mark.parametrize("error", [UserWarning("made an error"), ConfigurationError("wrong")])
def test_what_must_be_seen_is_raised_also_where_the_other_answers(colour: Colour, error: Exception) -> None:
    late = Sticky(hangs=1)
    with pytest.raises(type(error), match=str(error)):
        colour(Hedged(late, after=0.01, other=Failing(error)), "rerank", "query", DOCUMENTS, timeout=5)
    late.waiting.set()
    assert ended(late, 1)

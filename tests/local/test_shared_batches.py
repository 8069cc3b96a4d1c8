"""Callers that wait at the same time are scored together, and none pays for another's failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from rerank_kit import Deadline, DeadlineExceeded
from rerank_kit.local import Scored
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.shared_batches import SharedBatches


@dataclass
class Model:
    """Scores a pair by the number that is its text. It does not begin before it may."""

    may: threading.Event = field(default_factory=threading.Event)
    calls: list[tuple[list[str], Deadline]] = field(default_factory=list[tuple[list[str], Deadline]])

    def __call__(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        self.calls.append(([text for _, text in pairs], deadline))
        assert self.may.wait(30)
        scores = [float(text) for _, text in pairs]  # which a text that is no number makes fail
        return Scored(scores, [int(score) for score in scores], [score > 5 for score in scores])


def until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    pytest.fail("it never came to be")


def meeting(model: Model, groups: Sequence[Sequence[str]], deadline: Deadline | None = None) -> list[Future[Scored]]:
    """The first of the callers is at work when the others come; then the model may begin."""
    together = SharedBatches(model)
    pool = ThreadPoolExecutor(len(groups))

    def ask(texts: Sequence[str]) -> Future[Scored]:
        return pool.submit(together.score, [("query", text) for text in texts], deadline or Deadline())

    first = ask(groups[0])
    until(lambda: len(model.calls) == 1)
    others: list[Future[Scored]] = []
    for texts in groups[1:]:
        others.append(ask(texts))
        until(lambda: len(together._waiting) == len(others))
    model.may.set()
    pool.shutdown()
    return [first, *others]


def test_those_who_wait_go_into_the_next_call_together_and_each_gets_its_own() -> None:
    model = Model()
    answers = [each.result() for each in meeting(model, [["1", "2"], ["3"], ["9", "4"], ["5"]])]
    assert [texts for texts, _ in model.calls] == [["1", "2"], ["3", "9", "4", "5"]]
    assert [each.scores for each in answers] == [[1, 2], [3], [9, 4], [5]]
    assert [each.tokens for each in answers] == [[1, 2], [3], [9, 4], [5]]
    assert [each.truncated for each in answers] == [[False, False], [False], [True, False], [False]]


def test_one_whose_pairs_fail_fails_alone() -> None:
    model = Model()
    first, good, bad, other = meeting(model, [["1"], ["2"], ["no number"], ["3"]])
    assert [each.result().scores for each in (first, good, other)] == [[1], [2], [3]]
    with pytest.raises(ValueError, match="no number"):
        bad.result()
    assert [texts for texts, _ in model.calls[1:]] == [["2", "no number", "3"], ["2"], ["no number"], ["3"]]


def test_a_failure_alone_is_the_callers() -> None:
    (alone,) = meeting(Model(), [["no number"]])
    with pytest.raises(ValueError, match="no number"):
        alone.result()


@pytest.mark.parametrize(("deadlines", "latest"), [([5.0, 9.0, 7.0], 9.0), ([5.0, None, 7.0], None)])
def test_they_have_as_long_as_the_one_with_the_most_time(deadlines: list[Any], latest: float | None) -> None:
    model, clock = Model(), lambda: 0.0
    together = SharedBatches(model)
    with ThreadPoolExecutor(4) as pool:
        pool.submit(together.score, [("query", "1")], Deadline())
        until(lambda: len(model.calls) == 1)
        for at in deadlines:
            pool.submit(together.score, [("query", "2")], Deadline(at, clock))
        until(lambda: len(together._waiting) == 3)
        model.may.set()
    assert [deadline.at for _, deadline in model.calls] == [None, latest]


def test_who_gets_no_turn_in_time_is_told_and_not_scored() -> None:
    model = Model()
    together = SharedBatches(model)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(together.score, [("query", "1")], Deadline())
        until(lambda: len(model.calls) == 1)
        with pytest.raises(DeadlineExceeded):
            together.score([("query", "2")], Deadline.after(0.05))
        model.may.set()
        assert first.result().scores == [1]
    assert [texts for texts, _ in model.calls] == [["1"]]


def test_scores_that_come_too_late_are_a_deadline_exceeded() -> None:
    model, now = Model(), iter([0.0, 2.0])
    model.may.set()
    with pytest.raises(DeadlineExceeded):
        SharedBatches(model).score([("query", "1")], Deadline(1.0, lambda: next(now)))


def test_when_the_one_at_work_is_interrupted_the_others_go_on() -> None:
    model, interrupted = Model(), threading.Event()

    def score(pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        if len(model.calls) == 1 and not interrupted.is_set():  # the second call, for all who wait
            interrupted.set()
            raise KeyboardInterrupt
        return model(pairs, deadline)

    together = SharedBatches(score)
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(together.score, [("query", "1")], Deadline())]
        until(lambda: len(model.calls) == 1)
        futures += [pool.submit(together.score, [("query", text)], Deadline()) for text in ("2", "3")]
        until(lambda: len(together._waiting) == 2)
        model.may.set()
    outcomes = [each.exception() or each.result().scores for each in futures]
    assert outcomes[0] == [1]
    assert sum(isinstance(each, KeyboardInterrupt) for each in outcomes) == 1
    assert sum(each in ([2], [3]) for each in outcomes) == 1

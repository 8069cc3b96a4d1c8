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
from rerank_kit.caller import Caller
from rerank_kit.errors import Abandoned
from rerank_kit.local import Scored
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.shared_batches import SharedBatches, Wanted


@dataclass
class Model:
    """Scores each pair that is wanted by the number that is its text. It does not begin before it may."""

    may: threading.Event = field(default_factory=threading.Event)
    calls: list[tuple[list[str], Deadline]] = field(default_factory=list[tuple[list[str], Deadline]])
    scored: list[str] = field(default_factory=list[str])

    def __call__(self, pairs: Sequence[Pair], deadline: Deadline, wanted: Wanted) -> Scored:
        self.calls.append(([text for _, text in pairs], deadline))
        assert self.may.wait(30)
        self.scored += [text for place, (_, text) in enumerate(pairs) if wanted(place)]
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


@dataclass
class Leaving:
    """Asks in a thread, as blocking code of an async caller is called, and may leave."""

    together: SharedBatches
    texts: Sequence[str]
    answer: Future[Scored] = field(default_factory=Future[Scored])
    caller: Caller = field(default_factory=Caller)

    def __post_init__(self) -> None:
        threading.Thread(target=self.caller.calling(self.ask), daemon=True).start()

    def ask(self) -> None:
        try:
            self.answer.set_result(self.together.score([("query", text) for text in self.texts], Deadline().bound()))
        except BaseException as error:  # noqa: BLE001
            self.answer.set_exception(error)

    def go(self) -> None:
        self.caller.leave()
        assert isinstance(self.answer.exception(30), Abandoned)


def in_line(together: SharedBatches, model: Model, texts: Sequence[Sequence[str]]) -> list[Leaving]:
    """Who asks: the model is busy with the pairs of the first, and the others wait, in their order."""
    callers = [Leaving(together, texts[0])]
    until(lambda: len(model.calls) == 1)
    for others in texts[1:]:
        callers.append(Leaving(together, others))
        until(lambda: len(together._waiting) == len(callers) - 1)
    return callers


@pytest.mark.parametrize("leaving", [[0], [1], [2], [1, 2], [0, 3], [1, 2, 3]])
def test_the_pairs_of_who_leaves_drop_out_and_the_others_go_on(leaving: list[int]) -> None:
    model = Model()
    together = SharedBatches(model)
    callers = in_line(together, model, [["1", "2"], ["3"], ["4", "5"], ["6"]])
    for place in leaving:
        callers[place].go()
    model.may.set()
    stay = [each for place, each in enumerate(callers) if place not in leaving]
    assert [each.answer.result(30).scores for each in stay] == [[float(text) for text in each.texts] for each in stay]
    assert model.scored == [text for each in stay for text in each.texts]


def test_who_leaves_while_the_model_is_at_work_for_several_does_not_fail_the_others() -> None:
    model, begun = Model(), threading.Event()

    def score(pairs: Sequence[Pair], deadline: Deadline, wanted: Wanted) -> Scored:
        if len(model.calls) == 1:
            begun.set()
            until(lambda: not wanted(0))
            deadline.check()
        return model(pairs, deadline, wanted)

    together = SharedBatches(score)
    first, second, third = in_line(together, model, [["1"], ["2"], ["3"]])
    model.may.set()
    assert begun.wait(30)
    second.go()
    assert third.answer.result(30).scores == [3]
    assert first.answer.result(30).scores == [1]
    assert model.scored == ["1", "3"]


def test_a_model_that_would_end_its_thread_fails_the_one_who_asked_alone() -> None:
    model = Model()

    def score(pairs: Sequence[Pair], deadline: Deadline, wanted: Wanted) -> Scored:
        if ("query", "exit") in pairs:
            raise SystemExit(3)
        return model(pairs, deadline, wanted)

    together = SharedBatches(score)
    first, second, third = in_line(together, model, [["1"], ["exit"], ["3"]])
    model.may.set()
    assert isinstance(second.answer.exception(30), SystemExit)
    assert [each.answer.result(30).scores for each in (first, third)] == [[1], [3]]

"""Callers that come while a model is busy: the pairs of all of them go into its next batches together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rerank_kit.local.cross_encoder import Pair, Scored
from rerank_kit.shutdown import in_hand
from rerank_kit.threads import Threads, as_done
from rerank_kit.values import Deadline

Wanted: TypeAlias = Callable[[int], bool]
"""Whether somebody still waits for the score of the pair at a place."""


def all_wanted(place: int) -> bool:  # noqa: ARG001 - it is what `Wanted` asks for
    """What is wanted of the pairs of a single caller: all."""
    return True


class SharedBatches:
    """Scores for all callers that wait, for engines that want their batches full, as those on a GPU do.

    A thread of its own does, so that none who leaves, is interrupted or has no more time takes the others' scores
    along; only their pairs drop out. A caller whose pairs make the model fail does not cost the others theirs: then
    each is scored alone.
    """

    def __init__(self, score: Callable[[Sequence[Pair], Deadline, Wanted], Scored]) -> None:
        """Put this in front of a function that scores pairs, except those that nobody wants any more."""
        self._score = score
        self._thread = Threads(1, "rerank-kit-batches")
        self._waiting: deque[_Request] = deque()

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs, with those of other callers or alone.

        Raises:
            DeadlineExceeded: The scores did not come before the deadline.
        """
        request = _Request(pairs, deadline)
        self._waiting.append(request)
        try:
            self._thread.submit(self._score_all)
            next(as_done([request.answer], deadline))
        finally:
            request.gave_up = True
        scored = request.answer.result()
        deadline.check()
        return scored

    def _score_all(self) -> None:
        """Score for all who wait."""
        requests: list[_Request] = []
        while self._waiting:
            requests.append(self._waiting.popleft())
        requests = [each for each in requests if not each.left]
        if len(requests) > 1:
            with suppress(BaseException):  # whose it is shows when each is scored alone
                self._answer(requests)
        for each in requests:
            if not (each.left or each.answer.done()):
                self._answer_alone(each)

    def _answer_alone(self, request: _Request) -> None:
        try:
            self._answer([request])
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
            request.answer.set_exception(error)

    def _answer(self, requests: Sequence[_Request]) -> None:
        owners = [each for each in requests for _ in each.pairs]
        pairs = [pair for each in requests for pair in each.pairs]
        with in_hand(None):  # an engine may prepare the pairs in this thread, in native code
            scored = self._score(pairs, _latest(requests), lambda place: not owners[place].left)
        start = 0
        for each in requests:
            part = slice(start, start := start + len(each.pairs))
            each.answer.set_result(Scored(scored.scores[part], scored.tokens[part], scored.truncated[part]))


@dataclass(eq=False, slots=True)
class _Request:
    """What one caller wants, and what it gets."""

    pairs: Sequence[Pair]
    deadline: Deadline
    gave_up: bool = False
    answer: Future[Scored] = field(default_factory=Future[Scored])

    @property
    def left(self) -> bool:
        """Whether the caller waits no more; its thread may not know yet."""
        return self.gave_up or (self.deadline.caller is not None and self.deadline.caller.gone)


def _latest(requests: Sequence[_Request]) -> Deadline:
    """The deadline of the caller that has the most time. It does not end when that caller leaves."""
    latest = max(
        (each.deadline for each in requests),
        key=lambda each: float("inf") if each.at is None else each.at,
    )
    return replace(latest, caller=None)

"""Callers that come while a model is busy: the pairs of all of them go into its next batches together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rerank_kit.local.cross_encoder import Pair, Scored
from rerank_kit.values import Deadline


class SharedBatches:
    """Lets one of the callers that wait score for all, for engines that want their batches full, as those on a GPU do.

    A caller whose pairs make the model fail does not cost the others theirs: then each is scored alone.
    """

    def __init__(self, score: Callable[[Sequence[Pair], Deadline], Scored]) -> None:
        """Put this in front of a function that scores pairs."""
        self._score = score
        self._turn = threading.Lock()  # who has it runs the model
        self._lock = threading.Lock()  # guards the next line
        self._waiting: list[_Caller] = []

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs, with those of other callers or alone.

        Raises:
            DeadlineExceeded: There was no turn before the deadline, or the scores came after it.
        """
        caller = _Caller(pairs, deadline)
        with self._lock:
            self._waiting.append(caller)
        remaining = deadline.remaining()
        if not self._turn.acquire(timeout=-1 if remaining is None else remaining):
            with self._lock:
                self._waiting = [each for each in self._waiting if each is not caller]
            deadline.check()
        else:
            try:
                if caller.answer is None:
                    self._score_all()
            finally:
                self._turn.release()
        if isinstance(caller.answer, Exception):
            raise caller.answer
        deadline.check()
        assert caller.answer is not None  # noqa: S101 - it was scored, or an exception is on its way
        return caller.answer

    def _score_all(self) -> None:
        """Score for all who wait."""
        with self._lock:
            callers, self._waiting = self._waiting, []
        try:
            if len(callers) > 1:
                self._answer_together(callers)
            for caller in callers:
                if caller.answer is None:
                    self._answer(caller)
        finally:  # when this thread was interrupted, another caller goes on
            with self._lock:
                self._waiting = [*(each for each in callers if each.answer is None), *self._waiting]

    def _answer_together(self, callers: Sequence[_Caller]) -> None:
        times = [caller.deadline.remaining() for caller in callers]
        latest = callers[times.index(None)] if None in times else max(callers, key=lambda each: each.deadline.at or 0.0)
        try:
            scored = self._score([pair for caller in callers for pair in caller.pairs], latest.deadline)
        except Exception:  # noqa: BLE001 - whose it is shows when each is scored alone
            return
        start = 0
        for caller in callers:
            part = slice(start, start := start + len(caller.pairs))
            caller.answer = Scored(scored.scores[part], scored.tokens[part], scored.truncated[part])

    def _answer(self, caller: _Caller) -> None:
        try:
            caller.answer = self._score(caller.pairs, caller.deadline)
        except Exception as error:  # noqa: BLE001 - it is raised in the thread that asked
            caller.answer = error


@dataclass(eq=False, slots=True)
class _Caller:
    """What one caller wants, and what it gets."""

    pairs: Sequence[Pair]
    deadline: Deadline
    answer: Scored | Exception | None = None

"""`Fallback`: when one reranker is down, the next one answers, and the ranking says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from rerank_kit.api.circuit import Circuit
from rerank_kit.api.retry import worth_repeating
from rerank_kit.checks import check_timeout
from rerank_kit.errors import AllFailed, ConfigurationError, DeadlineExceeded, MissingExtra, StatusError
from rerank_kit.flow import Flow
from rerank_kit.observe.hooks import logger
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.values import Deadline, Document, Span


class Fallback(Reranker):
    """Asks the first reranker; when it fails or takes too long, the next, and so on.

    A managed reranker before a local one is the typical pair. What a programmer must mend is never hidden: a wrong
    argument, a refused key, a missing package. A ranking by any but the first is degraded: its spans say who failed,
    why, and who answered. Scores of different models are not comparable, so mind thresholds.

    A reranker that fails several times in a row is left out for a while, then tried with a single call.

    Attributes:
        rerankers: In the order in which they are asked.
        timeout: Seconds for each but the last.
    """

    reads_text = False  # who is asked decides

    def __init__(
        self,
        *rerankers: Reranker,
        timeout: float | None = None,
        failures: int = 3,
        pause: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put rerankers in order.

        Args:
            *rerankers: The first is asked first.
            timeout: Seconds for each but the last; by default an equal share of what is left of the call's time.
            failures: How many failures in a row leave a reranker out.
            pause: Seconds for which it is left out.
            clock: A clock in seconds that only goes forward.

        Raises:
            ConfigurationError: There are fewer than two, or an argument is wrong.
        """
        if len(rerankers) < 2 or not all(isinstance(each, Reranker) for each in rerankers):  # noqa: PLR2004 - a pair
            msg = f"Fallback needs at least two rerankers, the first and what answers in its place, not {rerankers!r}"
            raise ConfigurationError(msg)
        self.rerankers = rerankers
        self.timeout = check_timeout(timeout)
        self.model = " | ".join(each.model or type(each).__name__ for each in rerankers)
        self.pointwise = all(each.pointwise for each in rerankers)
        self._circuits = [Circuit(failures=failures, seconds=pause, clock=clock) for _ in rerankers]

    @property
    def scores_blanks(self) -> bool:
        """Whether all of them judge documents without text."""
        return all(each.scores_blanks for each in self.rerankers)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents with the first that can."""
        open_now = [place for place, circuit in enumerate(self._circuits) if circuit.allows()]
        order = open_now or range(len(self.rerankers))  # with all of them out, any is worth a try
        failures = [self._left_out(place, documents) for place in range(len(self.rerankers)) if place not in order]
        for turn, place in enumerate(order):
            started = perf_counter()
            share = self._share(deadline, len(order) - turn)
            asking = self.rerankers[place].reranking([(query, documents)], deadline=share)
            try:
                ranking = (yield from asking)[0]
            except (ConfigurationError, MissingExtra):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may do better
                self._note(place, error)
                failures.append(self._failed(place, documents, error, perf_counter() - started))
            else:
                self._circuits[place].succeeded()
                return self._answered(place, ranking, [each for each in failures if each.place < place])
        causes = [each.error for each in failures if each.error is not None]
        what = "; ".join(each.problem for each in failures)
        if deadline.remaining() == 0:
            msg = f"the time allowed ran out before any reranker answered ({what}): raise timeout= (seconds)"
            raise DeadlineExceeded(msg) from causes[-1]
        msg = f"every reranker failed: {what}"
        raise AllFailed(msg, errors=causes) from causes[-1]

    def _share(self, deadline: Deadline, turns: int) -> Deadline:
        """The deadline of one of those that are left: the last one has all the time there is."""
        left = deadline.remaining()
        own = self.timeout if self.timeout is not None or left is None else left / turns
        if turns == 1 or own is None:
            return deadline
        return Deadline.after(own if left is None else min(own, left), deadline.clock)

    def _note(self, place: int, error: Exception) -> None:
        """Count a failure, unless it is about this request alone, such as a text that is too long."""
        if not isinstance(error, StatusError) or worth_repeating(error):
            self._circuits[place].failed()
        logger.warning("%r failed, asking the next: %s: %s", self.rerankers[place], type(error).__name__, error)

    def _failed(self, place: int, documents: Sequence[Document], error: Exception, seconds: float) -> _Failure:
        name = type(self.rerankers[place]).__name__
        problem = f"{name} failed: {type(error).__name__}: {error}"
        span = Span(name, self.rerankers[place].model, len(documents), 0, seconds, outcome="failed", problem=problem)
        return _Failure(place, problem, span, error)

    def _left_out(self, place: int, documents: Sequence[Document]) -> _Failure:
        name = type(self.rerankers[place]).__name__
        problem = f"{name} failed several times in a row and was left out"
        span = Span(
            name, self.rerankers[place].model, len(documents), 0, 0.0, outcome="failed", problem=problem, cost=0.0
        )
        return _Failure(place, problem, span, None)

    def _answered(self, place: int, ranking: Ranking, before: Sequence[_Failure]) -> Ranking:
        """The ranking, marked as degraded if it should have been another's."""
        if not before:
            return ranking
        *inner, own = ranking.spans
        name = type(self.rerankers[place]).__name__
        why = "; ".join(each.problem for each in sorted(before, key=lambda each: each.place))
        marked = replace(own, outcome="degraded", problem=f"{why}; {name} answered instead")
        return replace(ranking, spans=(*(each.span for each in before), *inner, marked))

    def __repr__(self) -> str:
        """Say who is asked in which order."""
        return f"Fallback({', '.join(map(repr, self.rerankers))})"


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a reranker did not answer."""

    place: int
    problem: str
    span: Span
    error: Exception | None

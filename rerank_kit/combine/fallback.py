"""`Fallback`: when one reranker is down, the next one answers, and the ranking says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from rerank_kit.api.circuit import Circuit
from rerank_kit.api.retry import worth_repeating
from rerank_kit.arguments import named
from rerank_kit.checks import check_seconds, check_timeout
from rerank_kit.combine.combined import OneOfSeveral
from rerank_kit.errors import (
    NEVER_HIDDEN,
    AllFailed,
    BackendError,
    ConfigurationError,
    DeadlineExceeded,
    StatusError,
)
from rerank_kit.flow import Flow
from rerank_kit.observe.hooks import logger
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.values import Deadline, Document, Span
from rerank_kit.wrong_kind import check_reranker


class Fallback(OneOfSeveral):
    """Asks the first reranker; when it fails or takes too long, the next, and so on.

    A managed reranker before a local one is the typical pair. What a programmer must mend is never hidden: a wrong
    argument, a refused key, a missing package. A ranking by any but the first is degraded: its spans say who failed,
    why, and who answered. A ranking in which nothing was ranked, such as that of a judge whose server is down, is a
    failure too; it is what comes out when nobody does better. Scores of different models are not comparable, so mind
    thresholds.

    A reranker that fails several times in a row is left out for a while, then tried with a single call. Before all have
    failed, those that were left out are tried too.

    Attributes:
        rerankers: In the order in which they are asked.
        timeout: Seconds for each but the last, with those that were left out behind the others.
    """

    @named
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
        for place, each in enumerate(rerankers):
            check_reranker(f"rerankers[{place}]", each, Reranker)
        if len(rerankers) < 2:  # noqa: PLR2004 - a pair
            msg = (
                "Fallback needs at least two rerankers, the first and what answers in its place, not "
                f"{quoted(rerankers)}: Fallback(first, second)"
            )
            raise ConfigurationError(msg)
        self.rerankers = rerankers
        self.timeout = check_timeout(timeout)
        self.model = " | ".join(each.model or type(each).__name__ for each in rerankers)
        self.pointwise = all(each.pointwise for each in rerankers)
        seconds = check_seconds("pause", pause)
        self._circuits = [Circuit(failures=failures, seconds=seconds, clock=clock) for _ in rerankers]
        self._settle(Fallback, free=frozenset({"rerankers", "timeout"}))

    @property
    def _inside(self) -> Sequence[Reranker]:
        return self.rerankers

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents with the first that can."""
        failures: list[_Failure] = []
        for place, turns, let_in in self._turns():
            asked = yield from self._ask(place, query, documents, self._share(deadline, turns), let_in=let_in)
            if isinstance(asked, Ranking):
                return self._answered(place, asked, documents, failures)
            failures.append(asked)
            if deadline.remaining() == 0:
                break
        return self._nobody(failures, deadline)

    def _ask(
        self, place: int, query: str, documents: Sequence[Document], deadline: Deadline, *, let_in: bool
    ) -> Flow[Ranking | _Failure]:
        """Ask one of them, and note how it went."""
        started = perf_counter()
        try:
            ranking = (yield from self.rerankers[place].reranking([(query, documents)], deadline=deadline))[0]
        except BaseException as error:
            if isinstance(error, NEVER_HIDDEN) or not isinstance(error, Exception):
                if let_in:
                    self._circuits[place].undecided()
                raise
            self._note(place, error, let_in=let_in)  # whatever it is, the next one may do better
            return self._failed(place, documents, error, perf_counter() - started)
        if ranking.failure is None:
            self._circuits[place].succeeded()
            return ranking
        nothing = BackendError(ranking.failure, backend=type(self.rerankers[place]).__name__)
        self._note(place, nothing, let_in=let_in)
        return self._nothing_ranked(place, ranking, nothing)

    def _nobody(self, failures: Sequence[_Failure], deadline: Deadline) -> Ranking:
        """What one of them kept all the same, when nobody ranked; otherwise an error that says why."""
        for failure in failures:
            if failure.kept is not None:
                return self._kept(failure, failure.kept, failures)
        causes = [each.error for each in failures if each.error is not None]
        what = "; ".join(each.problem for each in failures)
        if deadline.remaining() == 0:
            msg = f"the time allowed ran out before any reranker answered ({what}): raise timeout= (seconds)"
            raise DeadlineExceeded(msg) from causes[-1]
        msg = f"every reranker failed: {what}"
        raise AllFailed(msg, errors=causes) from causes[-1]

    def _turns(self) -> Iterator[tuple[int, int, bool]]:
        """Whose turn it is, how many are to share the time that is left, and whether its circuit let it in.

        A circuit is asked when the turn comes, and not before: it may let a single call in. Those that were left out
        come last, with a share like the others'.
        """
        left_out: list[int] = []
        turns = len(self._circuits)
        for place, circuit in enumerate(self._circuits):
            if circuit.allows():
                yield place, turns, True
                turns -= 1
            else:
                left_out.append(place)
        for done, place in enumerate(left_out):
            yield place, len(left_out) - done, False

    def _share(self, deadline: Deadline, turns: int) -> Deadline:
        """The deadline of one of those that are left: the last one has all the time there is."""
        left = deadline.remaining()
        own = self.timeout if self.timeout is not None or left is None else left / turns
        if turns == 1 or own is None:
            return deadline
        return Deadline.after(own if left is None else min(own, left), deadline.clock)

    def _note(self, place: int, error: Exception, *, let_in: bool) -> None:
        """Count a failure, unless it is about this request alone, such as a text that is too long."""
        if not isinstance(error, StatusError) or worth_repeating(error):
            self._circuits[place].failed()
        elif let_in:
            self._circuits[place].undecided()
        logger.warning("%s failed, asking the next: %s: %s", quoted(self.rerankers[place]), type(error).__name__, error)

    def _failed(self, place: int, documents: Sequence[Document], error: Exception, seconds: float) -> _Failure:
        name = type(self.rerankers[place]).__name__
        problem = f"{name} failed: {type(error).__name__}: {error}"
        span = Span(name, self.rerankers[place].model, len(documents), 0, seconds, outcome="failed", problem=problem)
        return _Failure(place, problem, (span,), error)

    def _nothing_ranked(self, place: int, ranking: Ranking, error: BackendError) -> _Failure:
        problem = f"{error.backend} ranked nothing: {error}"
        *inner, own = ranking.spans
        own = replace(own, documents_out=0, hits=(), outcome="failed", problem=problem)
        return _Failure(place, problem, (*inner, own), error, ranking)

    def _left_out(self, place: int, documents: Sequence[Document]) -> _Failure:
        name = type(self.rerankers[place]).__name__
        problem = f"{name} failed several times in a row and was left out"
        span = Span(
            name, self.rerankers[place].model, len(documents), 0, 0.0, outcome="failed", problem=problem, cost=0.0
        )
        return _Failure(place, problem, (span,), None)

    def _answered(
        self, place: int, ranking: Ranking, documents: Sequence[Document], failures: Sequence[_Failure]
    ) -> Ranking:
        """The ranking behind the failures, marked as degraded if it should have been another's."""
        asked = {each.place for each in failures}
        left_out = [self._left_out(other, documents) for other in range(place) if other not in asked]
        seen = sorted([*failures, *left_out], key=lambda each: each.place)
        *inner, own = ranking.spans
        if place > 0:
            why = "; ".join(each.problem for each in seen if each.place < place)
            name = type(self.rerankers[place]).__name__
            own = replace(own, outcome="degraded", problem=f"{why}; {name} answered instead")
        return _behind(seen, ranking, inner, own)

    def _kept(self, failure: _Failure, ranking: Ranking, failures: Sequence[_Failure]) -> Ranking:
        """A ranking in which nothing was ranked, when nobody did better."""
        *inner, own = ranking.spans
        own = replace(own, outcome="degraded", problem="; ".join(each.problem for each in failures))
        return _behind([each for each in failures if each is not failure], ranking, inner, own)

    @whole
    def __repr__(self) -> str:
        """Say who is asked in which order."""
        return f"Fallback({', '.join(map(repr, self.rerankers))})"


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a reranker did not answer."""

    place: int
    problem: str
    spans: tuple[Span, ...]
    error: Exception | None
    kept: Ranking | None = None
    """What it answered all the same."""


def _behind(failures: Sequence[_Failure], ranking: Ranking, inner: Sequence[Span], own: Span) -> Ranking:
    """A ranking with the spans of those that failed before its own, and with what they took where that is known."""
    before = [span for each in failures for span in each.spans]
    took = [replace(each.kept.usage, empty=0, truncated=0, unjudged=0) for each in failures if each.kept is not None]
    return replace(ranking, usage=sum(took, ranking.usage), spans=(*before, *inner, own))

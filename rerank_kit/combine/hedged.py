"""`Hedged`: when an answer is late, ask a second time, and take whichever answer comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeAlias

from rerank_kit.arguments import named
from rerank_kit.caller import waiting
from rerank_kit.checks import check_seconds
from rerank_kit.combine.combined import OneOfSeveral
from rerank_kit.errors import NEVER_HIDDEN, DeadlineExceeded
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.threads import Threads, as_done
from rerank_kit.values import Deadline, Document, Span
from rerank_kit.wrong_kind import check_reranker

_Runner: TypeAlias = tuple[int, Ranking]


class Hedged(OneOfSeveral):
    """Asks a reranker, and if there is no answer after a while, asks again; the first answer wins.

    This takes the tail off the latency of a server that is fast as a rule: set `after` to its 95th percentile, and
    one request in twenty is sent twice. The other request is cancelled. For blocking callers it cannot be, for a
    thread that waits on a socket cannot be stopped: it is abandoned, starts nothing more, and ends by itself, at the
    latest after its reranker's own timeout. Nothing waits for it, nor does the end of the program. A vendor may bill
    both.

    Attributes:
        reranker: Who is asked.
        other: Who is asked second.
        after: Seconds to wait before the second request.
    """

    @named
    def __init__(self, reranker: Reranker, *, after: float, other: Reranker | None = None) -> None:
        """Hedge a reranker.

        Args:
            reranker: Who is asked.
            after: Seconds to wait before the second request.
            other: Who is asked second; by default the same. Scores of another model are not comparable.

        Raises:
            ConfigurationError: `after` is not above 0, or what is asked is no reranker.
        """
        for name, given in (("reranker", reranker), ("other", reranker if other is None else other)):
            check_reranker(name, given, Reranker)
        self.reranker = reranker
        self.other = reranker if other is None else other
        self.after = check_seconds("after", after)
        self.model = reranker.model
        self.pointwise = reranker.pointwise and self.other.pointwise
        self._settle(Hedged, free=frozenset({"after"}))

    @property
    def fingerprint(self) -> str | None:
        """That of the reranker, if it is the same one both times."""
        return self.reranker.fingerprint if self.other is self.reranker else None

    @property
    def _inside(self) -> Sequence[Reranker]:
        return self.reranker, self.other

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents with whoever is first."""

        def start(place: int) -> Flow[Ranking]:
            asked = self.other if place else self.reranker
            return (yield from asked.reranking([(query, documents)], deadline=deadline))[0]

        race = _Race(start, self.after)
        place, ranking = yield from Call[_Runner](sync=race.in_threads, async_=race.in_tasks)
        if not race.second_started:
            return ranking
        loser = self.reranker if place else self.other
        why = f"given up: the {'second' if place else 'first'} request was answered"
        span = Span(type(loser).__name__, loser.model, len(documents), 0, 0.0, outcome="failed", problem=why)
        return replace(ranking, spans=(span, *ranking.spans))

    @whole
    def __repr__(self) -> str:
        """Say who is hedged, and when."""
        other = "" if self.other is self.reranker else f", other={self.other!r}"
        return f"Hedged({self.reranker!r}, after={self.after:g}{other})"


@dataclass(slots=True)
class _Race:
    """Two runs, the second only if the first is late."""

    start: Callable[[int], Flow[Ranking]]
    after: float
    second_started: bool = False

    def in_threads(self) -> _Runner:
        with Threads(2, "rerank-kit-hedge") as threads, waiting() as caller:
            runs = [threads.submit(caller.calling(run, self.start(0)))]
            try:
                next(as_done(runs, Deadline.after(self.after)))
            except DeadlineExceeded:
                self.second_started = True
                runs.append(threads.submit(caller.calling(run, self.start(1))))
            for each in as_done(runs, Deadline()):
                if _decides(each):
                    return runs.index(each), each.result()
            return _nobody_won(runs)

    async def in_tasks(self) -> _Runner:
        runs = [asyncio.create_task(arun(self.start(0)))]
        try:
            if not (await asyncio.wait(runs, timeout=self.after))[0]:
                self.second_started = True
                runs.append(asyncio.create_task(arun(self.start(1))))
            running: set[asyncio.Task[Ranking]] = set(runs)
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                won = [place for place, each in enumerate(runs) if each in done and _decides(each)]
                if won:
                    return won[0], runs[won[0]].result()
            return _nobody_won(runs)
        finally:
            for each in runs:
                each.cancel()
            await asyncio.gather(*runs, return_exceptions=True)


_Run: TypeAlias = Future[Ranking] | asyncio.Task[Ranking]


def _decides(run: _Run) -> bool:
    """Whether nobody else is waited for: it ranked, or raised what no answer of another may hide."""
    error = run.exception()
    return isinstance(error, NEVER_HIDDEN) if error is not None else run.result().failure is None


def _nobody_won(runs: Sequence[_Run]) -> _Runner:
    """A ranking in which nothing was ranked, if there is one; else this raises what the first one did."""
    kept = [place for place, each in enumerate(runs) if each.exception() is None]
    place = kept[0] if kept else 0
    return place, runs[place].result()

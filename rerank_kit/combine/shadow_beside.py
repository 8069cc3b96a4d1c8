"""`Beside`: candidates that run beside answers, in threads of their own; no more of them than was said."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from rerank_kit import shutdown
from rerank_kit.combine.identity import told_apart
from rerank_kit.combine.shadow_runs import Recorder, ShadowRun, ShadowSide, problem_of
from rerank_kit.errors import Abandoned
from rerank_kit.observe.hooks import logger
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.threads import Threads
from rerank_kit.values import Document

_GRACE = 1.0  # seconds after its timeout until a candidate counts as one that does not end
_HEAD_START = (
    0.005  # seconds that the answer has to reach its caller before a thread competes with it for the interpreter
)
_PATIENCE = 1.0  # seconds for which the end of Python waits for a run that is being written
_LOOK = 0.5  # seconds between two looks at what is overdue or was dropped: whoever drops a call wakes nobody up
_LATE = "still running after its timeout"


class Writer(Protocol):
    """Keeps runs."""

    def write(self, runs: Sequence[ShadowRun], dropped: int) -> float:
        """Keep runs and how many there were none of, and say what all cost so far."""
        ...


class OwnRecorder:
    """A user's own object, as a writer."""

    def __init__(self, record: Recorder) -> None:
        """Keep nothing yet."""
        self._record = record
        self._spent = 0.0

    def write(self, runs: Sequence[ShadowRun], dropped: int) -> float:
        """Hand runs over, one after the other."""
        self._spent += sum(run.candidate.cost or 0.0 for run in runs)
        for each in runs:
            self._record.record(each)
        return self._spent


@dataclass(eq=False, slots=True)
class Job:
    """A call that was answered, for the candidate.

    Attributes:
        requests: Queries and documents, which are the candidate's own.
        live: What was answered to each.
        seconds: How long that took.
        began: When it was handed over, on the monotonic clock.
        at: When, in seconds since 1970.
        told: Whether there are runs of it, because it ended or did not in time.
    """

    requests: Sequence[tuple[str, Sequence[Document]]]
    live: Sequence[Ranking]
    seconds: float
    began: float = field(default_factory=time.monotonic)
    at: float = field(default_factory=time.time)
    told: bool = False


class Beside:
    """Runs a candidate and writes what came of it.

    Whoever hands over a call waits for nothing: a call for which there is no room is dropped. One thread writes. A
    place is taken until a run is written, and by a candidate that never ends for good.
    """

    def __init__(
        self,
        live: Reranker,
        candidate: Reranker,
        writer: Writer,
        *,
        most: int,
        timeout: float,
        max_cost: float | None,
        spent: float,
        keep_texts: bool,
    ) -> None:
        """Start nothing yet.

        Args:
            live: Who answers.
            candidate: Who runs.
            writer: Where runs go.
            most: How many calls at a time.
            timeout: Seconds for each.
            max_cost: What they may cost, in US dollars; `None` is no limit.
            spent: What they cost so far.
            keep_texts: Whether texts are kept.
        """
        self._candidate = candidate
        self._writer = writer
        self._most = most
        self._timeout = timeout
        self._max_cost = max_cost
        self._spent = spent
        self._keep_texts = keep_texts
        self._threads = Threads(most, "rerank-kit-shadow")
        self._watcher = Threads(1, "rerank-kit-shadow-writer")
        self._names = cache(lambda: told_apart(live, candidate))  # in a thread of ours, since it may read files
        self._of_process: dict[int, _Running] = {}
        self._told: set[str] = set()

    def offer(self, make: Callable[[], Job]) -> None:
        """Have the candidate do a call, if there is room and money."""
        if self._max_cost is not None and self._spent >= self._max_cost:
            self._tell_once(f"max_cost={self._max_cost:g} is used up: the candidate is not asked any more")
            return
        running = self._running()
        job = make() if len(running.jobs) < self._most else None
        with running.changed:
            if job is None or len(running.jobs) >= self._most:
                running.dropped += 1
                return
            running.jobs.append(job)
            watched, running.watched = running.watched, True
        if not watched:
            watched = running.watched = self._watcher.offer(lambda: self._writing(running))
        if not (watched and self._threads.offer(lambda: self._run(job, running))):
            with running.changed:
                running.jobs.remove(job)
                running.dropped += 1

    def wait(self, seconds: float | None) -> bool:
        """Wait until all has ended and is written, but for what is known not to end. Whether it is."""
        running = self._running()
        with running.changed:
            return running.changed.wait_for(running.is_quiet, seconds)

    def _running(self) -> _Running:
        process = os.getpid()  # a fork begins anew
        return self._of_process.get(process) or self._of_process.setdefault(process, _Running())

    def _run(self, job: Job, running: _Running) -> None:
        """Run the candidate, in a context of its own: nothing of the caller's hears of it."""
        runs: list[ShadowRun] = []
        time.sleep(_HEAD_START)
        try:
            runs = contextvars.Context().run(self._runs, job)
        finally:
            with running.changed:
                if job.told or not runs:
                    running.jobs.remove(job)
                else:
                    job.told = True
                    running.ended.append((job, runs))
                running.changed.notify_all()

    def _runs(self, job: Job) -> list[ShadowRun]:
        """What came of a call: a run for each query, none where Python ended it."""
        queries, documents = [query for query, _ in job.requests], [given for _, given in job.requests]
        began = time.perf_counter()
        try:
            rankings = self._candidate.rerank_many(queries, documents, timeout=self._timeout)
            seconds = time.perf_counter() - began
            return self._told_of(job, [self._side(each, seconds) for each in rankings])
        except Abandoned:
            return []
        except BaseException as error:  # noqa: BLE001 - whatever it is, SystemExit too, it is the candidate's
            problem = problem_of(error, keep_texts=self._keep_texts)
            self._tell_once(f"the candidate failed: {problem_of(error, keep_texts=True)}", type(error).__name__)
            return self._failed(job, problem, time.perf_counter() - began)

    def _side(self, ranking: Ranking, seconds: float) -> ShadowSide:
        side = ShadowSide.of(self._names()[1], ranking, seconds)
        if side.cost is None and self._max_cost is not None:
            self._spent = self._max_cost
            self._tell_once(
                "the candidate is not asked any more: it does not say what it costs, so that max_cost= cannot hold; "
                "give it prices=, or leave max_cost out"
            )
        return side

    def _failed(self, job: Job, problem: str, seconds: float) -> list[ShadowRun]:
        side = ShadowSide(self._names()[1], seconds=seconds, problem=problem)
        return self._told_of(job, [side for _ in job.requests])

    def _told_of(self, job: Job, sides: Sequence[ShadowSide]) -> list[ShadowRun]:
        live = (ShadowSide.of(self._names()[0], each, job.seconds) for each in job.live)
        return [
            ShadowRun.of(job.at, query, documents, one, other, keep_texts=self._keep_texts)
            for (query, documents), one, other in zip(job.requests, live, sides, strict=True)
        ]

    def _writing(self, running: _Running) -> None:
        while True:
            with running.changed:
                while not (running.ended or running.dropped or self._overdue(running)):
                    if not running.jobs:
                        running.watched = False
                        running.changed.notify_all()
                        return
                    running.changed.wait(_LOOK)
                late = self._overdue(running)
                for job in late:
                    job.told = True
                ended, dropped = running.ended, running.dropped
                running.ended, running.dropped, running.writing = [], 0, True
            runs = [run for _, each in ended for run in each]
            for job in late:
                runs += self._failed(job, _LATE, time.monotonic() - job.began)
            self._write(runs, dropped)
            with running.changed:
                running.jobs = [job for job in running.jobs if all(job is not each for each, _ in ended)]
                running.writing = False
                running.changed.notify_all()

    def _write(self, runs: Sequence[ShadowRun], dropped: int) -> None:
        try:
            with shutdown.in_hand(_PATIENCE):
                spent = self._writer.write(runs, dropped)
            self._spent = max(self._spent, spent)
        except Abandoned:
            pass  # Python ends, and nothing may be said in this thread
        except BaseException as error:  # noqa: BLE001 - no store, nor a user's own, can end this thread
            self._tell_once(f"{len(runs)} runs were lost: {problem_of(error, keep_texts=True)}", type(error).__name__)

    def _overdue(self, running: _Running) -> list[Job]:
        now = time.monotonic()
        return [job for job in running.jobs if not job.told and now >= job.began + self._timeout + _GRACE]

    def _tell_once(self, problem: str, key: str = "") -> None:
        """Log what is wrong, each thing once: a candidate may fail a thousand times an hour."""
        if (key or problem) not in self._told:
            self._told.add(key or problem)
            logger.warning("Shadow: %s", problem)


class _Running:
    """What runs in one process. All of it is guarded by `changed`."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.jobs: list[Job] = []
        self.ended: list[tuple[Job, list[ShadowRun]]] = []
        self.dropped = 0
        self.watched = False
        self.writing = False

    def is_quiet(self) -> bool:
        """Whether nothing is left to write, as long as somebody writes."""
        waiting = self.ended or self.writing or (self.dropped and self.watched)
        return not waiting and all(job.told for job in self.jobs)

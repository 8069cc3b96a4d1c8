"""`Shadow`: answers with one reranker, and has another do the same beside it, to be compared."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, cast

from rerank_kit.arguments import named
from rerank_kit.checks import Threshold, check_flag, check_positive, check_seconds, check_whole, is_number
from rerank_kit.combine.shadow_beside import Beside, Job, OwnRecorder, Writer
from rerank_kit.combine.shadow_file import ShadowFile
from rerank_kit.combine.shadow_report import ShadowReport, shadow_report
from rerank_kit.combine.shadow_runs import Recorder
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.observe.hooks import logger, tell
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Requests, Reranker, RerankRequest
from rerank_kit.settled import Settled
from rerank_kit.values import Deadline, Document, Span
from rerank_kit.wrong_kind import check_reranker


class Shadow(Settled, Reranker):
    """Answers exactly as the live reranker does, and has a candidate rank the same, unseen, for a comparison.

    The answer is the live reranker's own: its hits, errors, spans, usage and cost. When it is there, a sample of calls
    goes to the candidate, in threads of their own: no more at a time than `max_running`, and never waited for, not at
    the end of the program either. What it raises, also `SystemExit`, ends nothing but its own run. Both rankings are
    kept, as hashes unless texts are to be kept, and `report` compares them.

    A thread shares the process: a candidate that calls `os._exit`, crashes in native code, takes all memory or computes
    in Python without pause does so to all of it. One that may, or a heavy one, belongs into a process of its own, as
    an `Endpoint`.

    Attributes:
        live: Who answers.
        candidate: Who ranks beside it.
        record: Where runs are kept.
        sample: The share of calls that go to the candidate.
    """

    @named
    def __init__(
        self,
        live: Reranker,
        candidate: Reranker,
        record: str | bytes | os.PathLike[str] | Recorder,
        *,
        sample: float = 1.0,
        seed: int | None = None,
        max_running: int = 2,
        timeout: float = 30.0,
        max_cost: float | None = None,
        keep_texts: bool = False,
        max_entries: int = 10_000,
    ) -> None:
        """Put a candidate beside a reranker.

        Args:
            live: Who answers.
            candidate: Who ranks the same beside it.
            record: A file for what both gave, which several processes may share, or an object with `record(run)`.
            sample: The share of calls that go to the candidate, from 0 to 1; 0 is off, and costs nothing.
            seed: Makes the sample the same each time; `None` draws another one.
            max_running: How many calls the candidate has at a time. One that comes when there are as many is dropped,
                and the report says how many were.
            timeout: Seconds for the candidate.
            max_cost: US dollars that the candidate may cost, counted over all that write this file. What runs when it
                is used up is not stopped. `None` is no limit.
            keep_texts: Keep queries, and how the best documents begin, in place of hashes. Without, an error is
                kept by its class alone.
            max_entries: How many runs are kept in the file, the newest.

        Raises:
            ConfigurationError: An argument is wrong, or the file cannot be used.
        """
        check_reranker("live", live, Reranker)
        check_reranker("candidate", candidate, Reranker)
        if not is_number(sample) or not 0 <= sample <= 1:
            msg = f"sample must be a share from 0 to 1, such as 0.1 for one call in ten, not {quoted(sample)}"
            raise ConfigurationError(msg)
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            msg = (
                f"seed must be a whole number, or None for a sample that is not the same each time, not {quoted(seed)}"
            )
            raise ConfigurationError(msg)
        self.live = live
        self.candidate = candidate
        self.sample = sample
        self.seed = seed
        self.max_running = check_whole("max_running", max_running)
        self.timeout = check_seconds("timeout", timeout)
        self.max_cost = check_positive("max_cost", max_cost)
        self.keep_texts = check_flag("keep_texts", keep_texts)
        self.max_entries = check_whole("max_entries", max_entries)
        own = callable(getattr(record, "record", None)) and not isinstance(record, type)
        file = None if own else ShadowFile(record, self.max_entries)
        self.record: object = record if file is None else file.path
        self.model = live.model
        self.pointwise = live.pointwise
        self.reads_text = live.reads_text
        self._random = random.Random(seed)  # noqa: S311 - a sample, no secret
        writer: Writer = OwnRecorder(cast("Recorder", record)) if file is None else file
        self._beside = Beside(
            live,
            candidate,
            writer,
            most=self.max_running,
            timeout=self.timeout,
            max_cost=self.max_cost,
            spent=file.spent() if file is not None and sample else 0.0,
            keep_texts=self.keep_texts,
        )
        self._settle(Shadow)

    @property
    def fingerprint(self) -> str | None:
        """The live reranker's."""
        return self.live.fingerprint

    @property
    def calibrated_threshold(self) -> float | None:
        """The live reranker's, whose scores come out."""
        return self.live.calibrated_threshold

    @property
    def scores_blanks(self) -> bool:
        """Whether the live reranker judges documents without text."""
        return self.live.scores_blanks

    @property
    def reads_metadata(self) -> bool:
        """Whether the live reranker does."""
        return self.live.reads_metadata

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.reranking([(query, documents)], deadline=deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries."""
        return (yield from self.reranking(requests, deadline=deadline))

    def reranking(
        self,
        requests: Requests,
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        deadline: Deadline,
    ) -> Flow[list[Ranking]]:
        """The live reranker's work, which adds nothing to what it gives; hooks of this one hear of it, too."""
        work = self.live.reranking(requests, top_n=top_n, threshold=threshold, deadline=deadline)
        sampled = self.sample > 0 and self._random.random() < self.sample
        return self._watched(work, requests, sampled=sampled) if sampled or self.hooks else work

    def _watched(self, work: Flow[list[Ranking]], requests: Requests, *, sampled: bool) -> Flow[list[Ranking]]:
        given = _held(requests) if sampled else []
        began = perf_counter()
        try:
            rankings = yield from work
        except BaseException as error:
            for _, documents in _held(requests) if self.hooks else ():
                tell(self.hooks, _failed(self.live, len(documents), perf_counter() - began, error))
            raise
        for span in (span for each in rankings for span in each.spans[-1:]):
            tell(self.hooks, span)
        if given:
            self._offer(given, rankings, perf_counter() - began)
        return rankings

    def _offer(self, given: Sequence[tuple[Any, Sequence[Any]]], rankings: Sequence[Ranking], seconds: float) -> None:
        """Hand what was answered to the candidate, without ever failing the answer."""

        def job() -> Job:
            asked = [(pair, each) for pair, each in zip(given, rankings, strict=True) if each.hits]
            requests = [(query, [_copy(each) for each in documents]) for (query, documents), _ in asked]
            return Job(requests, [each for _, each in asked], seconds)

        try:
            if any(each.hits for each in rankings):
                self._beside.offer(job)
        except Exception:  # noqa: BLE001 - whatever a user's own documents raise
            logger.warning("Shadow: a call was not handed to the candidate", exc_info=True)

    @named
    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the candidate has nothing more to do and all is written, such as at the end of a script.

        One that does not end within its own time is not waited for.

        Args:
            timeout: Seconds to wait at most; `None` is no limit.

        Returns:
            Whether it is so.
        """
        return self._beside.wait(None if timeout is None else check_seconds("timeout", timeout))

    @named
    def report(self, *, top_n: int = 5) -> ShadowReport:
        """Compare what is in the file so far: `shadow_report`.

        Args:
            top_n: How many of the best are looked at.

        Raises:
            ConfigurationError: `record` is an object of your own.
        """
        if not isinstance(self.record, str):
            msg = (
                f"report() reads a file, and record={quoted(self.record)} is an object of your own: pass the runs that "
            )
            msg += "it has to shadow_report(runs)"
            raise ConfigurationError(msg)
        return shadow_report(self.record, top_n=top_n)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have threads of their own, and write where this one does."""
        names = ("sample", "seed", "max_running", "timeout", "max_cost", "keep_texts", "max_entries")
        settings = {name: getattr(self, name) for name in names}
        return partial(type(self), **settings), (self.live, self.candidate, self.record), {"hooks": self.hooks}

    @whole
    def __repr__(self) -> str:
        """Say who answers, and who ranks beside."""
        return f"Shadow({self.live!r}, {self.candidate!r}, {self.record!r}, sample={self.sample:g})"


def _held(requests: Requests) -> list[tuple[Any, Sequence[Any]]]:
    """What is asked for, as lists that nobody else has; empty where it is no such thing, as the live one will say."""
    with suppress(Exception):
        return [(query, tuple(documents)) for query, documents in requests]
    return []


def _copy(given: Document | str) -> Document:
    """A document for the candidate, which cannot change what the caller has."""
    if isinstance(given, str):
        return Document(given)
    return Document(given.text, dict(given.metadata), given.score, given.id)


def _failed(live: Reranker, count: int, seconds: float, error: BaseException) -> Span:
    problem = f"{type(error).__name__}: {error}"
    return Span(type(live).__name__, live.model, count, 0, seconds, outcome="failed", problem=problem)

"""The one abstraction: a `Reranker` puts documents in order for a query.

A back end writes `flow`; everything that every reranker owes its callers is here, once: the checks of arguments, what
happens to empty documents, `top_n` and `threshold`, the check of the answer, spans and hooks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import replace
from functools import partial
from inspect import isgeneratorfunction
from time import perf_counter, time
from typing import Any, TypeAlias, cast

from rerank_kit.arguments import named
from rerank_kit.asked import Asked, completed, scores_in
from rerank_kit.checks import (
    Threshold,
    can_take,
    check_count,
    check_documents,
    check_order,
    check_query,
    check_text,
    check_threshold,
    check_timeout,
)
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.flow import Flow, arun, called, gather, run
from rerank_kit.observe.hooks import Hook, tell
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.settled import Settled
from rerank_kit.texts import encodable
from rerank_kit.values import Deadline, Document, Span, Usage, outermost, total_cost
from rerank_kit.wrong_kind import instead_of_a_model_of_others, is_model_of_others

Scoring: TypeAlias = Callable[[str, list[str]], Any]
"""A function of one's own, sync or async: from a query and n texts to n numbers, the higher the more relevant."""

RerankRequest = tuple[str, Sequence[Document]]
"""A query and the documents to rank for it."""

Requests = Sequence[tuple[str, Sequence[Document | str]]]
"""Queries, each with documents or texts, as callers pass them."""


class Reranker(ABC):
    """Scores documents against a query and ranks them.

    To add one, pass a function to `Reranker.of`, or write `flow`. It gets a query that is not blank and at least one
    document, none of them blank, and returns a `Ranking` whose hits point into those documents. It may return fewer (a
    filter does), never the same one twice.

    Attributes:
        pointwise: Whether a document's score is independent of the other documents. Decides what may be cached
            and split.
        model: The model's name, where there is one.
        reads_text: Whether it reads what documents say, so that there is no use in sending those without text.
        hooks: Called with the `Span` of every ranking, also of a failed one.
    """

    pointwise: bool = True
    model: str | None = None
    reads_text: bool = True
    hooks: Sequence[Hook] = ()

    @property
    def fingerprint(self) -> str | None:
        """All that a score depends on besides query and text, as a short string under which it can be cached.

        `None`, unless a subclass says otherwise: a score may depend on more, such as on what shares its batch.
        """
        return None

    @property
    def scores_blanks(self) -> bool:
        """Whether the score of a document without text means something, so that it may pass a threshold."""
        return not self.reads_text

    @property
    def reads_metadata(self) -> bool:
        """Whether documents of the same text may rank apart for their metadata, as they do by rules."""
        return False

    def cost(self, usage: Usage) -> float | None:
        """What that usage costs. `None`, unless a subclass says otherwise: unknown, which is not 0.

        It is asked of a reranker that has no other one inside; what a combinator costs is the sum of what it ran.
        """
        return None

    @property
    def calibrated_threshold(self) -> float | None:
        """What `threshold="calibrated"` stands for; `None`, unless its scores were calibrated."""
        return None

    def threshold_of(self, given: Threshold | None) -> float | None:
        """The number that a threshold is for this reranker.

        Raises:
            ConfigurationError: It is no threshold, or that of a calibration, and there is none.
        """
        threshold = check_threshold(given)
        if threshold != "calibrated":
            return threshold
        if self.calibrated_threshold is None:
            msg = f'threshold="calibrated": {type(self).__name__} is not calibrated: {self._to_be_calibrated}'
            raise ConfigurationError(msg)
        return self.calibrated_threshold

    @property
    def _to_be_calibrated(self) -> str:
        """What to do so that there is a calibrated threshold, for an error."""
        return (
            "pass a number, or wrap it as rerank_kit.Calibrated(reranker, path), with a file that `rerank-kit "
            "calibrate` wrote"
        )

    def nothing_to_read(self, ranking: Ranking) -> Ranking:
        """What becomes of a ranking of documents of which none has text, so that `flow` was not asked."""
        return ranking

    @staticmethod
    @named
    def of(function: Scoring, *, model: str | None = None) -> Reranker:
        """Make a reranker of a function: `Reranker.of(lambda query, texts: [score(query, text) for text in texts])`.

        Args:
            function: From a query and a list of n texts to n numbers: a list, an array or a tensor, in the order of the
                texts, the higher the more relevant. It may be async; sync callers then run it on an event loop that
                lasts for that call.
            model: What reports call it; by default the function's name.

        Raises:
            ConfigurationError: It cannot be called with a query and texts.
        """
        return FunctionReranker(function, model)

    @abstractmethod
    def flow(
        self, query: str, documents: Sequence[Document], deadline: Deadline
    ) -> Flow[Ranking] | Ranking | Coroutine[Any, Any, Ranking]:
        """Rank the documents: the part that differs from one back end to the next.

        A plain function that returns the ranking will do, and so will an async one. `deadline.check()` in it, now and
        then, ends work that takes too long or for which nobody waits any more.
        """

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries, side by side. Override it where a back end can do better with all at once."""
        flows = (self._flowing(query, documents, deadline) for query, documents in requests)
        return (yield from gather(*flows))

    def _flowing(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """The flow, also of a `flow` that is none."""
        if isgeneratorfunction(self.flow):  # which needs no thread to begin in
            return (yield from cast("Flow[Ranking]", self.flow(query, documents, deadline)))
        return cast("Ranking", (yield from called(self.flow, deadline, query, documents, deadline)))

    def _many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """The flow for several queries, also of a `flow_many` that is none."""
        if isgeneratorfunction(self.flow_many):
            return (yield from self.flow_many(requests, deadline))
        return cast("list[Ranking]", (yield from called(self.flow_many, deadline, requests, deadline)))

    @named
    def rerank(
        self,
        query: str,
        documents: Sequence[Document | str],
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        timeout: float | None = None,
    ) -> Ranking:
        """Rank the documents by relevance to the query.

        Args:
            query: The user's question.
            documents: The candidates. They are not changed; hits point into this sequence.
            top_n: How many hits to return at most; `None` returns all.
            threshold: Leave out hits with a lower score than this; 0.0 is a threshold, `None` is none. `"calibrated"`
                is that of a `Calibrated` reranker.
            timeout: Seconds allowed; `None` is no limit.

        Returns:
            The hits, best first. Documents without text rank last and do not pass a threshold.

        Raises:
            ConfigurationError: An argument is wrong.
            DeadlineExceeded: `timeout` ran out.
            BackendError: The model failed or its answer cannot be a ranking.
        """
        return run(self._door([(query, documents)], top_n, threshold, timeout))[0]

    @named
    async def arerank(
        self,
        query: str,
        documents: Sequence[Document | str],
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        timeout: float | None = None,
    ) -> Ranking:
        """Rank the documents by relevance to the query: `rerank`, without blocking the running loop."""
        return (await arun(self._door([(query, documents)], top_n, threshold, timeout)))[0]

    @named
    def rerank_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[Document | str]],
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        timeout: float | None = None,
    ) -> list[Ranking]:
        """Rank for several queries at once, each with documents of its own.

        A local engine keeps all its workers busy across the queries. The arguments are those of `rerank`;
        `timeout` is for the whole. The rankings come in the order of the queries.
        """
        return run(self._door(_requests(queries, documents), top_n, threshold, timeout))

    @named
    async def arerank_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[Document | str]],
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        timeout: float | None = None,
    ) -> list[Ranking]:
        """Rank for several queries at once: `rerank_many`, without blocking the running loop."""
        return await arun(self._door(_requests(queries, documents), top_n, threshold, timeout))

    def reranking(
        self,
        requests: Requests,
        *,
        top_n: int | None = None,
        threshold: Threshold | None = None,
        deadline: Deadline,
    ) -> Flow[list[Ranking]]:
        """The work of `rerank`, `rerank_many` and the async ones, as a flow that combinators can run inside their own.

        It may come back a little late, which combinators make the best of; those methods raise then.
        """
        top_n, threshold = check_count("top_n", top_n), self.threshold_of(threshold)
        for query, documents in requests:
            check_order(query, documents)
        asked = [
            Asked.of(encodable(check_query(query)), check_documents(documents), text=self.reads_text)
            for query, documents in requests
        ]
        started = perf_counter()
        try:
            deadline.check()
            sent = [(each.query, each.documents) for each in asked if each.documents]
            answers = (yield from self._many(sent, deadline)) if sent else []
            whole = [
                self.nothing_to_read(ranking) if each.empty and not each.documents else ranking
                for ranking, each in zip(completed(asked, answers, type(self).__name__), asked, strict=True)
            ]
        except BaseException as error:
            if isinstance(error, BackendError) and not error.backend:
                error.backend = type(self).__name__
            for each in asked:
                self._tell(each, Ranking(()), started, problem=f"{type(error).__name__}: {error}")
            raise
        cut = [
            each.cut(ranking, top_n, threshold, blanks=self.scores_blanks)
            for ranking, each in zip(whole, asked, strict=True)
        ]
        return [
            replace(ranking, spans=(*ranking.spans, self._tell(each, ranking, started)))
            for ranking, each in zip(cut, asked, strict=True)
        ]

    def _door(
        self, requests: Requests, top_n: int | None, threshold: Threshold | None, timeout: float | None
    ) -> Flow[list[Ranking]]:
        """What all four methods do. A late ranking is none, unless it says that it did less in order to be in time."""
        deadline = Deadline.after(check_timeout(timeout))
        rankings = yield from self.reranking(requests, top_n=top_n, threshold=threshold, deadline=deadline)
        if not all(each.degraded for each in rankings):
            deadline.check()
        return rankings

    def _tell(self, asked: Asked, ranking: Ranking, started: float, problem: str | None = None) -> Span:
        """Make the span of one ranking and pass it to the hooks."""
        reasons = [span.problem for span in ranking.spans if span.outcome == "degraded" and span.problem]
        reasons += [] if ranking.failure is None else [ranking.failure]
        seconds = perf_counter() - started
        inside = outermost(ranking.spans)
        span = Span(
            backend=type(self).__name__,
            model=self.model,
            documents_in=asked.total,
            documents_out=len(ranking),
            seconds=seconds,
            usage=ranking.usage,
            outcome="failed" if problem is not None else "degraded" if ranking.degraded else "ok",
            problem=problem if problem is not None else "; ".join(dict.fromkeys(reasons)) if reasons else None,
            cost=None if problem is not None else total_cost(inside) if inside else self.cost(ranking.usage),
            started=time() - seconds,
            inner=ranking.spans,
        )
        tell(self.hooks, span)
        return span


class FunctionReranker(Settled, Reranker):
    """What `Reranker.of` makes."""

    def __init__(self, function: Scoring, model: str | None) -> None:
        """Take the function, and its name for that of the model."""
        given: object = function
        loaded = is_model_of_others(given)
        if isinstance(given, type | Reranker) or loaded or not callable(given) or not can_take(given, 2):
            raise _no_function(given)
        self.function = function
        self.model = _name(function) if model is None else check_text("model", model)
        self._settle(FunctionReranker, free=frozenset({"function", "model"}))

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Score the texts by the function, which gets a list of its own."""
        texts = [document.text for document in documents]
        scores = yield from called(self._result, deadline, query, list(texts))
        return Ranking.by_score(scores_in(scores, len(texts), str(self.model)), Usage(pairs=len(texts)))

    def _result(self, query: str, texts: list[str]) -> Any:
        try:
            made = self.function(query, texts)
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            error.add_note(f"{self.model} was called with the query and a list of {len(texts)} texts, in this order")
            raise
        return list(cast("Generator[Any]", made)) if isinstance(made, Generator) else made

    @whole
    def __repr__(self) -> str:
        return f"Reranker.of({self.model})"


def _no_function(given: object) -> ConfigurationError:
    name = _name(given)
    loaded = not isinstance(given, type) and is_model_of_others(given)
    instead = instead_of_a_model_of_others(given)
    shown = name if loaded or isinstance(given, partial) else quoted(given)  # what a partial holds may be a key
    msg = f"function must take a query and texts and give a number for each text, not be {shown}"
    if isinstance(given, Reranker):
        return ConfigurationError(f"{msg}: that is a reranker already, use it as it is")
    if isinstance(given, type):
        return ConfigurationError(f"{msg}: that is a class, make an object of it")
    if loaded:
        return ConfigurationError(f"{msg}{instead}")
    named = ": for a model of that name use rerank_kit.local.cross_encoder(name)"
    return ConfigurationError(f"{msg}{named if isinstance(given, str) else ''}")


def _name(function: object) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _requests(queries: Sequence[str], documents: Sequence[Sequence[Document | str]]) -> Requests:
    for name, given in (("queries", queries), ("documents", documents)):
        listed: object = given
        if isinstance(listed, str) or not isinstance(listed, Sequence):
            msg = f"{name} must be a list, not {quoted(given)}: one list of documents for each query"
            raise ConfigurationError(msg)
    if len(queries) != len(documents):
        msg = f"queries and documents must be lists of equal length, not of {len(queries)} and {len(documents)}: one "
        msg += "list of documents for each query"
        raise ConfigurationError(msg)
    return list(zip(queries, documents, strict=True))

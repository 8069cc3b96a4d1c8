"""The one abstraction: a `Reranker` puts documents in order for a query.

A back end writes `flow`; everything that every reranker owes its callers is here, once: the checks of arguments, what
happens to empty documents, `top_n` and `threshold`, the check of the answer, spans and hooks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter, time

from rerank_kit.checks import check_count, check_documents, check_query, check_threshold, check_timeout
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.flow import Flow, arun, gather, run
from rerank_kit.observe.hooks import Hook, tell
from rerank_kit.ranking import Ranking
from rerank_kit.texts import encodable, is_blank
from rerank_kit.values import Deadline, Document, Hit, Span, Usage, finite, outermost, total_cost

RerankRequest = tuple[str, Sequence[Document]]
"""A query and the documents to rank for it."""

Requests = Sequence[tuple[str, Sequence[Document | str]]]
"""Queries, each with documents or texts, as callers pass them."""


class Reranker(ABC):
    """Scores documents against a query and ranks them.

    To add one, write `flow`. It gets a query that is not blank and at least one document, none of them blank, and
    returns hits that point into those documents. It may return fewer (a filter does), never the same one twice.

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

    def cost(self, usage: Usage) -> float | None:
        """What that usage costs. `None`, unless a subclass says otherwise: unknown, which is not 0.

        It is asked of a reranker that has no other one inside; what a combinator costs is the sum of what it ran.
        """
        return None

    @abstractmethod
    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents: the part that differs from one back end to the next."""

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries, side by side. Override it where a back end can do better with all at once."""
        return (yield from gather(*(self.flow(query, documents, deadline) for query, documents in requests)))

    def rerank(
        self,
        query: str,
        documents: Sequence[Document | str],
        *,
        top_n: int | None = None,
        threshold: float | None = None,
        timeout: float | None = None,
    ) -> Ranking:
        """Rank the documents by relevance to the query.

        Args:
            query: The user's question.
            documents: The candidates. They are not changed; hits point into this sequence.
            top_n: How many hits to return at most; `None` returns all.
            threshold: Leave out hits with a lower score than this; 0.0 is a threshold, `None` is none.
            timeout: Seconds allowed; `None` is no limit.

        Returns:
            The hits, best first. Documents without text rank last and do not pass a threshold.

        Raises:
            ConfigurationError: An argument is wrong.
            DeadlineExceeded: `timeout` ran out.
            BackendError: The model failed or its answer cannot be a ranking.
        """
        return run(self._door([(query, documents)], top_n, threshold, timeout))[0]

    async def arerank(
        self,
        query: str,
        documents: Sequence[Document | str],
        *,
        top_n: int | None = None,
        threshold: float | None = None,
        timeout: float | None = None,
    ) -> Ranking:
        """Rank the documents by relevance to the query: `rerank`, without blocking the running loop."""
        return (await arun(self._door([(query, documents)], top_n, threshold, timeout)))[0]

    def rerank_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[Document | str]],
        *,
        top_n: int | None = None,
        threshold: float | None = None,
        timeout: float | None = None,
    ) -> list[Ranking]:
        """Rank for several queries at once, each with documents of its own.

        A local engine keeps all its workers busy across the queries. The arguments are those of `rerank`;
        `timeout` is for the whole. The rankings come in the order of the queries.
        """
        return run(self._door(_requests(queries, documents), top_n, threshold, timeout))

    async def arerank_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[Document | str]],
        *,
        top_n: int | None = None,
        threshold: float | None = None,
        timeout: float | None = None,
    ) -> list[Ranking]:
        """Rank for several queries at once: `rerank_many`, without blocking the running loop."""
        return await arun(self._door(_requests(queries, documents), top_n, threshold, timeout))

    def reranking(
        self,
        requests: Requests,
        *,
        top_n: int | None = None,
        threshold: float | None = None,
        deadline: Deadline,
    ) -> Flow[list[Ranking]]:
        """What stands behind all four doors, as a flow that combinators can run inside their own.

        It may come back a little late, which combinators make the best of; the doors raise then.
        """
        top_n, threshold = check_count("top_n", top_n), check_threshold(threshold)
        asked = [
            _Asked.of(encodable(check_query(query)), check_documents(documents), text=self.reads_text)
            for query, documents in requests
        ]
        started = perf_counter()
        try:
            deadline.check()
            sent = [(each.query, each.documents) for each in asked if each.documents]
            answers = (yield from self.flow_many(sent, deadline)) if sent else []
            whole = _completed(asked, answers)
        except BaseException as error:
            if isinstance(error, BackendError) and not error.backend:
                error.backend = type(self).__name__
            for each in asked:
                self._tell(each, Ranking(()), started, problem=f"{type(error).__name__}: {error}")
            raise
        passing = (
            each.passing(ranking, threshold, blanks=self.scores_blanks)
            for ranking, each in zip(whole, asked, strict=True)
        )
        cut = [
            replace(ranking, hits=hits[:top_n], ids=each.ids)
            for ranking, hits, each in zip(whole, passing, asked, strict=True)
        ]
        return [
            replace(ranking, spans=(*ranking.spans, self._tell(each, ranking, started)))
            for ranking, each in zip(cut, asked, strict=True)
        ]

    def _door(
        self, requests: Requests, top_n: int | None, threshold: float | None, timeout: float | None
    ) -> Flow[list[Ranking]]:
        """What every door does. A late ranking is none, unless it says that it did less in order to be in time."""
        deadline = Deadline.after(check_timeout(timeout))
        rankings = yield from self.reranking(requests, top_n=top_n, threshold=threshold, deadline=deadline)
        if not all(each.degraded for each in rankings):
            deadline.check()
        return rankings

    def _tell(self, asked: _Asked, ranking: Ranking, started: float, problem: str | None = None) -> Span:
        """Make the span of one ranking and pass it to the hooks."""
        reasons = [span.problem for span in ranking.spans if span.outcome == "degraded" and span.problem]
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A checked request: the documents that are sent, and where each stood among the caller's."""

    query: str
    documents: list[Document]
    places: list[int]
    empty: list[int]
    ids: tuple[str | None, ...]

    @classmethod
    def of(cls, query: str, documents: list[Document], *, text: bool) -> _Asked:
        places: list[int] = []
        empty: list[int] = []
        for index, document in enumerate(documents):
            (empty if text and is_blank(document.text) else places).append(index)
        ids = tuple(each.id for each in documents)
        known = ids if any(each is not None for each in ids) else ()
        return cls(query, [_readable(documents[index]) for index in places], places, empty, known)

    @property
    def total(self) -> int:
        return len(self.places) + len(self.empty)

    def complete(self, answer: Ranking) -> Ranking:
        """Check the answer, point its hits at the caller's documents, and put the empty ones last."""
        hits: list[Hit] = []
        seen: set[int] = set()
        for hit in answer.hits:
            if not 0 <= hit.index < len(self.documents) or hit.index in seen:
                fault = "twice" if hit.index in seen else f"of {len(self.documents)} documents"
                msg = f"the reranker answered with index {hit.index} {fault}: each must be in range and come once"
                raise InvalidResponse(msg)
            seen.add(hit.index)
            hits.append(replace(hit, index=self.places[hit.index], score=finite(hit.score)))
        lowest = min((hit.score for hit in hits), default=0.0)
        hits.extend(Hit(index, min(lowest, 0.0)) for index in self.empty)
        spans = tuple(span.at(self.places) for span in answer.spans) if self.empty else answer.spans
        return replace(answer, hits=tuple(hits), usage=answer.usage + Usage(empty=len(self.empty)), spans=spans)

    def passing(self, ranking: Ranking, threshold: float | None, *, blanks: bool) -> tuple[Hit, ...]:
        """The hits that reach the threshold, which documents without text can only where these are judged."""
        if threshold is None:
            return ranking.hits
        blank = set(self.empty)
        if not blanks:
            blank |= {place for place, each in zip(self.places, self.documents, strict=True) if is_blank(each.text)}
        return tuple(hit for hit in ranking if hit.score >= threshold and hit.index not in blank)


def _readable(document: Document) -> Document:
    """The document, with a text that every back end can take and in which places stay where they are."""
    text = encodable(document.text)
    return document if text is document.text else replace(document, text=text)


def _completed(asked: Sequence[_Asked], answers: Sequence[Ranking]) -> list[Ranking]:
    """The checked answers; a request in which no document has text was never sent and needs none."""
    expected = sum(bool(each.documents) for each in asked)
    if len(answers) != expected:
        msg = f"flow_many gave {len(answers)} rankings for {expected} queries: it must give one for each"
        raise InvalidResponse(msg)
    answered = iter(answers)
    return [each.complete(next(answered) if each.documents else Ranking(())) for each in asked]


def _requests(queries: Sequence[str], documents: Sequence[Sequence[Document | str]]) -> Requests:
    listed: tuple[object, object] = (queries, documents)
    apart = any(isinstance(each, str) or not isinstance(each, Sequence) for each in listed)
    if apart or len(queries) != len(documents):
        msg = "queries and documents must be lists of equal length: one list of documents for each query"
        raise ConfigurationError(msg)
    return list(zip(queries, documents, strict=True))

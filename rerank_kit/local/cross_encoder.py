"""What every local cross-encoder shares: pairs made of queries and documents, each distinct pair scored once."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rerank_kit.asked import scores_in
from rerank_kit.errors import InvalidResponse
from rerank_kit.flow import Flow, blocking
from rerank_kit.local.batching import blank_head
from rerank_kit.local.queries import FittedQuery
from rerank_kit.local.scale import sigmoid
from rerank_kit.local.windows import LongDocuments, aggregate, most_alike, warn_of_cut_documents
from rerank_kit.ranking import Ranking, best_first, height
from rerank_kit.reranker import Reranker, RerankRequest
from rerank_kit.settled import Settled
from rerank_kit.texts import is_blank
from rerank_kit.values import Deadline, Document, Hit, Passage, Usage, finite

_log = logging.getLogger("rerank_kit")

Pair = tuple[str, str]
"""A query and the text of one document."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What an engine answers for n pairs: three sequences of length n, in the order of the pairs.

    Attributes:
        scores: Relevance scores; higher is better.
        tokens: How many tokens the model read of each pair.
        truncated: Whether the pair was longer than that.
        logits: Whether the scores are logits still.
        scale: What makes relevance scores of logits.
    """

    scores: Sequence[float]
    tokens: Sequence[int]
    truncated: Sequence[bool]
    logits: bool = False
    scale: Callable[[float], float] = sigmoid


class CrossEncoder(Reranker):
    """A model that reads query and document together. To add an engine, write `score`.

    Attributes:
        long_documents: What to do with documents that are longer than the model reads.
    """

    long_documents: LongDocuments = "truncate"
    _skips_blanks: bool = False  # whether the tokenizer does
    _told_of_cut_queries: bool = False
    _told_of_cut_documents: bool = False

    def cost(self, usage: Usage) -> float:
        """Nothing: nobody sends a bill for this machine."""
        return 0.0

    @abstractmethod
    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored | Iterable[float]:
        """Score pairs, all different, in plain blocking code that looks at the deadline now and then.

        It gives a number for each pair, or a `Scored`, which also says what was read.

        `deadline.check()` before each pair or batch also ends the work when its caller has gone, in any thread.
        """

    def windows(self, query: str, text: str) -> Sequence[Passage]:
        """Cut a document into windows that the model can read whole; one when it fits. For `long_documents`."""
        return [(0, len(text))]

    def windows_in_time(self, query: str, text: str, deadline: Deadline) -> Sequence[Passage]:
        """The same, for engines that look at the deadline while they do."""
        return self.windows(query, text)

    def fitted_query(self, query: str, deadline: Deadline) -> FittedQuery:
        """As much of a query as has room beside a document; by default all."""
        return FittedQuery(query)

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: all their pairs go to the engine in one call."""
        rankings, cut = yield from blocking(self._ranked_together, requests, deadline)
        if self.long_documents == "truncate" and not self._told_of_cut_documents:
            windowed = type(self).windows is not CrossEncoder.windows
            self._told_of_cut_documents = warn_of_cut_documents(self, cut.values(), windowed=windowed)
        return rankings

    def _ranked_together(
        self, requests: Sequence[RerankRequest], deadline: Deadline
    ) -> tuple[list[Ranking], Mapping[str, bool]]:
        """The rankings, and of each text whether it was cut beside any of the queries."""
        queries = {query: self.fitted_query(query, deadline) for query in dict.fromkeys(query for query, _ in requests)}
        if any(each.cut for each in queries.values()):
            self._tell_of_cut_queries()
        head = blank_head if self._skips_blanks else _no_head
        asked = [_Asked.of(queries[query], documents, head) for query, documents in requests]
        pairs = list(dict.fromkeys(pair for each in asked for pair in each.pairs))
        score = self._by_pairs if self.long_documents == "truncate" else self._by_windows
        scores = dict(zip(pairs, score(pairs, deadline), strict=True))
        deadline.check()
        cut: dict[str, bool] = {}
        for (_, text), found in scores.items():
            cut[text] = found.truncated or cut.get(text, False)
        paid: set[Pair] = set()
        return [each.ranking(scores, paid) for each in asked], cut

    def _tell_of_cut_queries(self) -> None:
        if not self._told_of_cut_queries:
            self._told_of_cut_queries = True
            _log.warning(
                "%r was asked a query that is longer than its share of what the model reads: a part of it is left out, "
                "as long_queries= says, and max_query_length= can allow it more tokens. usage.query_truncated counts "
                "such queries; this is said once",
                self,
            )

    def _by_pairs(self, pairs: Sequence[Pair], deadline: Deadline) -> list[_PairScore]:
        """Score each pair as it is, as much of it as the model reads."""
        scored = self.score(pairs, deadline)
        if not isinstance(scored, Scored):
            numbers = scores_in(scored, len(pairs), f"{type(self).__name__}.score")
            scored = Scored(numbers, [0] * len(pairs), [False] * len(pairs))
        counts = {len(scored.scores), len(scored.tokens), len(scored.truncated)}
        if counts != {len(pairs)}:
            msg = f"the model gave {len(scored.scores)} scores for {len(pairs)} pairs: it must give one for each"
            raise InvalidResponse(msg)
        given = map(finite, scored.scores)
        found = zip(given, scored.tokens, scored.truncated, strict=True)
        if scored.logits:
            return [_PairScore(scored.scale(logit), tokens, cut, logit) for logit, tokens, cut in found]
        return [_PairScore(*each) for each in found]

    def _by_windows(self, pairs: Sequence[Pair], deadline: Deadline) -> list[_PairScore]:
        """Score the windows of each document, or the one most like the query, and make one score of them."""
        spans: list[Sequence[Passage]] = []
        for query, text in pairs:
            deadline.check()
            spans.append(self.windows_in_time(query, text, deadline))
        whole = [list(each) == [(0, len(text))] for (_, text), each in zip(pairs, spans, strict=True)]
        unread = [not is_blank(text[each[-1][1] :]) for (_, text), each in zip(pairs, spans, strict=True)]
        if self.long_documents == "best-window":
            unread = [not each for each in whole]
            spans = [[most_alike(*pair, each)] for pair, each in zip(pairs, spans, strict=True)]
        parts = [(query, text[a:b]) for (query, text), each in zip(pairs, spans, strict=True) for a, b in each]
        scores = iter(self._by_pairs(parts, deadline))
        return [
            self._joined([next(scores) for _ in each], each, whole=entire, unread=rest)
            for each, entire, rest in zip(spans, whole, unread, strict=True)
        ]

    def _joined(
        self, windows: Sequence[_PairScore], spans: Sequence[Passage], *, whole: bool, unread: bool
    ) -> _PairScore:
        best = max(range(len(windows)), key=lambda place: height(windows[place].score, windows[place].logit))
        logits = [each.logit for each in windows if each.logit is not None]
        return _PairScore(
            score=aggregate(self.long_documents, [each.score for each in windows]),
            logit=aggregate(self.long_documents, logits) if logits else None,
            tokens=sum(each.tokens for each in windows),
            truncated=unread or any(each.truncated for each in windows),
            windows=len(windows) - 1,
            passage=None if whole else spans[best],
        )


class LoadedCrossEncoder(Settled, CrossEncoder):
    """A cross-encoder whose settings are those with which its model was loaded; they cannot be assigned later."""

    _settled_when = "the model is loaded"
    model = ""  # this and what follows is for the repr of one whose model could not be loaded
    max_length = threads = 0
    device = dtype = ""


@dataclass(frozen=True, slots=True)
class _PairScore:
    """All that is known of a pair after scoring."""

    score: float
    tokens: int
    truncated: bool
    logit: float | None = None
    windows: int = 0
    passage: Passage | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with its documents, as pairs.

    Attributes:
        query: The query, as much of it as is asked.
        pairs: One for each document.
        heads: How many characters of white space were left out at the beginning of each.
    """

    query: FittedQuery
    pairs: Sequence[Pair]
    heads: Sequence[int]

    @classmethod
    def of(cls, query: FittedQuery, documents: Sequence[Document], head: Callable[[str], int]) -> _Asked:
        heads = [head(each.text) for each in documents]
        return cls(query, [(query.text, each.text[head:]) for each, head in zip(documents, heads, strict=True)], heads)

    def ranking(self, scores: Mapping[Pair, _PairScore], paid: set[Pair]) -> Ranking:
        """Rank the documents; a pair counts in the usage of the first ranking that has it."""
        fresh = set(self.pairs) - paid
        paid |= fresh
        new = [scores[pair] for pair in fresh]
        usage = Usage(
            pairs=len(new) + sum(each.windows for each in new),
            tokens=sum(each.tokens for each in new),
            truncated=sum(each.truncated for each in new),
            query_truncated=int(self.query.cut),
            duplicates=len(self.pairs) - len(new),
            windows=sum(each.windows for each in new),
        )
        hits = [self._hit(place, scores[pair]) for place, pair in enumerate(self.pairs)]
        return Ranking(best_first(hits), usage)

    def _hit(self, place: int, found: _PairScore) -> Hit:
        head, passage = self.heads[place], found.passage
        if passage is not None:
            passage = head + passage[0], head + passage[1]
        return Hit(place, found.score, passage=passage, logit=found.logit)


def _no_head(text: str) -> int:  # noqa: ARG001
    return 0

"""What every local cross-encoder shares: pairs made of queries and documents, each distinct pair scored once."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rerank_kit.errors import InvalidResponse
from rerank_kit.flow import Flow, blocking
from rerank_kit.local.windows import LongDocuments, aggregate, most_alike
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker, RerankRequest
from rerank_kit.values import Deadline, Document, Passage, Usage, finite

Pair = tuple[str, str]
"""A query and the text of one document."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What an engine answers for n pairs: three sequences of length n, in the order of the pairs.

    Attributes:
        scores: Relevance scores; higher is better.
        tokens: How many tokens the model read of each pair.
        truncated: Whether the pair was longer than that.
    """

    scores: Sequence[float]
    tokens: Sequence[int]
    truncated: Sequence[bool]


class CrossEncoder(Reranker):
    """A model that reads query and document together. To add an engine, write `score`.

    Attributes:
        long_documents: What to do with documents that are longer than the model reads.
    """

    long_documents: LongDocuments = "truncate"

    def cost(self, usage: Usage) -> float:
        """Nothing: nobody sends a bill for this machine."""
        return 0.0

    @abstractmethod
    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs, all different, in plain blocking code that looks at the deadline now and then.

        `deadline.check()` before each pair or batch also ends the work when its caller has gone, in any thread.
        """

    def windows(self, query: str, text: str) -> Sequence[Passage]:
        """Cut a document into windows that the model can read whole; one when it fits. For `long_documents`."""
        return [(0, len(text))]

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: all their pairs go to the engine in one call."""
        places: dict[Pair, int] = {}
        for query, documents in requests:
            for document in documents:
                places.setdefault((query, document.text), len(places))
        score = self._by_pairs if self.long_documents == "truncate" else self._by_windows
        scores = yield from blocking(score, list(places), deadline)
        paid: set[int] = set()
        return [
            _ranking([places[query, each.text] for each in documents], scores, paid) for query, documents in requests
        ]

    def _by_pairs(self, pairs: Sequence[Pair], deadline: Deadline) -> list[_PairScore]:
        """Score each pair as it is, as much of it as the model reads."""
        scored = self.score(pairs, deadline)
        counts = {len(scored.scores), len(scored.tokens), len(scored.truncated)}
        if counts != {len(pairs)}:
            msg = f"the model gave {len(scored.scores)} scores for {len(pairs)} pairs: it must give one for each"
            raise InvalidResponse(msg)
        return [
            _PairScore(*each) for each in zip(map(finite, scored.scores), scored.tokens, scored.truncated, strict=True)
        ]

    def _by_windows(self, pairs: Sequence[Pair], deadline: Deadline) -> list[_PairScore]:
        """Score the windows of each document, or the one most like the query, and make one score of them."""
        spans: list[Sequence[Passage]] = []
        for query, text in pairs:
            deadline.check()
            spans.append(self.windows(query, text))
        whole = [len(each) == 1 for each in spans]
        if self.long_documents == "best-window":
            spans = [[most_alike(*pair, each)] for pair, each in zip(pairs, spans, strict=True)]
        parts = [(query, text[a:b]) for (query, text), each in zip(pairs, spans, strict=True) for a, b in each]
        scores = iter(self._by_pairs(parts, deadline))
        return [
            self._joined([next(scores) for _ in each], each, whole=entire)
            for each, entire in zip(spans, whole, strict=True)
        ]

    def _joined(self, windows: Sequence[_PairScore], spans: Sequence[Passage], *, whole: bool) -> _PairScore:
        best = max(range(len(windows)), key=lambda place: windows[place].score)
        return _PairScore(
            score=aggregate(self.long_documents, [each.score for each in windows]),
            tokens=sum(each.tokens for each in windows),
            truncated=any(each.truncated for each in windows) or (self.long_documents == "best-window" and not whole),
            windows=len(windows) - 1,
            passage=None if whole else spans[best],
        )


@dataclass(frozen=True, slots=True)
class _PairScore:
    """All that is known of a pair after scoring."""

    score: float
    tokens: int
    truncated: bool
    windows: int = 0
    passage: Passage | None = None


def _ranking(of: Sequence[int], scores: Sequence[_PairScore], paid: set[int]) -> Ranking:
    """Rank documents by the pairs they stand for; a pair counts in the usage of the first ranking that has it."""
    fresh = set(of) - paid
    paid |= fresh
    new = [scores[pair] for pair in fresh]
    usage = Usage(
        pairs=len(new) + sum(each.windows for each in new),
        tokens=sum(each.tokens for each in new),
        truncated=sum(each.truncated for each in new),
        duplicates=len(of) - len(new),
        windows=sum(each.windows for each in new),
    )
    ranking = Ranking.by_score((scores[pair].score for pair in of), usage)
    return replace(ranking, hits=tuple(replace(hit, passage=scores[of[hit.index]].passage) for hit in ranking))


def sigmoid(logit: float) -> float:
    """The logistic function, which takes a model's logit to a score between 0 and 1."""
    if not logit < 0:  # NaN comes out as NaN, to be refused where scores are checked
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)

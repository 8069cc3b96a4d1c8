"""What every local cross-encoder shares: pairs made of queries and documents, each distinct pair scored once."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from rerank_kit.errors import InvalidResponse
from rerank_kit.flow import Flow, blocking
from rerank_kit.reranker import Request, Reranker
from rerank_kit.values import Deadline, Document, Ranking, Usage

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
    """A model that reads query and document together. To add an engine, write `score`."""

    @abstractmethod
    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs, all different, in plain blocking code that looks at the deadline now and then."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[Request], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: all their pairs go to the engine in one call."""
        places: dict[Pair, int] = {}
        for query, documents in requests:
            for document in documents:
                places.setdefault((query, document.text), len(places))
        scored = yield from blocking(self.score, list(places), deadline)
        counts = {len(scored.scores), len(scored.tokens), len(scored.truncated)}
        if counts != {len(places)}:
            msg = f"the model gave {len(scored.scores)} scores for {len(places)} pairs: it must give one for each"
            raise InvalidResponse(msg)
        paid: set[int] = set()
        return [
            _ranking([places[query, each.text] for each in documents], scored, paid) for query, documents in requests
        ]


def _ranking(of: Sequence[int], scored: Scored, paid: set[int]) -> Ranking:
    """Rank documents by the pairs they stand for; a pair counts in the usage of the first ranking that has it."""
    fresh = set(of) - paid
    paid |= fresh
    usage = Usage(
        pairs=len(fresh),
        tokens=sum(scored.tokens[pair] for pair in fresh),
        truncated=sum(scored.truncated[pair] for pair in fresh),
        duplicates=len(of) - len(fresh),
    )
    return Ranking.by_score((scored.scores[pair] for pair in of), usage)


def sigmoid(logit: float) -> float:
    """The logistic function, which takes a model's logit to a score between 0 and 1."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)

"""One reranker as it is served: rankings in parts, so that others have their turn, and scores between 0 and 1."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rerank_kit.cache import Cached
from rerank_kit.combine.calibrated import Calibrated
from rerank_kit.errors import BackendError
from rerank_kit.local.cross_encoder import CrossEncoder
from rerank_kit.local.scale import sigmoid
from rerank_kit.ranking import Ranking, best_first
from rerank_kit.reranker import Reranker
from rerank_kit.serve.turns import Spent, Turns
from rerank_kit.texts import is_blank
from rerank_kit.values import Deadline, Hit, Usage

_log = logging.getLogger("rerank_kit.serve")
_ROUNDING = 1e-6  # as far as a sum of 32-bit numbers may be off
_LEAST = 0.001  # seconds: a timeout of none is refused


class Served:
    """A reranker and its name.

    Attributes:
        name: What it is called here.
        raw: Whether it gave a score that is not between 0 and 1, so that scores are sent as their sigmoid.
    """

    def __init__(self, name: str, reranker: Reranker, part: int) -> None:
        """Take it.

        Args:
            name: What it is called here.
            reranker: What ranks.
            part: How many documents a cross-encoder scores in one turn. What else there is ranks all in one, for its
                scores may depend on all, or each of its requests may be billed.
        """
        self.name = name
        self.raw = False
        self._reranker = reranker
        self._part = part if _is_divisible(reranker) else None

    async def ranked(self, query: str, texts: Sequence[str], deadline: Deadline, turns: Turns, spent: Spent) -> Ranking:
        """Rank the texts; of what has none, a cross-encoder's ranking has no hits.

        Raises:
            RerankError: It failed, or there was no time.
            NothingRanked: It kept the documents as they were.
        """
        if self._part is None:
            return await self._turn(query, texts, deadline, turns, spent)
        places = [place for place, text in enumerate(texts) if not is_blank(text)]
        parts = [places[start : start + self._part] for start in range(0, len(places), self._part)]
        rankings = [
            _at(await self._turn(query, [texts[place] for place in part], deadline, turns, spent), part)
            for part in parts
        ]
        return _joined(rankings)

    async def _turn(self, query: str, texts: Sequence[str], deadline: Deadline, turns: Turns, spent: Spent) -> Ranking:
        async with turns.turn(spent):
            deadline.check()
            left = deadline.remaining()
            timeout = None if left is None else max(left, _LEAST)
            return _not_failed(await self._reranker.arerank(query, texts, timeout=timeout))

    async def warmed(self, query: str, texts: Sequence[str]) -> None:
        """Rank something, so that the first request finds all loaded, and scores are known to be raw if they are.

        Raises:
            RerankError: It failed.
        """
        self.scores(_not_failed(await self._reranker.arerank(query, texts)))

    def scores(self, ranking: Ranking) -> list[float]:
        """The scores of the hits, between 0 and 1. Once one was not, all are sent as their sigmoid from then on."""
        given = [_rounded(hit.score) for hit in ranking.hits]
        if not self.raw and any(not 0.0 <= score <= 1.0 for score in given):
            self.raw = True
            _log.warning("%s gives scores that are not between 0 and 1: their sigmoid is sent", self.name)
        return list(map(sigmoid, given)) if self.raw else given


def _rounded(score: float) -> float:
    """A score that only arithmetic took out of 0 to 1, back there."""
    near = min(1.0, max(0.0, score))
    return near if abs(near - score) <= _ROUNDING else score


class NothingRanked(BackendError):
    """A reranker kept the documents as they were, for it failed."""


def _is_divisible(reranker: Reranker) -> bool:
    while isinstance(reranker, Cached | Calibrated):
        reranker = reranker.reranker
    return isinstance(reranker, CrossEncoder)


def _at(ranking: Ranking, places: Sequence[int]) -> Ranking:
    """The ranking of a part, with hits that point into the whole."""
    hits = tuple(replace(hit, index=places[hit.index]) for hit in ranking.hits)
    return replace(ranking, hits=hits)


def _joined(rankings: Sequence[Ranking]) -> Ranking:
    usage = sum((each.usage for each in rankings), Usage())
    hits: Iterable[Hit] = (hit for each in rankings for hit in each.hits)
    by_place = sorted(hits, key=lambda hit: hit.index)
    return Ranking(best_first(by_place), usage, tuple(span for each in rankings for span in each.spans))


def _not_failed(ranking: Ranking) -> Ranking:
    if ranking.failure is not None:
        raise NothingRanked(ranking.failure)
    return ranking

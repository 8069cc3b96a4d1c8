"""`Blended`: a reranker whose order is mixed with that of the first stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rerank_kit.arguments import named
from rerank_kit.combine.blending import Blend, BlendBy, blend, check_blend, known_score
from rerank_kit.combine.combined import Combined
from rerank_kit.flow import Flow
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.texts import is_blank
from rerank_kit.values import UNJUDGED, Deadline, Document, Hit
from rerank_kit.wrong_kind import check_reranker


class Blended(Combined):
    """Mixes a reranker's scores with those of the first stage, which are in `Document.score`, or with its order.

    Reranking makes some queries worse, and a mixture may make fewer of them worse; but none does better than plain
    reranking on every collection. So the settings are to be tuned on labels of your own; those here were chosen because
    they change least: a mixture only where the reranker finds nothing good. `rerank_kit.combine.blend` is what it
    computes, for scores that are kept.

    Where it mixes, a hit's score is on the reranker's scale, from the lowest to the highest of its scores, and `why`
    tells both parts. Elsewhere the ranking is the reranker's. Documents without text, or without a verdict, stay last.

    Attributes:
        reranker: Who ranks.
        weight: The reranker's share, from 0 to 1.
        by: How the two sides become comparable.
        only_below: It mixes only where no score reaches this; `None` is always.
        rrf_k: How little the first places stand out, with `by="rank"`.
    """

    pointwise = False

    @named
    def __init__(
        self,
        reranker: Reranker,
        *,
        weight: float = 0.7,
        by: BlendBy = "min-max",
        only_below: float | None = 0.5,
        rrf_k: float = 60.0,
    ) -> None:
        """Mix a reranker with the first stage.

        Args:
            reranker: Who ranks.
            weight: The reranker's share, from 0 to 1; the rest is the first stage's.
            by: How the two sides become comparable: `"min-max"` or `"z-score"` of the scores, `"logit-min-max"` or
                `"logit-z-score"` of logits, or `"rank"`, which is weighted reciprocal rank fusion.
            only_below: Mix only where no score of the reranker reaches this; `None` is always. It is for scores from 0
                to 1: with raw ones say another.
            rrf_k: How little the first places stand out, with `by="rank"`.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_reranker("reranker", reranker, Reranker)
        check_blend(weight, by, only_below, rrf_k)
        self.reranker = reranker
        self.weight = weight
        self.by: BlendBy = by
        self.only_below = only_below
        self.rrf_k = rrf_k
        self.model = reranker.model
        self._settle(Blended)

    @property
    def _inside(self) -> Sequence[Reranker]:
        return (self.reranker,)

    @property
    def _to_be_calibrated(self) -> str:
        return (
            "the scores of a mixture are others than those of the reranker inside: calibrate the mixture, as "
            "Calibrated(Blended(reranker), path), or cut before it, by Cascade(Stage(reranker, "
            'threshold="calibrated"), …)'
        )

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents, and mix what comes of it with how they stood."""
        ranking = (yield from self.reranker.reranking([(query, documents)], deadline=deadline))[0]
        if ranking.failure is not None:
            return ranking
        judged = sorted((hit for hit in ranking if self._is_judged(hit, documents)), key=lambda hit: hit.index)
        mixed = blend(
            [documents[hit.index].score for hit in judged],
            [hit.score for hit in judged],
            [hit.logit for hit in judged],
            weight=self.weight,
            by=self.by,
            only_below=self.only_below,
            rrf_k=self.rrf_k,
        )
        if not mixed.mixed:
            return ranking
        rest = [hit for hit in ranking if not self._is_judged(hit, documents)]
        best = [self._mixed(place, judged[place], mixed, documents) for place in mixed.order]
        return replace(ranking, hits=(*best, *rest))

    def _is_judged(self, hit: Hit, documents: Sequence[Document]) -> bool:
        """Whether its score says something of the document."""
        return hit.verdict != UNJUDGED and (self.scores_blanks or not is_blank(documents[hit.index].text))

    def _mixed(self, place: int, hit: Hit, mixed: Blend, documents: Sequence[Document]) -> Hit:
        """A hit with its new score, and where that is from."""
        own, first = mixed.parts[place]
        score = known_score(documents[hit.index].score)
        stood = "no score" if score is None else f"score {score:.4g}"
        told = (
            f"{self.weight:g} x {own:.3g} by the reranker (score {hit.score:.4g}) + {1 - self.weight:g} x {first:.3g}"
        )
        told = f"{told} by the first stage ({stood}, place {hit.index + 1})"
        why = told if hit.why is None else f"{hit.why}; {told}"
        return replace(hit, score=mixed.scores[place], logit=None, why=why)

    @whole
    def __repr__(self) -> str:
        """Say what is mixed, and how."""
        settings = f"weight={self.weight:g}, by={self.by!r}, only_below={self.only_below!r}"
        return f"Blended({self.reranker!r}, {settings})"

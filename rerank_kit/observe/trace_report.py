"""A ranking as plain JSON, as a framework's trace records it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from rerank_kit.ranking import Ranking
from rerank_kit.values import Hit, Span


def report(ranking: Ranking, place: Callable[[Hit], int] = lambda hit: hit.index) -> dict[str, Any]:
    """What a trace says of a ranking: its hits, what it took, and the same of each stage of a cascade.

    Args:
        ranking: A ranking with its own span, as rerankers return it.
        place: Where a hit stood in the first stage's order, from 0.
    """
    own = ranking.spans[-1]
    return {
        "hits": [_hit(hit, place(hit)) for hit in ranking.hits],
        "answerable": ranking.answerable,
        **_summary(own),
        "stages": [{"stage": span.stage, **_summary(span)} for span in own.children if span.stage is not None],
    }


def _hit(hit: Hit, place: int) -> dict[str, Any]:
    reason = {} if hit.why is None else {"why": hit.why}
    return {"first_stage_rank": place + 1, "score": hit.score, **reason}


def _summary(span: Span) -> dict[str, Any]:
    return {
        "model": span.model,
        "documents_out": span.documents_out,
        "seconds": span.seconds,
        "usage": dataclasses.asdict(span.usage),
        "cost": span.cost,
        "outcome": span.outcome,
        "problem": span.problem,
    }

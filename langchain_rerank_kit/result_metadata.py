"""Where a document's score lives in LangChain: its metadata."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from langchain_core.documents import Document

from rerank_kit import Hit

SCORE = "relevance_score"
"""The key under which LangChain's rerankers, and ours, put the score."""

EARLIER_SCORES = "earlier_relevance_scores"
"""The key under which scores from the stages before are kept, oldest first."""


PASSAGE = "relevant_passage"
"""The key under which the part of a long text is put that its score is for."""

REASON = "relevance_reason"
"""The key under which the reason for a document's place is put, by rerankers that give one."""

VERDICT = "relevance_verdict"
"""The key under which a judge's verdict is put."""


def with_score(document: Document, hit: Hit, read: str = "") -> Document:
    """Copy a document, with the score of a hit; a score it had before joins the earlier ones.

    Args:
        document: The document.
        hit: What was found of it.
        read: The text that was read of it, into which the passage of the hit points.
    """
    metadata = {**document.metadata, SCORE: hit.score}
    for key, value in ((REASON, hit.why), (VERDICT, hit.verdict)):
        metadata.pop(key, None)  # one from before would explain another order
        if value is not None:
            metadata[key] = value
    if hit.passage is not None:
        metadata[PASSAGE] = read[slice(*hit.passage)]
    if SCORE in document.metadata:
        earlier: object = document.metadata.get(EARLIER_SCORES)
        before: list[Any] = earlier if type(earlier) is list else []  # pyright: ignore[reportUnknownVariableType] - anybody's
        metadata[EARLIER_SCORES] = [*map(_plain, before), _plain(document.metadata[SCORE])]
    return document.model_copy(update={"metadata": metadata})


def score_of(document: Document) -> float | None:
    """The score that the stage before left, if it is a number that a float can hold."""
    score = _plain(document.metadata.get(SCORE))
    return score if type(score) is float else None  # isinstance would ask it, and anything may raise


def _plain(score: Any) -> Any:
    """A score as a Python float, whatever number type it has, since JSON and checkpoints know no other; or as it is."""
    with suppress(Exception):  # metadata may hold anything, and nothing in them fails a ranking
        if not isinstance(score, bool | str | bytes):
            return float(score)
    return score

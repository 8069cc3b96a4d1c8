"""Where a document's score lives in LangChain: its metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from langchain_core.documents import Document

from rerank_kit import Hit, Ranking
from rerank_kit.quoting import quoted
from rerank_kit.values import UNJUDGED

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

PROBABILITIES = "relevance_probabilities"
"""The key under which the probability of each verdict is put, by models that tell."""

ANSWERABLE = "rerank_answerable"
"""The key under which is put how likely it is that any document answers, by rerankers that can tell."""

FAILED = "rerank_failed"
"""The key under which it is said why a document comes in the first stage's order."""

DEGRADED = "rerank_degraded"
"""The key under which it is said why a ranking is not what was asked for."""

RANK = "first_stage_rank"
"""The key under which a document's place in the first stage's order is put, from 1."""


_OF_A_RANKING = frozenset({PASSAGE, REASON, VERDICT, PROBABILITIES, ANSWERABLE, DEGRADED, FAILED})


def with_score(document: Document, hit: Hit, read: str = "") -> Document:
    """Copy a document, with the score of a hit; a score it had before joins the earlier ones.

    A document that could not be judged has no score, whichever a stage before may have given.

    Args:
        document: The document.
        hit: What was found of it.
        read: The text that was read of it, into which the passage of the hit points.
    """
    said = {
        REASON: hit.why,
        VERDICT: hit.verdict,
        PROBABILITIES: None if hit.probabilities is None else dict(hit.probabilities),
        PASSAGE: None if hit.passage is None else read[slice(*hit.passage)],
        FAILED: None,
    }
    metadata = {**_unscored(document), **({} if hit.verdict == UNJUDGED else {SCORE: hit.score})}
    for key, value in said.items():
        metadata.pop(key, None)  # one from before would explain another order
        if value is not None:
            metadata[key] = value
    return document.model_copy(update={"metadata": metadata})


def with_rank(document: Document, place: int, ranking: Ranking) -> Document:
    """Add to a copy where its document stood in the first stage, and what of the ranking is not as it was asked for.

    Where nothing could be ranked, it has no score, and the reason as where reranking failed.

    Args:
        document: A copy made by `with_score`.
        place: From 0. Where an earlier reranker has told of it, that stands.
        ranking: The ranking that it is of.
    """
    metadata = _ranked(document.metadata, place)
    metadata.pop(DEGRADED, None)
    metadata.pop(ANSWERABLE, None)
    if ranking.degraded:
        metadata[DEGRADED] = ranking.problem
    if ranking.answerable is not None:
        metadata[ANSWERABLE] = ranking.answerable
    if ranking.failure is not None:
        metadata.pop(SCORE, None)
        metadata[FAILED] = ranking.failure
    return document.model_copy(update={"metadata": metadata})


def kept(document: Document, place: int, reason: str) -> Document:
    """Copy a document that was not reranked, with the reason for that; a score it had before joins the earlier ones.

    What a ranking before said of it is gone: it would explain another order.
    """
    metadata = {key: value for key, value in _unscored(document).items() if key not in _OF_A_RANKING}
    return document.model_copy(update={"metadata": {**_ranked(metadata, place), FAILED: reason}})


def _ranked(metadata: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Metadata with the place in the first stage, from 1: where a number stands there that can be one, that."""
    known: object = metadata.get(RANK)
    return {RANK: None, **metadata, **({} if type(known) is int and known > 0 else {RANK: place + 1})}


def moves(before: Sequence[Document], after: Sequence[Document]) -> list[tuple[int | None, float | None, str]]:
    """What came of documents: where each stood before, from 0, if it was there, its score and its text.

    They are told by their ids, or else by what they say.
    """
    places: dict[str, int] = {}
    for place, each in reversed(list(enumerate(before))):
        places |= {each.page_content: place, **({} if each.id is None else {each.id: place})}
    return [
        (places.get(each.id or each.page_content, places.get(each.page_content)), score_of(each), each.page_content)
        for each in after
    ]


def scores(documents: Iterable[Document]) -> list[Any]:
    """Whatever stands under the key of the score, of those that have it."""
    return [each.metadata[SCORE] for each in documents if SCORE in each.metadata]


def with_new_scores(documents: Sequence[Document], older: Sequence[Any]) -> list[Document]:
    """What somebody else's compressor gave, where a score that it did not write joins the earlier ones.

    A score is an older one if it is the very object that came in. Where no score differs from all that came in, the
    compressor is taken to write none, so that one that rebuilds the documents is known too.

    Args:
        documents: What the compressor gave.
        older: The `scores` of what it got, taken before it ran: it may have changed those very documents.
    """
    same = {id(score) for score in older}
    values = set(map(_comparable, older))
    writes = any(_comparable(score) not in values for score in scores(documents))
    return [
        each.model_copy(update={"metadata": _unscored(each)})
        if SCORE in each.metadata and (not writes or id(each.metadata[SCORE]) in same)
        else each
        for each in documents
    ]


def _unscored(document: Document) -> dict[str, Any]:
    """A document's metadata with its score among the earlier ones."""
    metadata = dict(document.metadata)
    if SCORE in metadata:
        earlier: object = metadata.get(EARLIER_SCORES)
        before: list[Any] = earlier if type(earlier) is list else []  # pyright: ignore[reportUnknownVariableType] - anybody's
        metadata[EARLIER_SCORES] = [*map(_plain, before), _plain(metadata.pop(SCORE))]
    return metadata


def score_of(document: Document) -> float | None:
    """The score that the stage before left, if it is a number that a float can hold."""
    return _number(document.metadata.get(SCORE))


def _comparable(score: Any) -> float | str:
    """What is the same for scores that are: a number as a float, anything else as it is shown."""
    number = _number(score)
    return quoted(score) if number is None else number


def _number(score: Any) -> float | None:
    plain = _plain(score)
    return plain if type(plain) is float else None  # isinstance would ask it, and anything may raise


def _plain(score: Any) -> Any:
    """A score as a Python float, whatever number type it has, since JSON and checkpoints know no other; or as it is."""
    with suppress(Exception):  # metadata may hold anything, and nothing in them fails a ranking
        if not isinstance(score, bool | str | bytes):
            return float(score)
    return score

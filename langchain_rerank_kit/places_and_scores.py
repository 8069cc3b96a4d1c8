"""What `rerank` of LangChain's own classes for Cohere, Jina and others takes and gives: places and scores alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_rerank_kit.result_metadata import score_of
from langchain_rerank_kit.text_read import TextOf, reader
from langchain_rerank_kit.tracing import Candidate
from rerank_kit import ConfigurationError, Ranking
from rerank_kit.names import meant_by
from rerank_kit.quoting import quoted

_REMEDIES = {
    **dict.fromkeys(("threshold", "timeout"), "it is a field: pass it to the class, or assign it to the object"),
    "model": 'make a copy with another model: model_copy(update={"model": …})',
    "max_tokens_per_doc": "it is a field: pass it to the class",
    "max_chunks_per_doc": "leave it out: documents are not cut into chunks",
    "rank_fields": 'say what is read of a document by text=["title", "page_content"] of the class',
}
_TAKEN = ("documents", "query", "top_n")


def candidates_of(documents: Sequence[str | Document], query: object, text: TextOf | None) -> list[Candidate]:
    """Texts and documents as the core takes them.

    Raises:
        ConfigurationError: They are something else.
    """
    if isinstance(documents, str):
        msg = f"documents come first here, and then the query: rerank({quoted(query)}, {quoted(documents)})"
        raise ConfigurationError(msg)
    read = reader(text)
    return [_candidate(each, place, read) for place, each in enumerate(documents)]


def _candidate(given: object, place: int, read: Any) -> Candidate:
    if isinstance(given, str):
        return Candidate(given, place=place)
    if isinstance(given, Document):
        return Candidate(read(given), given.metadata, score_of(given), given.id, place=place)
    msg = (
        f"documents[{place}] must be a str or a LangChain Document, not {quoted(given)}: of a mapping, make a Document "
        'with its values as metadata, and say by text=["title", "page_content"] of the class what is read'
    )
    raise ConfigurationError(msg)


def refuse_settings(names: Iterable[str]) -> None:
    """Refuse settings that cannot change from call to call.

    Raises:
        ConfigurationError: There is one.
    """
    for name in names:
        meant = meant_by(name, _TAKEN)
        told = f"it takes {', '.join(_TAKEN[:-1])} and {_TAKEN[-1]}" if meant is None else f"did you mean {meant}?"
        remedy = _REMEDIES.get(name, told)
        msg = f"rerank takes no {name}: {remedy}"
        raise ConfigurationError(msg)


def as_dicts(ranking: Ranking) -> list[dict[str, Any]]:
    """The places of the documents among those given, and their scores, best first."""
    return [{"index": hit.index, "relevance_score": hit.score} for hit in ranking.hits]

"""The same document twice: merged into the best placed one, with the others readable in its metadata."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from rerank_kit.first_stage.distinct import Distinct, grouping
from rerank_kit.flow import Flow

MERGED = "merged_documents"
"""The key under which the documents are listed that were merged into one, each as `{"id": …, "metadata": …}`, with
its `"page_content"` where that is another than that of the document which stands for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that stands for all that are the same.

    Attributes:
        document: The best placed of them; where there were others, a copy that lists them.
        text: What is read of it.
        place: Where it stood in the first stage's order, from 0.
    """

    document: Document
    text: str
    place: int


def merging(
    documents: Sequence[Document], texts: Sequence[str], distinct: Distinct | None, *, by_id: bool = False
) -> Flow[list[Candidate]]:
    """Merge what is the same, in the order in which it came.

    Args:
        documents: The candidates. They are not changed.
        texts: What is read of each.
        distinct: What makes documents one. They are compared by their page content and by what is read of them.
        by_id: Whether documents without an id are no copies of others: their metadata may tell them apart.
    """
    ids: list[Hashable | None] = [object() if by_id and each.id is None else each.id for each in documents]
    compared = [_compared(each.page_content, text) for each, text in zip(documents, texts, strict=True)]
    found = yield from grouping(ids, compared, distinct)
    return [
        Candidate(_listing(documents[first], [documents[other] for other in others]), texts[first], first)
        for first, *others in found
    ]


def _compared(content: str, text: str) -> str:
    return content if content == text else f"{text}\0{content}"


def _listing(document: Document, others: Sequence[Document]) -> Document:
    if not others:
        return document
    known: object = document.metadata.get(MERGED)
    before: list[Any] = known if type(known) is list else []  # pyright: ignore[reportUnknownVariableType] - anybody's
    merged = [*before, *(_listed(other, document.page_content) for other in others)]
    return document.model_copy(update={"metadata": {**document.metadata, MERGED: merged}})


def _listed(other: Document, content: str) -> dict[str, Any]:
    """A document as it is listed in that with this content."""
    listed: dict[str, Any] = {"id": other.id, "metadata": dict(other.metadata)}
    return listed if other.page_content == content else {**listed, "page_content": other.page_content}

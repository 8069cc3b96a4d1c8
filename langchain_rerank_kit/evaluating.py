"""What an evaluation asks of a LangChain retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit.result_metadata import score_of
from langchain_rerank_kit.retriever import RerankRetriever
from langchain_rerank_kit.widening import widen

Row = tuple[str | None, str, float | None, Mapping[str, Any], str]
"""A document's id, its text, its score, its metadata, and its text once more, which is all of it."""


def finder(retriever: RetrieverLike | VectorStore) -> Callable[[str, int], Sequence[Row]]:
    """From a query and a depth to so many documents, best first: the retriever widened as `with_rerank` widens it.

    A retriever of `with_rerank` keeps its own recall, and gives all that it reranks.
    """
    first: RetrieverLike = retriever.as_retriever() if isinstance(retriever, VectorStore) else retriever
    widened: dict[int, RetrieverLike] = {}

    def find(query: str, depth: int) -> Sequence[Row]:
        if isinstance(first, RerankRetriever):
            return list(map(_row, first.invoke(query, top_n=min(depth, first.recall))))
        if depth not in widened:
            widened[depth] = widen(first, depth).widened
        return list(map(_row, widened[depth].invoke(query)))

    return find


def reranks(retriever: object) -> bool:
    """Whether it is one of `with_rerank`."""
    return isinstance(retriever, RerankRetriever)


def _row(document: Document) -> Row:
    return document.id, document.page_content, score_of(document), document.metadata, document.page_content

"""What an evaluation asks of a LlamaIndex retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore

from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.text_read import text_read
from llama_rerank_kit.widening import widen

Row = tuple[str | None, str, float | None, Mapping[str, Any], str]
"""A node's id, what a reranker reads of it, its score, its metadata, and its text alone."""


def finder(retriever: BaseRetriever) -> Callable[[str, int], Sequence[Row]]:
    """From a query and a depth to so many nodes, best first: the retriever widened as `with_rerank` widens it.

    An index stands for its retriever. A retriever of `with_rerank` keeps its own recall and `top_n`.
    """
    given: Any = retriever
    first: BaseRetriever = given if isinstance(given, BaseRetriever) else given.as_retriever()
    widened: dict[int, BaseRetriever] = {}

    def find(query: str, depth: int) -> Sequence[Row]:
        if isinstance(first, RerankRetriever):
            return list(map(_row, first.retrieve(query)))
        if depth not in widened:
            widened[depth] = widen(first, depth).widened
        return list(map(_row, widened[depth].retrieve(query)))

    return find


def _row(found: NodeWithScore) -> Row:
    node = found.node
    alone = text_read(node, MetadataMode.NONE)
    return node.node_id, text_read(node, MetadataMode.EMBED), found.score, node.metadata, alone

"""What an evaluation asks of a LlamaIndex retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.indices.base import BaseIndex
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from llama_rerank_kit.copy_with import copy_with
from llama_rerank_kit.text_read import text_read
from llama_rerank_kit.widening import widen
from llama_rerank_kit.wrapping import widening_of
from rerank_kit import ConfigurationError

Row = tuple[str | None, str, float | None, Mapping[str, Any], str]
"""A node's id, what a reranker reads of it, its score, its metadata, and its text alone."""


def finder(target: BaseRetriever | BaseIndex[Any] | BaseQueryEngine) -> Callable[[str, int], Sequence[Row]]:
    """From a query and a depth to so many nodes, best first: the retriever widened as `with_rerank` widens it.

    An index stands for its retriever; a query engine for its retriever with its own postprocessors behind it. What
    `with_rerank` returned keeps its own recall and `top_n`.

    Raises:
        ConfigurationError: It finds nothing without generating an answer.
    """
    first = _first(target)
    if reranks(first):
        return lambda query, _: list(map(_row, first.retrieve(QueryBundle(query))))
    widened: dict[int, Any] = {}

    def find(query: str, depth: int) -> Sequence[Row]:
        if depth not in widened:
            widened[depth] = _widened(first, depth)
        return list(map(_row, widened[depth].retrieve(QueryBundle(query))))

    return find


def reranks(target: object) -> bool:
    """Whether `with_rerank` made it."""
    try:
        widening_of(cast("Any", target))
    except ConfigurationError:
        return False
    return True


def _first(target: BaseRetriever | BaseIndex[Any] | BaseQueryEngine) -> BaseRetriever | BaseQueryEngine:
    """What retrieves."""
    if isinstance(target, BaseIndex):
        return target.as_retriever()
    if isinstance(target, BaseRetriever):
        return target
    holds = isinstance(vars(target).get("_retriever"), BaseRetriever)
    own = getattr(type(target), "retrieve", BaseQueryEngine.retrieve)  # chat engines have none
    if holds and own is not BaseQueryEngine.retrieve:
        return target
    msg = (
        f"this {type(target).__name__} finds nothing without generating an answer: name the retriever, the index or "
        "the query engine that it is built on"
    )
    raise ConfigurationError(msg)


def _widened(first: BaseRetriever | BaseQueryEngine, depth: int) -> Any:
    if isinstance(first, BaseRetriever):
        return widen(first, depth).widened
    inner: BaseRetriever = vars(first)["_retriever"]
    return copy_with(first, {"_retriever": widen(inner, depth).widened})


def _row(found: NodeWithScore) -> Row:
    node = found.node
    alone = text_read(node, MetadataMode.NONE)
    return node.node_id, text_read(node, MetadataMode.EMBED), found.score, node.metadata, alone

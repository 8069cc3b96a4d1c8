"""`explain`: what `with_rerank` does to one query, before and after, for retrievers and for query engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import QueryBundle

from llama_rerank_kit.wrapping import widening_of
from rerank_kit import ConfigurationError
from rerank_kit.explanation import Explanation
from rerank_kit.observe.explaining import explaining


def explain(target: BaseRetriever | BaseQueryEngine, query: str) -> Explanation:
    """Retrieve and rerank, and tell all of it: `print(explain(engine, "…"))`; a notebook shows it as HTML.

    Nothing is generated: no LLM is asked, other than by the retriever or the reranker. For chat engines, agents and
    workflows use `rerank_kit.observe.explaining`.

    Args:
        target: What `with_rerank` returned, or an engine or retriever with a reranker of ours in it.
        query: The question.

    Returns:
        A table with the first stage's order beside the new one; below a line what was not returned, and why; then what
        each stage took. Where several rerankings ran, it is that of the last one to end.

    Raises:
        ConfigurationError: There is no reranker of ours in it, or it cannot retrieve without generating an answer.
    """
    retrieve = _method(target, "retrieve")
    with explaining() as explanations:
        try:
            retrieve(QueryBundle(query))
        except NotImplementedError:
            raise _no_retrieval(target) from None
    return _last(explanations, target)


async def aexplain(target: BaseRetriever | BaseQueryEngine, query: str) -> Explanation:
    """Retrieve and rerank, and tell all of it: `explain`, without blocking the running loop."""
    retrieve = _method(target, "aretrieve")
    with explaining() as explanations:
        try:
            await retrieve(QueryBundle(query))
        except NotImplementedError:
            raise _no_retrieval(target) from None
    return _last(explanations, target)


def _method(target: object, name: str) -> Any:
    method = getattr(target, name, None)
    if method is None:
        raise _no_retrieval(target)
    return method


def _no_retrieval(target: object) -> ConfigurationError:
    return ConfigurationError(
        f"this {type(target).__name__} cannot retrieve without more: explain its retriever, or run it in a block "
        "`with rerank_kit.observe.explaining() as explanations:`"
    )


def _last(explanations: Sequence[Explanation], target: BaseRetriever | BaseQueryEngine) -> Explanation:
    if not explanations:
        msg = f"no reranker of ours ran in this {type(target).__name__}: pass what with_rerank returned"
        raise ConfigurationError(msg)
    if isinstance(target, BaseRetriever):
        return explanations[-1]
    try:
        widening = widening_of(target)
    except ConfigurationError:  # one of ours, put there by hand
        return explanations[-1]
    return explanations[-1].with_notes(*str(widening).splitlines(), first=True)

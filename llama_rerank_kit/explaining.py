"""`explain`: what `with_rerank` does to one query, before and after, for retrievers and for query engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import QueryBundle

from llama_rerank_kit.wrapping import widening_of
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.explanation import Explanation
from rerank_kit.observe.explaining import explaining, the_last


@named
def explain(target: BaseRetriever | BaseQueryEngine, query: str | QueryBundle) -> Explanation:
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
    retrieve = _retrieval(target, "retrieve")
    with explaining() as explanations:
        retrieve(QueryBundle(query) if isinstance(query, str) else query)
    return _told(explanations, target)


@named
async def aexplain(target: BaseRetriever | BaseQueryEngine, query: str | QueryBundle) -> Explanation:
    """Retrieve and rerank, and tell all of it: `explain`, without blocking the running loop."""
    retrieve = _retrieval(target, "aretrieve")
    with explaining() as explanations:
        await retrieve(QueryBundle(query) if isinstance(query, str) else query)
    return _told(explanations, target)


def _retrieval(target: object, name: str) -> Any:
    """The method that retrieves.

    Raises:
        ConfigurationError: There is none, or only that which says so.
    """
    if isinstance(target, str | QueryBundle):
        msg = "target and query are swapped: write explain(engine, query)"
        raise ConfigurationError(msg)
    method = getattr(target, name, None)
    if method is None or getattr(method, "__func__", None) is getattr(BaseQueryEngine, name, BaseQueryEngine):
        msg = (
            f"this {type(target).__name__} cannot retrieve without more: explain its retriever, or run it in a block "
            "`with rerank_kit.observe.explaining() as explanations:`"
        )
        raise ConfigurationError(msg)
    return method


def _told(explanations: Sequence[Explanation], target: BaseRetriever | BaseQueryEngine) -> Explanation:
    last = the_last(explanations, target)
    try:
        report = str(widening_of(target)).splitlines()
    except ConfigurationError:  # a reranker that was put there by hand
        return last
    return last.with_notes(*(line for line in report if line not in last.notes), first=True)

"""The walk through an engine that puts a reranker behind each retriever in it."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.tools import QueryEngineTool

from llama_rerank_kit.copy_with import as_dict, as_list, copy_with
from llama_rerank_kit.postprocessor import behind
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.widening import Walk

LAST = frozenset({"LongContextReorder", "PrevNextNodePostprocessor", "AutoPrevNextNodePostprocessor"})
"""Postprocessors that arrange the nodes an LLM is to read, or add to them: they stay behind the reranker."""


class Attachment:
    """One walk through an engine, down to those that hold a retriever.

    Every other postprocessor comes before ours: cutoffs know the first stage's scores, and texts that are put in place
    of others are what the reranker should read.
    """

    def __init__(self, walk: Walk, postprocessor: BaseNodePostprocessor) -> None:
        """Widen with that walk, and attach copies of that postprocessor."""
        self.walk = walk
        self.postprocessor = postprocessor

    def engine(self, each: Any, path: str) -> tuple[Any, bool]:
        """A copy of an engine, query or chat, and whether there was a retriever in it to put a reranker behind."""
        parts = as_dict(vars(each))
        retriever, others = parts.get("_retriever"), parts.get("_node_postprocessors")
        if isinstance(retriever, BaseRetriever) and isinstance(others, list):
            updates = {
                "_retriever": self.walk.retriever(retriever, f"{path}.retriever"),
                "_node_postprocessors": self._with_ours(retriever, as_list(others), each.callback_manager, path),
            }
            return copy_with(each, updates), True
        updates = {name: self._part(value, each, f"{path}.{name.lstrip('_')}") for name, value in parts.items()}
        other = copy_with(each, updates)
        return other, other is not each

    def _with_ours(
        self, retriever: BaseRetriever, others: list[BaseNodePostprocessor], callbacks: Any, path: str
    ) -> list[BaseNodePostprocessor]:
        """The postprocessors of an engine with ours among them."""
        last = (place for place, other in enumerate(others) if LAST & {kind.__name__ for kind in type(other).__mro__})
        cut = next(last, len(others))
        before = [
            self.walk.postprocessor(other, f"{path}.node_postprocessors[{place}]")
            for place, other in enumerate(others[:cut])
        ]
        return [*before, behind(retriever, self.postprocessor, callbacks), *others[cut:]]

    def _part(self, part: Any, owner: Any, path: str) -> Any:
        """What an engine holds: other engines, alone, in tools or in numbers, are walked through in turn."""
        if isinstance(part, BaseQueryEngine):
            return self._inner(part, path)
        if isinstance(part, QueryEngineTool):
            return copy_with(part, {"_query_engine": self._inner(part.query_engine, path)})
        if isinstance(part, BaseRetriever) and isinstance(owner, CustomQueryEngine):
            widened = self.walk.retriever(part, path)
            return RerankRetriever(self.walk.report(widened, part), self.postprocessor, self.walk.custom)
        if isinstance(part, list):
            parts = as_list(part)
            return [self._part(each, owner, f"{path}[{place}]") for place, each in enumerate(parts)]
        if isinstance(part, dict):
            by_name = as_dict(part)
            return {name: self._part(each, owner, f"{path}[{name!r}]") for name, each in by_name.items()}
        return part

    def _inner(self, each: BaseQueryEngine, path: str) -> Any:
        inner, found = self.engine(each, path)
        if not found:
            self.walk.notes.append(f"{path} ({type(each).__name__}) stays as it is: it has no retriever to rerank for")
        return inner

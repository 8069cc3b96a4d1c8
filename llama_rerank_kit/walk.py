"""The walk through a retriever that widens it: which settings count nodes, and how wrappers are copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor

from llama_rerank_kit.copies import as_dict, as_list, copied, off_the_loop, within_filter
from llama_rerank_kit.widening import Change, Widen, Widening

COUNTS = frozenset(
    {
        *("similarity_top_k", "image_similarity_top_k", "sparse_top_k", "hybrid_top_k", "max_top_k"),
        *("empty_query_top_k", "choice_top_k", "dense_similarity_top_k", "sparse_similarity_top_k", "rerank_top_n"),
        *("num_chunks_per_query", "top_k", "top_n", "k", "limit", "recall", "mmr_prefetch_k"),
        *("n_results", "num_results", "max_results", "number_of_results", "numberOfResults"),
    }
)
"""The names, underscores in front left out, under which LlamaIndex's retrievers keep how many nodes they return."""

SETTINGS = frozenset(
    {"kwargs", "retriever_kwargs", "vector_store_kwargs", "retrieval_config", "vectorSearchConfiguration"}
)
"""The names of settings inside which such a count may stand."""

ALL = frozenset({"SummaryIndexRetriever", "TreeAllLeafRetriever", "TreeRootRetriever", "EmptyIndexRetriever"})
"""Retrievers that bring every node there is."""

CLOSED = frozenset({"NLSQLRetriever"})
"""Retrievers whose inner ones find something else than nodes to return."""

NOTES: Mapping[str, str] = {
    "AutoMergingRetriever": "what it finds may be merged into fewer, longer nodes: raise recall for more",
    "DocumentSummaryIndexEmbeddingRetriever": "it counts documents, and brings all nodes of each",
    "DocumentSummaryIndexLLMRetriever": "it counts documents, and brings all nodes of each",
    "KGTableRetriever": "it brings no more texts than the relations it finds lead to",
    "RecursiveRetriever": "each retriever it enters brings that many of its own",
    "VectorIndexAutoRetriever": "a top_k that the model reads out of the question is a further limit",
}
"""What to know about a class of retrievers, subclasses included."""

_MMR_CHOICE = 2  # candidates that MMR sees for each one it keeps: fewer and it has nothing to choose between
_SILENT = frozenset({"sparse_top_k", "hybrid_top_k", "empty_query_top_k"})  # None: as many as similarity_top_k


class Walk:
    """One walk. Each step gives the widened copy, or the thing itself where nothing changed."""

    def __init__(self, recall: int, custom: Widen | None) -> None:
        """Start with nothing found."""
        self.recall = recall
        self.custom = custom
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.unknown: list[str] = []

    def report(self, widened: object, original: object) -> Widening:
        """What this walk did."""
        return Widening(
            recall=self.recall,
            widened=widened,
            original=original,
            changes=tuple(self.changes),
            notes=tuple(dict.fromkeys(self.notes)),
            unknown=tuple(self.unknown),
        )

    def retriever(self, each: BaseRetriever, path: str) -> BaseRetriever:
        """Raise the counts among a retriever's attributes, and widen the retrievers it wraps."""
        own = None if self.custom is None else self.custom(each, self.recall)
        if own is not None:
            self.notes.append(f"{path} was widened by the function given as widen=")
            return off_the_loop(own)
        names = {kind.__name__ for kind in type(each).__mro__}
        self.notes += [f"{path}: {note}" for name, note in NOTES.items() if name in names]
        updates: dict[str, Any] = {}
        if not names & CLOSED:
            for name, value in vars(each).items():
                updates |= self._attribute(name, value, f"{path}.{name.lstrip('_')}", most=_most(each, name))
        if names & ALL:
            self.notes.append(f"{path} brings every node there is")
        elif not updates:
            self.unknown.append(path)
        widened = copied(each, {**updates, **_widening(each, updates)})
        return off_the_loop(within_filter(widened) if _leaks(widened) else widened)

    def _attribute(self, name: str, value: Any, where: str, most: int | None = None) -> dict[str, Any]:
        """The attribute's new value, if it is one that matters, changed or not."""
        name, attribute = name.lstrip("_"), name
        if name in COUNTS:
            return {attribute: self._count(where, name, value, most)}
        if name in SETTINGS and isinstance(value, dict):
            settings = as_dict(value)
            inner: dict[str, Any] = {}
            for key, part in settings.items():
                inner |= self._attribute(key, part, f"{where}[{key!r}]")
            return {attribute: {**settings, **inner}} if inner else {}
        if isinstance(value, BaseRetriever | BaseNodePostprocessor):
            return {attribute: self._part(value, where)}
        if isinstance(value, list | tuple):
            parts = list(as_list(value))
            widened = [self._part(part, f"{where}[{place}]") for place, part in enumerate(parts)]
            return {attribute: widened} if any(map(_matters, parts)) else {}
        if isinstance(value, dict):
            known = as_dict(value)
            parts_by_key = {key: self._part(part, f"{where}[{key!r}]") for key, part in known.items()}
            return {attribute: parts_by_key} if any(map(_matters, known.values())) else {}
        return {}

    def _part(self, part: Any, where: str) -> Any:
        if isinstance(part, BaseRetriever):
            return self.retriever(part, where)
        return self.postprocessor(part, where) if isinstance(part, BaseNodePostprocessor) else part

    def postprocessor(self, each: BaseNodePostprocessor, path: str) -> BaseNodePostprocessor:
        """A postprocessor ahead of the reranker must not cut what the reranker is to see."""
        updates = {
            name: self._count(f"{path}.{name}", name, value)
            for name in ("top_n", "top_k")
            if (value := getattr(each, name, None)) is not None
        }
        if not updates and not hasattr(each, "top_n"):
            self.notes.append(f"{path} ({type(each).__name__}) may drop nodes before the reranker sees them")
        return each.model_copy(update=updates) if any(getattr(each, n) != v for n, v in updates.items()) else each

    def _count(self, where: str, name: str, before: Any, most: int | None = None) -> Any:
        """The number that a setting needs to have: at least the recall, at least what it was."""
        if before is None:
            if name not in _SILENT:
                self.notes.append(f"{where} is None, which leaves the number of nodes to the retriever")
            return None
        if not isinstance(before, int) or isinstance(before, bool):
            return before
        after = self.recall * (_MMR_CHOICE if name == "mmr_prefetch_k" else 1)
        if most is not None and most < after:
            self.notes.append(f"{where} can be {most} at most: so many nodes are there")
            after = most
        if before >= after:
            return before
        self.changes.append(Change(where, before, after))
        return after


def _matters(part: object) -> bool:
    return isinstance(part, BaseRetriever | BaseNodePostprocessor)


def _most(each: Any, name: str) -> int | None:
    """The size of a BM25 index, above which searching it is an error."""
    index: Any = getattr(each, "bm25", None)
    return int(index.scores["num_docs"]) if name == "similarity_top_k" and hasattr(index, "scores") else None


def _leaks(each: Any) -> bool:
    """Whether a BM25 retriever has filters: a weight of 0 or 1 for each node."""
    mask = getattr(each, "corpus_weight_mask", None)
    return bool(mask)


def _widening(each: object, updates: Mapping[str, Any]) -> dict[str, Any]:
    """What a `RerankRetriever` keeps about its first stage, brought up to date: it retrieves with what stands there."""
    known = getattr(each, "widening", None)
    if not isinstance(known, Widening) or updates["_retriever"] is known.widened:
        return {}
    return {"widening": replace(known, recall=updates["recall"], widened=updates["_retriever"])}

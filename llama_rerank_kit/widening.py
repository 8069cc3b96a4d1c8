"""The walk through a retriever that makes it bring enough candidates: on a copy, only upwards, by its own settings.

LlamaIndex's retrievers bring two nodes unless told otherwise, and have no argument for it at query time. So each kind
is copied with its own settings raised, and wrappers are copied around widened copies of what they wrap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.vector_stores.types import VectorStoreQueryMode as Mode

from llama_rerank_kit.copy_with import as_dict, as_list, copy_with
from llama_rerank_kit.known_retrievers import ALL, CLOSED, COUNTS, NOTES, PASSED_ON, SETTINGS, nodes_in
from llama_rerank_kit.known_stores import Rule, rule_of
from llama_rerank_kit.patched_retrievers import off_the_loop, within_filter
from llama_rerank_kit.store_search import Search
from rerank_kit.arguments import named
from rerank_kit.checks import check_function, check_instance
from rerank_kit.first_stage.widening import Change, Widening, check_recall, is_widening, reranks

Widen: TypeAlias = Callable[[BaseRetriever, int], BaseRetriever | None]
"""A user's own way to widen: from a retriever and a recall to a retriever that brings that many, or `None` to leave
this one to the table of known settings."""

_MMR_CHOICE = 2  # candidates that MMR sees for each one it keeps: fewer and it has nothing to choose between
_SILENT = frozenset({"sparse_top_k", "hybrid_top_k", "empty_query_top_k"})  # None: as many as similarity_top_k


class Walk:
    """One walk. Each step gives the widened copy, or the thing itself where nothing changed."""

    def __init__(self, recall: int, custom: Widen | None) -> None:
        """Start with nothing found.

        Raises:
            ConfigurationError: `custom` is no function.
        """
        if custom is not None:
            check_function("widen", custom, "a retriever", "a recall")
        self.recall = recall
        self.custom = custom
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.unknown: list[str] = []
        self.rerankers: list[str] = []

    def report(self, widened: object, original: object) -> Widening[Any]:
        """What this walk did."""
        return Widening(
            recall=self.recall,
            widened=widened,
            original=original,
            changes=tuple(self.changes),
            notes=tuple(dict.fromkeys(self.notes)),
            unknown=tuple(self.unknown),
            rerankers=tuple(self.rerankers),
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
                updates |= self._attribute(
                    name,
                    value,
                    f"{path}.{name.lstrip('_')}",
                    most=nodes_in(each) if name == "similarity_top_k" else None,
                )
        if names & ALL:
            self.notes.append(f"{path} brings every node there is")
        elif not updates:
            self.unknown.append(path)
        updates |= self._search(each, updates, path)
        widened = copy_with(each, {**updates, **_widening(each, updates)})
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

    def _search(self, each: Any, updates: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The arguments for a vector store that has numbers of its own, which have to rise as well."""
        store = getattr(each, "_vector_store", None) or getattr(getattr(each, "_index", None), "vector_store", None)
        rule = rule_of(store)
        if rule is None:
            return {}
        try:
            return self._raised(rule, store, each, updates, path)
        except Exception as error:  # noqa: BLE001 - settings are anybody's, and what worked goes on to work
            self.notes.append(f"the settings of {path} for its store cannot be read: {type(error).__name__}: {error}")
            return {}

    def _raised(self, rule: Rule, store: Any, each: Any, updates: Mapping[str, Any], path: str) -> dict[str, Any]:
        passing = next((kind.__name__ for kind in type(each).__mro__ if kind.__name__ in PASSED_ON), None)
        inside = PASSED_ON.get(passing or "")
        kept = as_dict(updates.get("_kwargs", each._kwargs)) if passing else {}  # noqa: SLF001 - it is nowhere else
        where = f"{path}.kwargs" if passing else type(store).__name__
        given, where = (kept.get(inside, {}), f"{where}[{inside!r}]") if inside else (kept, where)
        mode, count = getattr(each, "_vector_store_query_mode", "default"), updates.get("_similarity_top_k")
        search = Search(store, Mode(mode), count or self.recall, given, where)
        rule(search)
        self.notes += [f"{path}, {type(store).__name__}: {note}" for note in search.notes]
        if passing is None:
            self.notes += [f"{path} cannot raise {change}: do so where the store is made" for change in search.changes]
        elif search.changes:
            self.changes += search.changes
            return {"_kwargs": {**kept, inside: search.settings} if inside else search.settings}
        return {}

    def _part(self, part: Any, where: str) -> Any:
        if isinstance(part, BaseRetriever):
            return self.retriever(part, where)
        return self.postprocessor(part, where) if isinstance(part, BaseNodePostprocessor) else part

    def postprocessor(self, each: BaseNodePostprocessor, path: str) -> BaseNodePostprocessor:
        """A postprocessor ahead of the reranker must not cut what the reranker is to see."""
        if reranks(each):
            self.rerankers.append(f"{path} ({type(each).__name__})")
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


@named
def widen(retriever: BaseRetriever, recall: int, custom: Widen | None = None) -> Widening[Any]:
    """Copy a retriever so that it brings at least `recall` nodes, as far as its settings allow.

    Args:
        retriever: Any LlamaIndex retriever.
        recall: How many nodes it should bring.
        custom: Asked first about every retriever in it.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    check_recall(recall, None)
    check_instance("retriever", retriever, BaseRetriever, "a LlamaIndex retriever, such as index.as_retriever()")
    walk = Walk(recall, custom)
    return walk.report(walk.retriever(retriever, type(retriever).__name__), retriever)


def _matters(part: object) -> bool:
    return isinstance(part, BaseRetriever | BaseNodePostprocessor)


def _leaks(each: Any) -> bool:
    """Whether a BM25 retriever has filters: a weight of 0 or 1 for each node."""
    mask = getattr(each, "corpus_weight_mask", None)
    return bool(mask)


def _widening(each: object, updates: Mapping[str, Any]) -> dict[str, Any]:
    """What a `RerankRetriever` keeps about its first stage, brought up to date: it retrieves with what stands there."""
    known = getattr(each, "_widening", None)
    if not is_widening(known) or updates["_retriever"] is known.widened:
        return {}
    return {"_widening": replace(known, recall=updates["_recall"], widened=updates["_retriever"])}

"""Raising what a retriever passes on to its vector store: `k`, and what is fetched before filtering and fusing."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from langchain_rerank_kit.known_retrievers import SEARCH_COUNT
from langchain_rerank_kit.known_stores import Pool, Store, known_store, parameters_of
from langchain_rerank_kit.nested_settings import Search
from langchain_rerank_kit.raising import UNSET, Limit, Raising, whole
from langchain_rerank_kit.unknown_stores import searched_by, store_by_signature

_FILTERS = frozenset({"filter", "filters", "expr", "pre_filter", "where"})


@dataclass(frozen=True, slots=True)
class _SearchKwargs:
    """One retriever's `search_kwargs`, and what is known of the store that gets them."""

    raising: Raising
    search: Search
    known: Store

    def widened(self, count: str | None) -> dict[str, Any]:
        """All of them, with the numbers raised."""
        given = self.search.given
        limit = self.known.limit(self.search)
        arguments = dict(given)
        if count is not None:
            arguments[count] = self._count(count, limit=limit)
        wanted = whole(arguments.get(count or "", self.raising.recall)) or 0  # k may be None
        for pool in self._pools():
            arguments[pool.name] = self._count(
                pool.name, floor=self._floor(pool, wanted), limit=pool.limit or limit, default=pool.default
            )
        depth = max(self._floor(self.known.mmr, wanted), whole(given.get("fetch_k")) or 0)
        for setting in self.known.settings:
            arguments |= setting(self.raising, self.search, depth)
        self._report(arguments, limit)
        return {name: value for name, value in arguments.items() if value is not UNSET}

    def _count(self, name: str, **bounds: Any) -> Any:
        return self.raising.count(f"{self.search.where}['{name}']", self.search.given.get(name, UNSET), **bounds)

    def _pools(self) -> list[Pool]:
        """The pools of this kind of search that this very store takes: its name alone says nothing of its age."""
        pools = [pool for pool in self.known.pools if pool.when(self.search)]
        chosen = [pool for pool in pools if _takes(self.search, pool.name)]
        return [self.known.mmr, *chosen] if self.search.kind == "mmr" else chosen

    def _floor(self, pool: Pool, wanted: int) -> int:
        """How many to fetch for as many as are wanted."""
        filters = has_filter(self.search.given)
        each = max(wanted, self.raising.recall)
        return max(each, min(each * (pool.filtered if filters else pool.times), pool.enough))

    def _report(self, arguments: Mapping[str, Any], limit: Limit | None) -> None:
        """What keeps documents back, for the report and for when too few have come."""
        search, raising, known = self.search, self.raising, self.known
        source = type(search.store).__name__
        raising.sources.append(source)
        scored = search.kind == "similarity_score_threshold"
        if scored:
            raising.notes.append(f"{search.where}: documents under the score threshold are left out before reranking")
        if known.note and known.noted(search):
            raising.cut(search.where, source, known.note)
            raising.capped |= known.note_of_filters
        if known.few:
            raising.capped = True
            numbers = {pool.name: pool.default for pool in (*known.pools, known.mmr, *self._pools())}
            set_now = {name: value for name, value in arguments.items() if value is not UNSET and value is not None}
            raising.remedies.append(f"{source}: {known.few.format_map({**numbers, **set_now})}")
        if limit is not None and limit.most < raising.recall:
            raising.remedies.append(f"{source}: {limit.why}")
        for name, why in known.cuts.items():
            if _is_set(search.given.get(name)) and not (scored and name == "score_threshold"):
                raising.cut(f"{search.where}['{name}']", source, f"{name}: {why}")
                if "filter" in name:
                    raising.capped = raising.filtered = True


def has_filter(arguments: Mapping[str, Any]) -> bool:
    """Whether a filter is among the arguments of a search."""
    return any(_is_set(arguments.get(name)) for name in _FILTERS)


def _is_set(value: Any) -> bool:
    """Whether an argument says anything. Filters of many kinds have no truth value."""
    return value is not None and not (isinstance(value, int | float | Mapping) and not value)


def _takes(search: Search, name: str) -> bool:
    parameters = parameters_of(search.store)
    by_keyword = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    return by_keyword or name in parameters or name in searched_by(search) or name in search.given


def search_kwargs(raising: Raising, retriever: Any, where: str) -> dict[str, Any]:
    """Raise what a retriever passes on to its vector store.

    Args:
        raising: The report.
        retriever: What has a `vectorstore` and `search_kwargs`.
        where: Where these stand.
    """
    search = _search(retriever, where, raising.recall)
    from_the_question = hasattr(retriever, "structured_query_translator")  # as SelfQueryRetriever has filters
    raising.filtered |= from_the_question or has_filter(search.given)
    return _SearchKwargs(raising, search, _row(search)).widened(_counted_by(retriever))


def declared_limit(each: object, name: str) -> Limit | None:
    """The upper bound that a field declares, as vendors do whose service has one."""
    field = type(each).model_fields[name] if isinstance(each, BaseModel) else None
    bounds = [] if field is None else list(_bounds([*field.metadata, field.annotation]))
    return Limit(min(bounds)) if bounds else None


def _bounds(rules: Iterable[Any]) -> Iterator[int]:
    """The upper bounds among annotations, also of the parts of a union."""
    for rule in rules:
        for name, less in (("le", 0), ("lt", 1)):
            bound = whole(getattr(rule, name, None))
            if bound is not None:
                yield bound - less
        yield from _bounds(getattr(rule, "metadata", ()))  # of a field
        yield from _bounds(getattr(rule, "__metadata__", ()))  # of Annotated
        yield from _bounds(get_args(rule))


def store_limit(retriever: Any, recall: int) -> Limit | None:
    """What a retriever that counts by a field of its own may ask its store for."""
    if _counted_by(retriever) is not None:
        return None
    search = _search(retriever, "", recall)
    return _row(search).limit(search)


def _row(search: Search) -> Store:
    """What is known of the store that is searched."""
    known = known_store(search.store)
    return store_by_signature(search) if known is None else known


def _search(retriever: Any, where: str, recall: int) -> Search:
    """How a retriever searches its store. Its search type is an enum in some retrievers, a str in others."""
    kind = getattr(retriever, "search_type", None)
    kind = getattr(kind, "value", kind) or "similarity"
    return Search(retriever.vectorstore, kind, retriever.search_kwargs, where, recall)


def _counted_by(retriever: object) -> str | None:
    """The argument that says how many documents come."""
    names = (cls.__name__ for cls in type(retriever).__mro__)
    return next((SEARCH_COUNT[name] for name in names if name in SEARCH_COUNT), "k")

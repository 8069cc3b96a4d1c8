"""Copies of LlamaIndex objects with some attributes changed, made only where something did change."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

T = TypeVar("T")


def copied(each: T, updates: Mapping[str, Any]) -> T:
    """A shallow copy with those attributes, or the thing itself where they are what it has already."""
    changed = {name: value for name, value in updates.items() if not _same(value, getattr(each, name))}
    if not changed:
        return each
    other = copy.copy(each)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _same(one: Any, other: Any) -> bool:
    """Whether nothing changed: numbers by value, all else by identity, in lists and mappings part by part."""
    if isinstance(one, list):
        return len(as_list(one)) == len(other) and all(map(_same, as_list(one), other))
    if isinstance(one, dict):
        return all(_same(value, other[key]) for key, value in as_dict(one).items())
    return one is other or (isinstance(one, int) and one == other)


def as_list(value: Any) -> list[Any]:
    """A list whose type LlamaIndex leaves open."""
    return cast("list[Any]", value)


def as_dict(value: Any) -> dict[Any, Any]:
    """A dict whose type LlamaIndex leaves open."""
    return cast("dict[Any, Any]", value)


def off_the_loop(each: BaseRetriever) -> BaseRetriever:
    """A retriever that does not block the event loop: the thing itself, unless it has no async colour of its own.

    What has none inherits one that calls the blocking colour on the loop. A copy of it does so in a worker thread.
    """
    first = next(kind for kind in type(each).__mro__ if "_aretrieve" in vars(kind))
    return _become(each, _threaded(type(each))) if first is BaseRetriever else each


def within_filter(each: BaseRetriever) -> BaseRetriever:
    """A copy of a `BM25Retriever` that keeps to its metadata filters.

    LlamaIndex's gives nodes outside the filter a score of 0 and, when it is asked for more than match, returns them.
    """
    return each if hasattr(each, "keeps_to_filter") else _become(each, _filtered(type(each)))


def _become(each: T, kind: type) -> T:
    other = copy.copy(each)
    other.__class__ = kind  # the same attributes, one method of its own
    return other


@cache
def _threaded(kind: type[BaseRetriever]) -> type[BaseRetriever]:
    async def _aretrieve(self: Any, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)

    return _variant(kind, {"_aretrieve": _aretrieve}, _threaded)


@cache
def _filtered(kind: Any) -> type[BaseRetriever]:
    def _retrieve(self: Any, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found: list[NodeWithScore] = kind._retrieve(self, query_bundle)  # noqa: SLF001 - its own method
        return [each for each in found if each.score]

    return _variant(kind, {"_retrieve": _retrieve, "keeps_to_filter": True}, _filtered)


def _variant(kind: type[Any], methods: Mapping[str, Any], make: Callable[[Any], type[Any]]) -> type[Any]:
    """A subclass that goes by its parent's name, and that copies and pickles can find again."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}

    def reduce(self: Any, _protocol: object) -> tuple[Any, ...]:
        return _revived, (make, kind, as_dict(vars(self)).copy())

    return type(kind.__name__, (kind,), {**names, **methods, "__reduce_ex__": reduce})


def _revived(make: Callable[[Any], type[Any]], kind: type[Any], state: dict[str, Any]) -> Any:
    other: Any = object.__new__(make(kind))
    other.__dict__.update(state)
    return other

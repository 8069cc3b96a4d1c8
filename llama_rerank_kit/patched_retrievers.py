"""Retrievers with one method replaced: that keep off the event loop, or to their metadata filters."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from llama_rerank_kit.copy_with import as_dict

T = TypeVar("T")


def off_the_loop(each: BaseRetriever) -> BaseRetriever:
    """A retriever that does not block the event loop: the thing itself, unless it has no async method of its own.

    What has none inherits one that calls the blocking method on the loop. A copy of it does so in a worker thread.
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

"""Watchers: flows around each part of a ranking while it runs.

The adapters open and close the runs and spans of their frameworks with one, so that the core knows no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from rerank_kit.flow import Flow
from rerank_kit.ranking import Ranking
from rerank_kit.values import Document


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a ranking that is about to run, such as a stage of a cascade.

    Attributes:
        name: What the whole calls it.
        model: The model at work, or else the kind of reranker.
        query: The user's question.
        documents: What goes in.
        top_n: How many may come out.
    """

    name: str
    model: str
    query: str
    documents: Sequence[Document]
    top_n: int | None = None


Watcher: TypeAlias = Callable[[Part, Flow[Ranking]], Flow[Ranking]]
"""Runs the part, `yield from` it, and returns what that gives; it may do something before and after."""

_watcher: ContextVar[Watcher | None] = ContextVar("rerank_kit_watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Generator[None, None, None]:
    """Have `watcher` stand around each part of every ranking that runs in here."""
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


def watched(part: Part, work: Flow[Ranking]) -> Flow[Ranking]:
    """Run a part of a ranking, seen by the watcher, if there is one. For combinators."""
    watcher = _watcher.get()
    return (yield from work) if watcher is None else (yield from watcher(part, work))

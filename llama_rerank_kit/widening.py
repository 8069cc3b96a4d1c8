"""Making a first stage bring enough candidates: on a copy, only upwards, by the retriever's own settings.

LlamaIndex's retrievers bring two nodes unless told otherwise, and have no argument for it at query time. So each kind
is copied with its own settings raised, and wrappers are copied around widened copies of what they wrap.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llama_index.core.base.base_retriever import BaseRetriever

Widen: TypeAlias = Callable[[BaseRetriever, int], BaseRetriever | None]
"""A user's own way to widen: from a retriever and a recall to a retriever that brings that many, or `None` to leave
this one to the table of known settings."""

_ENOUGH = 20  # candidates: with fewer, the reranker mostly permutes what would have been returned anyway
_INSIDE = ("llama_rerank_kit", "rerank_kit", "pydantic", "llama_index", "llama_index_instrumentation", "asyncio")


class RecallWarning(UserWarning):
    """The first stage brings too few candidates for reranking to make a difference."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that was raised: where it stands, what it was, what it is now."""

    where: str
    before: int
    after: int

    def __str__(self) -> str:
        """Such as `VectorIndexRetriever.similarity_top_k: 2 → 50`."""
        return f"{self.where}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Widening:
    """What widening did to a retriever or an engine. `str()` gives it in lines to read.

    Attributes:
        recall: How many candidates were asked for.
        widened: The widened copy; a retriever in which nothing had to change is the original itself.
        original: What was given. It is not changed.
        changes: The settings that were raised.
        notes: What may still bring fewer nodes, or more.
        unknown: Retrievers, however deep, in which no setting for the number of nodes was found.
    """

    recall: int
    widened: Any = field(repr=False, compare=False)
    original: Any = field(repr=False, compare=False)
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for each change, note and retriever that could not be widened."""
        lines = [str(change) for change in self.changes]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"not widened: {where}" for where in self.unknown]
        return "\n".join(lines) if lines else f"nothing to do: {self.recall} or more came already"


def widen(retriever: BaseRetriever, recall: int, custom: Widen | None = None) -> Widening:
    """Copy a retriever so that it brings at least `recall` nodes, as far as its settings allow.

    Args:
        retriever: Any LlamaIndex retriever.
        recall: How many nodes it should bring.
        custom: Asked first about every retriever in it.
    """
    from llama_rerank_kit.walk import Walk

    walk = Walk(recall, custom)
    return walk.report(walk.retriever(retriever, type(retriever).__name__), retriever)


def warn_of_limits(widening: Widening) -> None:
    """Say at construction what will keep the reranker from making a difference."""
    if widening.unknown:
        _warn(
            f"with_rerank could not widen {', '.join(widening.unknown)}: no setting for the number of nodes was "
            f"found. Make it bring {widening.recall} itself, or pass widen=, a function from a retriever and a recall "
            "to a retriever"
        )
    if widening.recall < _ENOUGH:
        _warn(
            f"recall={widening.recall} leaves a reranker little to choose from: 50 to 100 candidates are what makes "
            "reranking pay"
        )


def warn_of_few(found: int, recall: int | None) -> bool:
    """Say that the first stage brought too little, and whether that was said; nothing at all is no sign of it."""
    if recall is None or not 0 < found < min(recall, _ENOUGH):
        return False
    _warn(
        f"the first stage brought {found} candidates where {recall} were asked for, so the reranker can do little "
        "more than reorder them. Look at print(widening_of(…)): raise the retriever's own limit or similarity "
        "cutoff, or pass widen=. If the collection is that small, ignore RecallWarning"
    )
    return True


def _warn(message: str) -> None:
    """Warn at the line of the user's that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RecallWarning, stacklevel=level)

"""Making a first stage bring enough candidates: on a copy, only upwards, by the retriever's own settings.

Passing `k=50` at call time does not do it: most retrievers ignore arguments they do not know. So each kind is copied
with its own setting raised, and wrappers are copied around widened copies of what they wrap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from langchain_core.retrievers import RetrieverLike

Widen: TypeAlias = Callable[[RetrieverLike, int], RetrieverLike | None]
"""A user's own way to widen: from a retriever and a recall to a retriever that brings that many, or `None` to leave
this one to the table of known settings."""


class RecallWarning(UserWarning):
    """The first stage brings too few candidates for reranking to make a difference."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that was raised: where it stands, what it was (`None`: not set), what it is now."""

    where: str
    before: int | None
    after: int

    def __str__(self) -> str:
        """Such as `VectorStoreRetriever.search_kwargs['k']: 4 → 50`."""
        return f"{self.where}: {'default' if self.before is None else self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Widening:
    """What widening did to a retriever. `str()` gives it in lines to read.

    Attributes:
        recall: How many candidates were asked for.
        retriever: The widened copy; the original itself where nothing had to change.
        original: The retriever as it was given. It is not changed.
        changes: The settings that were raised.
        notes: What may still bring fewer documents.
        limited: Retrievers in which the question itself may set a lower number.
        unknown: Retrievers, however deep, in which no setting for the number of documents was found.
    """

    recall: int
    retriever: RetrieverLike = field(repr=False, compare=False)
    original: RetrieverLike = field(repr=False, compare=False)
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for each change, note and retriever that could not be widened."""
        lines = [str(change) for change in self.changes]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"not widened: {where}" for where in self.unknown]
        return "\n".join(lines) if lines else f"nothing to do: {self.recall} or more came already"


def widen(retriever: RetrieverLike, recall: int, custom: Widen | None = None) -> Widening:
    """Copy a retriever so that it brings at least `recall` documents, as far as its settings allow.

    Args:
        retriever: A retriever, or any runnable that takes a query and gives documents.
        recall: How many documents it should bring.
        custom: Asked first about every retriever in it.
    """
    from langchain_rerank_kit.walk import Walk, name_of

    walk = Walk(recall, custom)
    widened, found = walk.runnable(retriever, name_of(retriever))
    if not found:
        walk.unknown.append(name_of(retriever))
    return Widening(
        recall=recall,
        retriever=widened,
        original=retriever,
        changes=tuple(walk.changes),
        notes=tuple(dict.fromkeys(walk.notes)),
        limited=tuple(walk.limited),
        unknown=tuple(walk.unknown),
    )

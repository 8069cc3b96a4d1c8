"""Raising numbers one by one, and the report on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import index
from typing import Any, NamedTuple, TypeVar

from rerank_kit.first_stage.widening import Change
from rerank_kit.quoting import quoted

T = TypeVar("T")

UNSET: Any = object()
"""A setting that was not made."""


class Limit(NamedTuple):
    """What a number can be at most, and why."""

    most: int
    why: str = ""


@dataclass
class Raising:
    """The numbers that were raised for one recall, and all else that there is to say.

    Attributes:
        recall: How many candidates are to come.
        changes: The settings that were raised.
        notes: What may still bring fewer candidates, or more.
        limited: Retrievers in which the question itself may set a lower number.
        unknown: Retrievers in which no setting for the number of candidates was found.
        sources: What the candidates come from, by class name.
        remedies: What to set where too few of them come.
        rerankers: What reranks already.
        capped: Whether a filter is known to see only so many documents.
        filtered: Whether there is a filter.
    """

    recall: int
    changes: list[Change] = field(default_factory=list[Change])
    notes: list[str] = field(default_factory=list[str])
    limited: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    sources: list[str] = field(default_factory=list[str])
    remedies: list[str] = field(default_factory=list[str])
    rerankers: list[str] = field(default_factory=list[str])
    capped: bool = False
    filtered: bool = False

    def count(self, where: str, before: Any, *, floor: int = 0, limit: Limit | None = None, default: int = 0) -> Any:
        """The number that a setting needs to have: at least the recall, at least what it was.

        Args:
            where: Where it stands.
            before: What it is, or `UNSET`.
            floor: What else it has to be at least.
            limit: What it can be at most.
            default: What holds while it is unset: where that is enough, it stays `UNSET`.
        """
        if before is None:
            self.notes.append(f"{where} is None, which leaves the number of documents to the retriever")
            return None
        known = default if before is UNSET else whole(before)
        if known is None:
            if isinstance(before, str) and before.isdigit():
                self.notes.append(f"{where} is {quoted(before)}, which is text and no number, and stays")
            return before
        after = max(self.recall, floor)
        if limit is not None and limit.most < after:
            self.notes.append(f"{where} can be {limit.most} at most" + (f": {limit.why}" if limit.why else ""))
            after = limit.most
        if known >= after:
            return before
        self.change(where, None if before is UNSET else known, after)
        return after

    def attempt(self, where: str, work: Callable[[], T], otherwise: T) -> T:
        """Do some of it, or leave it and say so: settings and stores are anybody's, and what worked goes on to work."""
        lists: list[list[Any]] = [self.changes, self.notes, self.limited, self.unknown, self.sources, self.remedies]
        lengths = list(map(len, lists))
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever reading them raises
            for each, length in zip(lists, lengths, strict=True):
                del each[length:]
            self.notes.append(f"{where} stays as it is, for it cannot be read: {type(error).__name__}: {error}")
            self.unknown.append(where)
            return otherwise

    def change(self, where: str, before: int | None, after: int) -> None:
        """Report one setting that was raised."""
        self.changes.append(Change(where, before, after))

    def cut(self, where: str, source: str, why: str) -> None:
        """Report what keeps documents back that no number brings: now, and once too few have come."""
        self.notes.append(f"{where}: {why}")
        self.remedies.append(f"{source}: {why}")


def whole(value: Any) -> int | None:
    """A whole number as an int, whatever number type it has; `None` where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return index(value)  # pyright: ignore[reportArgumentType] - which says so by its error
    except TypeError:
        return None

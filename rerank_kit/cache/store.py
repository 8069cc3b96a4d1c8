"""Where scores are kept: what a store is, and the one in memory."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from rerank_kit.arguments import named
from rerank_kit.checks import check_count
from rerank_kit.quoting import whole
from rerank_kit.values import Passage

Key = tuple[str, str, str]
"""A reranker's fingerprint, a query and the text of one document: all that a score depends on."""


class Kept(NamedTuple):
    """What a store keeps of a hit: all of it but its place.

    Attributes:
        score: The relevance score.
        why: The reason, from rerankers that give one.
        passage: Start and end in characters of the part of the text that the score is for, where it is only a part.
        logit: What the model gave, where the score is the sigmoid of that.
        verdict: What a judge or a decision model decided, from rerankers that do.
        probabilities: The probability of each verdict that there could have been, from models that tell.
        answerable: How likely it is that this document answers, from rerankers that can tell.
    """

    score: float
    why: str | None = None
    passage: Passage | None = None
    logit: float | None = None
    verdict: str | None = None
    probabilities: Mapping[str, float] | None = None
    answerable: float | None = None


@runtime_checkable
class Store(Protocol):
    """Where scores are kept. It may forget any of them, at any time; threads share it.

    One that fails, or gives what is no `Kept`, costs the score, never the ranking. Where `get` and `put` take
    `deadline=`, a `Deadline`, they are told when the ranking must be there: what comes later is of no use.

    Attributes:
        waits: Whether reading and writing waits for a disk or a network. Async callers do it in a worker thread then.
    """

    waits: bool

    def get(self, keys: Sequence[Key], /) -> Mapping[Key, Kept]:
        """Look up keys, all different; those that are not there are left out."""
        ...

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep scores. There is nothing to say when one is there already: it is the same."""
        ...


class LockOfProcess:
    """A lock that a forked process has anew: nobody there would release one that was held during the fork."""

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def __call__(self) -> threading.Lock:
        """The lock of this process."""
        process = os.getpid()
        lock = self._locks.get(process)
        return self._locks.setdefault(process, threading.Lock()) if lock is None else lock


class MemoryStore:
    """Keeps scores in memory, with the texts they are for, and forgets those that were unused for longest."""

    waits = False

    @named
    def __init__(self, max_entries: int | None = 100_000) -> None:
        """Start empty.

        Args:
            max_entries: How many scores are kept at most; `None` is no limit.

        Raises:
            ConfigurationError: `max_entries` is less than 1.
        """
        self.max_entries = check_count("max_entries", max_entries)
        self._entries: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = LockOfProcess()

    def get(self, keys: Sequence[Key], /) -> dict[Key, Kept]:
        """Look up keys; those found count as used now."""
        with self._lock():
            found = {key: self._entries[key] for key in keys if key in self._entries}
            for key in found:
                self._entries.move_to_end(key)
        return found

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep scores, and forget others when there are too many."""
        with self._lock():
            self._entries.update(entries)
            while self.max_entries is not None and len(self._entries) > self.max_entries:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        """The number of scores kept."""
        return len(self._entries)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles start empty: what is in memory here need not travel."""
        return type(self), (self.max_entries,)

    @whole
    def __repr__(self) -> str:
        """Say how many scores it may keep."""
        return f"MemoryStore(max_entries={self.max_entries})"

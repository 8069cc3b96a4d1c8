"""The vectors of a document's tokens: as they are kept, by what key, and where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from rerank_kit.arguments import named
from rerank_kit.cache.store import LockOfProcess
from rerank_kit.checks import check_count
from rerank_kit.quoting import whole

Key = tuple[str, str]
"""The fingerprint of a model with its settings, and a text: all that vectors depend on."""

_SIZE = 2  # bytes of a float16
_BESIDE = 200  # bytes of what stands beside numbers in memory, roughly


class TokenVectors(NamedTuple):
    """The vectors of one text.

    Attributes:
        numbers: n vectors of `dimension` numbers each, one behind the other, as little-endian float16.
        dimension: Numbers of a vector.
        tokens: How many tokens were read, of which some keep no vector.
        cut: Whether the text has more tokens than are read.
    """

    numbers: bytes
    dimension: int
    tokens: int
    cut: bool

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return len(self.numbers) // (_SIZE * self.dimension)


@runtime_checkable
class VectorStore(Protocol):
    """Where vectors are kept. It may forget any of them, at any time; threads share it.

    One that fails, or gives what are no `TokenVectors`, costs the vectors, which are computed anew, never the ranking.
    It is asked in a thread that may wait.
    """

    def get(self, keys: Sequence[Key], /) -> Mapping[Key, TokenVectors]:
        """Look up keys, all different; those that are not there are left out."""
        ...

    def put(self, entries: Mapping[Key, TokenVectors], /) -> None:
        """Keep vectors. There is nothing to say when they are there already: they are the same."""
        ...


class MemoryVectors:
    """Keeps vectors in memory, with the texts they are for, and forgets those that were unused for longest."""

    @named
    def __init__(self, max_bytes: int | None = 256_000_000) -> None:
        """Start empty.

        Args:
            max_bytes: How much is kept at most, in bytes, roughly; `None` is no limit.

        Raises:
            ConfigurationError: `max_bytes` is less than 1.
        """
        self.max_bytes = check_count("max_bytes", max_bytes)
        self._entries: OrderedDict[Key, TokenVectors] = OrderedDict()
        self._size = 0
        self._lock = LockOfProcess()

    def get(self, keys: Sequence[Key], /) -> dict[Key, TokenVectors]:
        """Look up keys; those found count as used now."""
        with self._lock():
            found = {key: self._entries[key] for key in keys if key in self._entries}
            for key in found:
                self._entries.move_to_end(key)
        return found

    def put(self, entries: Mapping[Key, TokenVectors], /) -> None:
        """Keep vectors, and forget others when there is too much."""
        with self._lock():
            for key, vectors in entries.items():
                before = self._entries.pop(key, None)
                self._size += _size(key, vectors) - (0 if before is None else _size(key, before))
                self._entries[key] = vectors
            while self.max_bytes is not None and self._size > self.max_bytes:
                self._size -= _size(*self._entries.popitem(last=False))

    @property
    def size(self) -> int:
        """How much is kept, in bytes, roughly."""
        return self._size

    def __len__(self) -> int:
        """The number of texts whose vectors are kept."""
        return len(self._entries)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles start empty: what is in memory here need not travel."""
        return type(self), (self.max_bytes,)

    @whole
    def __repr__(self) -> str:
        """Say how much it may keep."""
        return f"MemoryVectors(max_bytes={self.max_bytes})"


def _size(key: Key, vectors: TokenVectors) -> int:
    return _BESIDE + len(key[1]) + len(vectors.numbers)

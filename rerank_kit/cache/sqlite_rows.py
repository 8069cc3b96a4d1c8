"""A score as a row of a table, with a checksum: what is not as it was written is no score."""

from __future__ import annotations

import math
import struct
from hashlib import blake2b
from typing import Any

from rerank_kit.cache.store import Kept, Key
from rerank_kit.values import finite

Row = tuple[Any, ...]
"""What `COLUMNS` hold."""

COLUMNS = "key, score, why, start, stop, checksum"


def digest(key: Key) -> bytes:
    """A hash of the parts, each behind its length, so that no two keys are framed the same."""
    return _hash(16, *(_bytes(part) for part in key))


def row(key: Key, kept: Kept) -> Row:
    """The row of a score.

    Raises:
        InvalidResponse: The score is no finite number.
        TypeError: The reason or the passage is not what it should be.
    """
    name, score = digest(key), finite(kept.score)
    why = None if kept.why is None else _bytes(kept.why)
    start, stop = (None, None) if kept.passage is None else kept.passage
    return name, score, why, start, stop, _checksum(name, score, why, start, stop)


def kept_in(found: Row) -> Kept | None:
    """The score in a row; `None` where it is not as it was written, whatever has happened to it."""
    name, score, why, start, stop, checksum = found
    if not isinstance(score, float) or not math.isfinite(score):
        return None
    try:
        if checksum != _checksum(name, score, why, start, stop):
            return None
        reason = None if why is None else why.decode("utf-8", "surrogatepass")
    except (TypeError, ValueError, OverflowError, struct.error):
        return None
    return Kept(score, reason, None if start is None else (start, stop))


def _checksum(name: bytes, score: float, why: bytes | None, start: int | None, stop: int | None) -> bytes:
    passage = b"" if start is stop is None else struct.pack("<qq", start, stop)
    return _hash(8, name, struct.pack("<d", score), b"" if why is None else b"\0" + why, passage)


def _hash(size: int, *parts: bytes) -> bytes:
    return blake2b(b"".join(len(part).to_bytes(8, "big") + part for part in parts), digest_size=size).digest()


def _bytes(text: str) -> bytes:
    """Any str is a text here, also a broken one."""
    return str.encode(text, "utf-8", "surrogatepass")

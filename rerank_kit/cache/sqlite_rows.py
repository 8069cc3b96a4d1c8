"""A score as a row of a table, with a checksum: what is not as it was written is no score."""

from __future__ import annotations

import json
import math
import struct
from hashlib import blake2b
from typing import Any

from rerank_kit.cache.store import Kept, Key
from rerank_kit.values import finite

Row = tuple[Any, ...]
"""What `COLUMNS` hold."""

COLUMNS = "key, score, logit, why, start, stop, judged, checksum"


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
    logit = None if kept.logit is None else finite(kept.logit)
    why = None if kept.why is None else _bytes(kept.why)
    start, stop = (None, None) if kept.passage is None else kept.passage
    judged = _judged(kept)
    checksum = _checksum(name, score, logit, why, (start, stop), judged=judged)
    return name, score, logit, why, start, stop, judged, checksum


def kept_in(found: Row) -> Kept | None:
    """The score in a row; `None` where it is not as it was written, whatever has happened to it."""
    name, score, logit, why, start, stop, judged, checksum = found
    if not _is_finite(score) or not (logit is None or _is_finite(logit)):
        return None
    try:
        if checksum != _checksum(name, score, logit, why, (start, stop), judged=judged):
            return None
        reason = None if why is None else why.decode("utf-8", "surrogatepass")
        told = (None, None, None) if judged is None else json.loads(judged)
    except (TypeError, ValueError, OverflowError, struct.error):
        return None
    return Kept(score, reason, None if start is None else (start, stop), logit, *told)


def _judged(kept: Kept) -> bytes | None:
    """What was decided, as JSON; `None` where nothing was."""
    told = kept.verdict, kept.probabilities, kept.answerable
    return None if told == (None, None, None) else json.dumps(told, allow_nan=False).encode()


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _checksum(
    name: bytes,
    score: float,
    logit: float | None,
    why: bytes | None,
    passage: tuple[int | None, int | None],
    *,
    judged: bytes | None,
) -> bytes:
    numbers = struct.pack("<d", score) + (b"" if logit is None else struct.pack("<d", logit))
    places = b"" if passage == (None, None) else struct.pack("<qq", *passage)
    more = () if judged is None else (judged,)  # rows of the version before have no such part
    return _hash(8, name, numbers, b"" if why is None else b"\0" + why, places, *more)


def _hash(size: int, *parts: bytes) -> bytes:
    return blake2b(b"".join(len(part).to_bytes(8, "big") + part for part in parts), digest_size=size).digest()


def _bytes(text: str) -> bytes:
    """Any str is a text here, also a broken one."""
    return str.encode(text, "utf-8", "surrogatepass")

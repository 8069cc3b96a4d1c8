"""How much of an answer is read: no more, decoded, than what was asked for can need."""

from __future__ import annotations

import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TypeVar

from rerank_kit.errors import InvalidResponse
from rerank_kit.flow import Call

T = TypeVar("T")

ENCODINGS = "gzip, deflate"
"""The encodings that can be decoded piece by piece, by the standard library alone."""

LEAST = 1 << 20
"""Bytes that every answer may have."""

_RESULT = 4096  # bytes for all that is said of one document beside its text
_TOKEN = 512  # bytes for a token with its probabilities and those of others
_CHARACTER = 6  # bytes of one that is sent back, as JSON may write it: \u00e9
_REFUSAL = 65_536  # bytes of the body of an error: a line of it is shown
_PIECE = 65_536  # bytes that are decoded at once
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_HEAD = 2  # bytes of zlib's head: https://www.rfc-editor.org/rfc/rfc1950#section-2.2
_DEFLATED = 8  # in the first of them

_longest: ContextVar[int | None] = ContextVar("rerank_kit_longest_answer", default=None)


def longest_answer(*, results: int = 0, tokens: int = 0, characters: int = 0) -> int:
    """The bytes that an answer may have.

    Args:
        results: How many documents are scored.
        tokens: How many tokens a model may write.
        characters: Characters of what is sent, which many servers send back.
    """
    return LEAST + results * _RESULT + tokens * _TOKEN + characters * _CHARACTER


def reading_at_most(longest: int, call: Call[T]) -> Call[T]:
    """The same call, during which clients with the hooks of this file read no answer that is longer.

    Raises:
        InvalidResponse: One is.
    """

    def sync() -> T:
        token = _longest.set(longest)
        try:
            return call.sync()
        finally:
            _longest.reset(token)

    async def async_() -> T:
        token = _longest.set(longest)
        try:
            return await call.async_()
        finally:
            _longest.reset(token)

    return Call(sync, async_)


def ask(request: Any) -> None:
    """An event hook of httpx: whatever a client asks for by itself, it asks for what can be decoded here."""
    if _longest.get() is not None:
        request.headers["accept-encoding"] = ENCODINGS


async def aask(request: Any) -> None:
    """The same for async clients."""
    ask(request)


def shorten(response: Any) -> None:
    """An event hook of httpx: the body is decoded and bounded here, before anybody else reads it."""
    _shorten(response, 0)


async def ashorten(response: Any) -> None:
    """The same for async clients."""
    _shorten(response, 1)


def _shorten(response: Any, kind: int) -> None:
    longest = _longest.get()
    if longest is not None and not response.is_stream_consumed:
        body = Body(response.headers.pop("content-encoding", ""), longest, whole=response.is_success)
        library = sys.modules[type(response).__module__.partition(".")[0]]
        response.stream = _streams(library)[kind](response.stream, body)


class Body:
    """A body that is decoded as it comes, and held to a size.

    Attributes:
        over: Whether no more of it is read.
    """

    def __init__(self, encoding: str, longest: int, *, whole: bool) -> None:
        """Read nothing yet.

        Args:
            encoding: The header `Content-Encoding`.
            longest: The bytes that it may have, decoded or not.
            whole: Whether all of it is needed. Of the body of an error the beginning is enough.
        """
        self._encodings = [
            each for each in encoding.lower().replace(" ", "").split(",") if each not in {"", "identity"}
        ]
        self._inflate: Any = None
        self._longest = longest if whole else _REFUSAL
        self._whole = whole
        self._seen = self._given = 0
        self._begun = b""
        self.over = False

    def of(self, raw: bytes) -> Iterator[bytes]:
        """What these bytes say, in pieces.

        Raises:
            InvalidResponse: It is too long, or in no encoding that was asked for.
        """
        self._seen += len(raw)
        try:
            for piece in self._decoded(raw) if self._encodings else (raw,):
                kept = piece[: self._longest - self._given]
                self._given += len(kept)
                yield kept
                if len(kept) < len(piece):
                    self._end(f"is longer than the {self._longest:,} bytes that what was asked for can need")
                    return
        except zlib.error:
            self._end(f"is said to be {self._encodings[0]}, and is not")
        if self._seen > self._longest:
            self._end(f"is longer than the {self._longest:,} bytes that what was asked for can need")

    def _end(self, why: str) -> None:
        """Read no more."""
        self.over = True
        if self._whole:
            msg = f"the answer {why}"
            raise InvalidResponse(msg)

    def _decoded(self, raw: bytes) -> Iterator[bytes]:
        if len(self._encodings) > 1 or self._encodings[0] not in _WINDOWS:
            self._end(f"is encoded as {', '.join(self._encodings)!r}, though only {ENCODINGS} were asked for")
            return
        if self._inflate is None:
            self._begun += raw
            if len(self._begun) < _HEAD:
                return
            self._inflate, raw = _inflating(self._encodings[0], self._begun), self._begun
        piece = None
        while raw or (piece is not None and len(piece) == _PIECE):
            piece = self._inflate.decompress(raw, _PIECE)
            raw = self._inflate.unconsumed_tail
            yield piece


def _inflating(encoding: str, begun: bytes) -> Any:
    """What decodes a body that begins so. Some servers say deflate, and leave out the two bytes of its head."""
    bare = encoding == "deflate" and (begun[0] & 15 != _DEFLATED or int.from_bytes(begun[:_HEAD]) % 31)
    return zlib.decompressobj(-zlib.MAX_WBITS if bare else _WINDOWS[encoding])


class _Bounded:
    """The stream of a bounded body."""

    def __init__(self, stream: Any, body: Body) -> None:
        self._stream = stream
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for raw in self._stream:
            yield from self._body.of(raw)
            if self._body.over:
                return

    def close(self) -> None:
        self._stream.close()


class _AsyncBounded(_Bounded):
    """The same for async clients."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for raw in self._stream:
            for piece in self._body.of(raw):
                yield piece
            if self._body.over:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


@lru_cache(maxsize=2)
def _streams(library: Any) -> tuple[type[Any], type[Any]]:
    """Both, as streams that httpx or httpx2 knows."""
    blocking = type("BoundedStream", (_Bounded, library.SyncByteStream), {})
    return blocking, type("BoundedAsyncStream", (_AsyncBounded, library.AsyncByteStream), {})

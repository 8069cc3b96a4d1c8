"""What a request brings before anything of it is parsed: body, deadline, name; whether its client is still there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from starlette.requests import Request

from rerank_kit.checks import LONGEST_WAIT
from rerank_kit.errors import BackendError
from rerank_kit.managed.served_formats import Refused
from rerank_kit.serve.turns import Busy

T = TypeVar("T")

_NAME = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class Gone(Exception):
    """The client has gone."""


class Bodies:
    """Reads bodies, each of which is bounded, and so are all together."""

    def __init__(self, most: int | None, together: int | None, seconds: float) -> None:
        """Begin with none.

        Args:
            most: Bytes of one; `None` is no limit.
            together: Bytes of all that are held at a time; `None` is no limit.
            seconds: How long one may take.
        """
        self._most, self._together, self._seconds = most, together, seconds
        self.held = 0

    @contextmanager
    def holding(self) -> Generator[_Held]:
        """Hold one while this is open."""
        held = _Held(self)
        try:
            yield held
        finally:
            self.held -= held.size

    async def read(self, request: Request, held: _Held) -> bytes:
        """The body of a request.

        Raises:
            Refused: It is too long, which may be said before it comes, or comes too slowly, or compressed.
            Busy: There are too many at a time.
            Gone: The client left before its end.
        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "the body is compressed: send it as it is, without Content-Encoding")
        length = request.headers.get("content-length", "")
        self._check(int(length[:20]) if length.isdecimal() else 0)
        try:
            async with asyncio.timeout(self._seconds):
                while await self._piece(request, held):
                    pass
        except TimeoutError:
            msg = f"the body did not come within {self._seconds:g} s"
            raise Refused(408, msg) from None
        return b"".join(held.pieces)

    async def _piece(self, request: Request, held: _Held) -> bool:
        """Read on, and say whether there is more."""
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        self._check(held.size + len(piece))
        if self._together is not None and self.held + len(piece) > self._together:
            raise Busy(1.0)
        self.held += len(piece)
        held.size += len(piece)
        held.pieces.append(piece)
        return bool(message.get("more_body", False))

    def _check(self, size: int) -> None:
        if self._most is not None and size > self._most:
            msg = f"the body has more than {self._most} bytes: send fewer or shorter documents"
            raise Refused(413, msg)


class _Held:
    """What is there of a body."""

    def __init__(self, bodies: Bodies) -> None:
        self.pieces: list[bytes] = []
        self.size = 0


async def unless_gone(work: Coroutine[Any, Any, T], request: Request) -> T:
    """Do it, and stop as soon as the client has gone.

    Raises:
        Gone: It has.
        BackendError: The work was broken off by itself.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        try:
            return task.result()
        except (asyncio.CancelledError, BaseExceptionGroup) as error:
            msg = f"the reranker was broken off by {type(error).__name__}"
            raise BackendError(msg) from error
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def name_of(request: Request) -> str:
    """What a request is called: by its client in `X-Request-Id`, if that can stand in a log, or else anew."""
    given = request.headers.get("x-request-id", "")
    return given if _NAME.fullmatch(given) else str(uuid4())


def seconds_of(request: Request, most: float | None) -> float | None:
    """How long a request may take: what it says in `X-Request-Timeout`, but no more than `most`.

    Raises:
        Refused: It says no number of seconds.
    """
    given = request.headers.get("x-request-timeout")
    if given is None:
        return most
    if not _SECONDS.fullmatch(given) or float(given) <= 0:
        raise Refused(400, "X-Request-Timeout must be a number of seconds above 0, such as 2.5")
    return min(float(given), LONGEST_WAIT if most is None else most)

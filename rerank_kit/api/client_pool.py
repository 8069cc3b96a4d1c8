"""`Pool`: one blocking client for all threads, async clients for each running loop, each made when first needed."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")

_SHARE = 16
"""Requests that one async client carries at a time. The work of httpcore's pool grows with more than the square of its
connections (`_assign_requests_to_connections` counts the idle ones once for each), so 256 over one take seconds."""


class Pool(Generic[T, A]):
    """Clients, each with what closes it.

    An async client belongs to the loop that it was first used on. asyncio closes async generators that are still
    open when a loop shuts down, so one such generator watches over the clients of each loop and closes them then.
    """

    def __init__(
        self,
        make: Callable[[], tuple[T, Callable[[], object]]],
        amake: Callable[[], tuple[A, Callable[[], Awaitable[object]]]],
    ) -> None:
        """Make nothing yet.

        Args:
            make: Makes a blocking client, and says what closes it.
            amake: Makes an async client, and says what closes it.
        """
        self._make = make
        self._amake = amake
        self._lock = threading.Lock()
        self._client: tuple[int, T, weakref.finalize[Any, Any]] | None = None
        self._loops: dict[int, _Loop[A]] = {}

    def client(self) -> T:
        """The blocking client. A forked process makes its own: connections cannot be shared with the parent."""
        with self._lock:
            if self._client is None or self._client[0] != os.getpid():
                client, close = self._make()
                self._client = os.getpid(), client, weakref.finalize(self, close)
            return self._client[1]

    @asynccontextmanager
    async def aclient(self) -> AsyncGenerator[A]:
        """An async client of the running loop, for one request: the first that is not full, or a new one."""
        here = await self._here()
        seat = next((each for each in here.seats if each.busy < _SHARE), None)
        if seat is None:
            seat = _Seat(*self._amake())
            here.seats.append(seat)
        seat.busy += 1
        try:
            yield seat.client
        finally:
            seat.busy -= 1

    async def _here(self) -> _Loop[A]:
        """What belongs to the running loop."""
        loop = asyncio.get_running_loop()
        known = self._loops.get(id(loop))
        if known is not None and known.loop() is loop:
            return known
        for key, each in list(self._loops.items()):
            if _gone(each.loop()):
                self._loops.pop(key, None)
        seats: list[_Seat[A]] = []
        here = self._loops[id(loop)] = _Loop(weakref.ref(loop), seats, _watch(seats))
        await anext(here.watch)
        return here

    def close(self) -> None:
        """Close the blocking client. The next request makes another."""
        with self._lock:
            if self._client is not None:
                self._client[2]()
                self._client = None

    async def aclose(self) -> None:
        """Close the clients of the running loop, and the blocking one."""
        known = self._loops.pop(id(asyncio.get_running_loop()), None)
        if known is not None:
            await known.watch.aclose()
        self.close()


@dataclass(slots=True)
class _Seat(Generic[A]):
    """An async client, and how many requests it carries now."""

    client: A
    close: Callable[[], Awaitable[object]]
    busy: int = field(default=0)


@dataclass(frozen=True, slots=True)
class _Loop(Generic[A]):
    """The clients of one loop, and the generator that closes them with it."""

    loop: weakref.ref[Any]
    seats: list[_Seat[A]]
    watch: AsyncGenerator[None]


def _gone(loop: Any) -> bool:
    return loop is None or loop.is_closed()


async def _watch(seats: list[_Seat[Any]]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        for seat in seats:
            await seat.close()

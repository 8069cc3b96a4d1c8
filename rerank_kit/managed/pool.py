"""`Pool`: one blocking client for all threads, one async client for each running loop, each made when first needed."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")


class Pool(Generic[T, A]):
    """Clients, each with what closes it.

    An async client belongs to the loop that it was first used on. asyncio closes async generators that are still
    open when a loop shuts down, so one such generator watches over each client and closes it then.
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
        self._aclients: dict[int, tuple[weakref.ref[Any], A, AsyncGenerator[None]]] = {}

    def client(self) -> T:
        """The blocking client. A forked process makes its own: connections cannot be shared with the parent."""
        with self._lock:
            if self._client is None or self._client[0] != os.getpid():
                client, close = self._make()
                self._client = os.getpid(), client, weakref.finalize(self, close)
            return self._client[1]

    async def aclient(self) -> A:
        """The async client of the running loop."""
        loop = asyncio.get_running_loop()
        known = self._aclients.get(id(loop))
        if known is not None and known[0]() is loop:
            return known[1]
        for key, each in list(self._aclients.items()):
            if _gone(each[0]()):
                self._aclients.pop(key, None)
        client, close = self._amake()
        watch = _watch(close)
        self._aclients[id(loop)] = weakref.ref(loop), client, watch
        await anext(watch)
        return client

    def close(self) -> None:
        """Close the blocking client. The next request makes another."""
        with self._lock:
            if self._client is not None:
                self._client[2]()
                self._client = None

    async def aclose(self) -> None:
        """Close the client of the running loop, and the blocking one."""
        known = self._aclients.pop(id(asyncio.get_running_loop()), None)
        if known is not None:
            await known[2].aclose()
        self.close()


def _gone(loop: Any) -> bool:
    return loop is None or loop.is_closed()


async def _watch(close: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await close()

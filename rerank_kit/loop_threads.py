"""Blocking code beside a running loop, in threads for which the loop need not wait when it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from rerank_kit.caller import check_caller, waiting
from rerank_kit.threads import Threads

T = TypeVar("T")

_AT_A_TIME = min(32, (os.cpu_count() or 1) + 4)  # as many as asyncio's own threads


@dataclass(frozen=True, slots=True)
class _OfLoop:
    """What belongs to one loop: turns, of which who is cancelled gives up his, the threads, and what ends with it."""

    turns: asyncio.Semaphore
    threads: Threads
    watch: AsyncGenerator[None]


kept: ContextVar[list[Future[Any]] | None] = ContextVar("rerank_kit_kept", default=None)
"""Where all that is begun in threads is put, for who wants to know what of it goes on when nobody waits any more."""

_loops: dict[asyncio.AbstractEventLoop, _OfLoop] = {}


async def in_a_thread(work: Callable[[], T], *, in_turn: bool = True) -> T:
    """Have a thread do it, without blocking the running loop. Who is cancelled does not wait for it.

    Args:
        work: What is done.
        in_turn: Whether it waits until fewer others are at work than there are turns.
    """
    loop = asyncio.get_running_loop()
    here = await _of_loop(loop)
    async with here.turns if in_turn else nullcontext():
        with waiting() as caller:
            there = loop.create_future()
            future = here.threads.submit(caller.calling(work))
            future.add_done_callback(partial(_tell, loop, there))
            if (begun := kept.get()) is not None:
                begun.append(future)
            await there
            check_caller()
            return future.result()


async def _of_loop(loop: asyncio.AbstractEventLoop) -> _OfLoop:
    known = _loops.get(loop)
    if known is None:
        for closed in [each for each in list(_loops) if each.is_closed()]:  # without ending what watches over its end
            _loops.pop(closed, None)
        threads = Threads(sys.maxsize, "rerank-kit")  # turns bound those for which somebody waits
        known = _loops[loop] = _OfLoop(asyncio.Semaphore(_AT_A_TIME), threads, _watch(loop, threads))
        await anext(known.watch)
    return known


async def _watch(loop: asyncio.AbstractEventLoop, threads: Threads) -> AsyncGenerator[None]:
    """Forget a loop when it shuts down, which is when asyncio closes async generators that are still open.

    Its threads are told, for an error that was raised may remember whoever asked for one.
    """
    try:
        yield
    finally:
        _loops.pop(loop, None)
        threads.close()


def _tell(loop: asyncio.AbstractEventLoop, there: asyncio.Future[None], _: Future[Any]) -> None:
    """Wake up who waits on the loop."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(_wake, there)


def _wake(there: asyncio.Future[None]) -> None:
    if not there.done():  # it is, if it was cancelled
        there.set_result(None)

"""What all tests share: the two colours, and the embedded model loaded once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rerank_kit.local import OnnxCrossEncoder

Colour = Callable[..., Any]
"""`colour(thing, "method", …)` calls `thing.method(…)`, or awaits `thing.amethod(…)`."""


def blocking(thing: object, method: str, /, *args: Any, **kwargs: Any) -> Any:
    return getattr(thing, method)(*args, **kwargs)


def on_a_loop(thing: object, method: str, /, *args: Any, **kwargs: Any) -> Any:
    return asyncio.run(getattr(thing, f"a{method}")(*args, **kwargs))


def blocking_inside_a_loop(thing: object, method: str, /, *args: Any, **kwargs: Any) -> Any:
    """The sync method called where a loop is running, as in a notebook."""

    async def cell() -> Any:
        return getattr(thing, method)(*args, **kwargs)

    return asyncio.run(cell())


@pytest.fixture(params=[blocking, on_a_loop, blocking_inside_a_loop], ids=["sync", "async", "sync-in-loop"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """Every test that takes this runs in each colour."""
    called: Colour = request.param
    return called


def tasks_left_by_cancelling(call: Callable[[], Coroutine[Any, Any, Any]], begun: Callable[[], bool]) -> int:
    """Cancel a call once it has begun: how many tasks are left, with the one that asks."""

    async def cancelled() -> int:
        task = asyncio.create_task(call())
        while not begun():  # noqa: ASYNC110 - what begins is in another thread, or has no event for it
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    return asyncio.run(cancelled())


@pytest.fixture(scope="session")
def embedded() -> OnnxCrossEncoder:
    """The real model that comes with the `embedded` extra."""
    return OnnxCrossEncoder()

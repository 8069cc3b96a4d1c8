"""What all tests share: sync and async callers, and the embedded model loaded once."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any

import pytest

from rerank_kit import user_warnings
from rerank_kit.local import OnnxCrossEncoder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Have workers measured once: they start coverage by themselves, and every process of ours would start it too."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_configure() -> None:
    """Hear Ctrl-C, and have programs that are started hear it, also in the background, where shells have it ignored.

    And have no test fail because the machine is slow.
    """
    with suppress(ImportError):  # it is not everywhere that some of the tests run
        from hypothesis import settings

        settings.register_profile("at any speed", deadline=None)
        settings.load_profile("at any speed")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Have what all tests have imported cost each of them nothing.

    Tests of what is left behind collect garbage, which need not be looked for there. And pytest adds handlers to every
    logger that does not propagate, several times for each test: PyTorch has dozens.
    """
    gc.collect()
    gc.freeze()
    for each in logging.root.manager.loggerDict.values():
        if isinstance(each, logging.Logger):
            each.propagate = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Have nobody watch what is marked as unmeasured."""
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    watching, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(in_threads)
        sys.settrace(watching)


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


INSIDE = pytest.param(blocking_inside_a_loop, marks=pytest.mark.unmeasured)  # it runs the same lines as the first


@pytest.fixture(params=[blocking, on_a_loop, INSIDE], ids=["sync", "async", "sync-in-loop"])
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


@pytest.fixture(autouse=True)
def nothing_was_said() -> Generator[None]:
    """What is said once in a process is said in each test, and a warning that costs no ranking is an error here."""
    user_warnings._said.clear()
    with warnings.catch_warnings(record=True) as shown:
        yield
    assert not [str(each.message) for each in shown if each.category.__module__.startswith("rerank_kit")]


@pytest.fixture(scope="session")
def embedded() -> OnnxCrossEncoder:
    """The real model that comes with the `embedded` extra."""
    return OnnxCrossEncoder()

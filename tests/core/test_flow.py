"""A procedure written once runs for sync and for async callers, and its errors arrive where it can catch them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rerank_kit.flow import Call, Flow, arun, blocking, gather, run, sleep
from tests.conftest import Colour

drivers = SimpleNamespace(run=run, arun=arun)


def test_a_flow_returns_its_value_in_every_colour(colour: Colour) -> None:
    def adding() -> Flow[int]:
        first = yield from blocking(int, "2")
        yield from sleep(0.001)
        second = yield from Call(sync=lambda: 3, async_=lambda: asyncio.sleep(0, 3))
        return first + second

    assert colour(drivers, "run", adding()) == 5


def test_a_flow_can_catch_what_a_call_raises(colour: Colour) -> None:
    def careful() -> Flow[str]:
        try:
            yield from blocking(int, "no number")
        except ValueError as error:
            return f"caught {error}"
        return "not reached"

    assert "no number" in colour(drivers, "run", careful())


def test_what_a_flow_does_not_catch_reaches_the_caller(colour: Colour) -> None:
    def careless() -> Flow[int]:
        return (yield from blocking(int, "no number"))

    with pytest.raises(ValueError, match="no number"):
        colour(drivers, "run", careless())


def test_a_step_that_raises_stop_iteration_does_not_end_the_flow_silently() -> None:
    def odd() -> Flow[int]:
        return (yield from blocking(next, iter(())))

    with pytest.raises(RuntimeError):
        run(odd())


def test_blocking_code_leaves_the_loop_free() -> None:
    async def both() -> list[str]:
        order: list[str] = []

        def slow() -> None:
            time.sleep(0.1)
            order.append("blocking")

        def waiting() -> Flow[None]:
            yield from blocking(slow)

        task = asyncio.create_task(arun(waiting()))
        await asyncio.sleep(0.02)
        order.append("loop")
        await task
        return order

    assert asyncio.run(both()) == ["loop", "blocking"]


def test_gather_keeps_the_order_given(colour: Colour) -> None:
    def late(value: int) -> Flow[int]:
        yield from sleep(0.03 if value == 0 else 0.0)
        return value

    def all_of_them() -> Flow[list[int]]:
        return (yield from gather(*(late(value) for value in range(5))))

    assert colour(drivers, "run", all_of_them()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1])
def test_gather_of_few_needs_no_thread(colour: Colour, count: int) -> None:
    def named() -> Flow[str]:
        return (yield from Call(sync=lambda: threading.current_thread().name, async_=lambda: asyncio.sleep(0, "loop")))

    def all_of_them() -> Flow[list[str]]:
        return (yield from gather(*(named() for _ in range(count))))

    names = colour(drivers, "run", all_of_them())
    assert len(names) == count
    assert set(names) <= {threading.current_thread().name, "loop"}


def test_gather_runs_no_more_than_its_limit_at_a_time(colour: Colour) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    def one() -> Flow[None]:
        yield from blocking(work)

    def all_of_them() -> Flow[list[None]]:
        return (yield from gather(*(one() for _ in range(6)), limit=2))

    colour(drivers, "run", all_of_them())
    assert most == 2


def test_gather_raises_the_first_failure_and_starts_nothing_after_it(colour: Colour) -> None:
    started: list[int] = []

    def one(number: int) -> Flow[None]:
        yield from blocking(started.append, number)
        if number == 0:
            raise ValueError(number)
        yield from sleep(0.02)

    def all_of_them() -> Flow[list[None]]:
        return (yield from gather(*(one(number) for number in range(50)), limit=2))

    with pytest.raises(ValueError, match="0"):
        colour(drivers, "run", all_of_them())
    assert len(started) < 50


def test_context_variables_reach_gathered_flows(colour: Colour) -> None:
    tenant = contextvars.ContextVar("tenant", default="nobody")

    def one() -> Flow[str]:
        return (yield from blocking(tenant.get))

    def all_of_them() -> Flow[list[str]]:
        return (yield from gather(one(), one()))

    tenant.set("Ada")
    assert colour(drivers, "run", all_of_them()) == ["Ada", "Ada"]


def test_a_cancellation_is_raised_inside_the_flow_and_goes_on() -> None:
    seen: list[str] = []

    def long() -> Flow[None]:
        try:
            yield from sleep(60)
        finally:
            seen.append("cleaned up")

    async def cancelled() -> None:
        task = asyncio.create_task(arun(long()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert seen == ["cleaned up"]


def test_cancelling_a_gather_leaves_no_task_behind() -> None:
    def long() -> Flow[None]:
        yield from sleep(60)

    async def cancelled() -> int:
        call: Callable[[], Awaitable[Any]] = gather(long(), long()).async_
        task = asyncio.ensure_future(call())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(cancelled()) == 1

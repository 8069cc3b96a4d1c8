"""Write a procedure once, run it blocking or on an event loop.

A `Flow` is a generator that yields `Call`s: steps that wait for something. It never waits itself, so the same retry
loop, cascade or fallback serves `rerank` and `arerank`. It is the idea of httpx's `Auth.auth_flow`, for any step::

    def greet(name: str) -> Flow[str]:
        yield from sleep(0.1)                      # time.sleep or asyncio.sleep
        return (yield from blocking(look_up, name))  # here, or in a worker thread

    run(greet("Ada"))          # blocking: no event loop is made, so it works inside a running one
    await arun(greet("Ada"))   # on the loop, which is never blocked
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast

from rerank_kit.caller import check_caller, current_caller, waiting
from rerank_kit.errors import Abandoned, ConfigurationError
from rerank_kit.loop_threads import in_a_thread
from rerank_kit.quoting import quoted
from rerank_kit.shutdown import in_hand
from rerank_kit.threads import Threads, as_done
from rerank_kit.values import Deadline

T = TypeVar("T")
P = ParamSpec("P")

_PATIENCE = 1.0  # seconds that the end of Python waits for blocking code that nobody waits for and that does not look


@dataclass(frozen=True)  # no slots: Call[int](...) could not be written then
class Call(Generic[T]):
    """One step that waits, blocking or on a loop: `value = yield from call` inside a flow."""

    sync: Callable[[], T]
    async_: Callable[[], Awaitable[T]]

    def __iter__(self) -> Generator[Call[Any], Any, T]:
        """Hand the call to the driver and return what it answers."""
        value: T = yield self
        return value


Flow: TypeAlias = Generator[Call[Any], Any, T]


def run(flow: Flow[T]) -> T:
    """Drive a flow to its end, blocking. What a call raises is raised inside the flow, which may catch it.

    In a thread whose caller has gone, `Abandoned` is raised inside the flow instead of its next call, once.
    """
    told = False
    try:
        check_caller()
        call = _step(next(flow))
        while True:
            try:
                if not told:
                    check_caller()
                answer = call.sync()
            except BaseException as error:  # noqa: BLE001 - handed to the flow, which decides
                told = told or isinstance(error, Abandoned)
                call = _step(flow.throw(error))
            else:
                call = _step(flow.send(answer))
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        flow.close()


async def arun(flow: Flow[T]) -> T:
    """Drive a flow to its end on the running loop. A cancellation, too, is raised inside the flow."""
    try:
        call = _step(next(flow))
        while True:
            try:
                answer = await call.async_()
            except BaseException as error:  # noqa: BLE001 - handed to the flow, which decides
                call = _step(flow.throw(error))
            else:
                call = _step(flow.send(answer))
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        flow.close()


def _step(given: Any) -> Call[Any]:
    if not isinstance(given, Call):
        msg = f"a flow yields calls, not {quoted(given)}: write `value = yield from blocking(function, …)`"
        raise ConfigurationError(msg)
    return given  # pyright: ignore[reportUnknownVariableType] - of what, only the flow knows


def called(function: Callable[P, Any], deadline: Deadline, *args: P.args, **kwargs: P.kwargs) -> Flow[Any]:
    """Call what may be a plain function, an async one or a flow, for sync and async callers.

    A plain function is blocking code. A coroutine runs on the caller's loop, and for sync callers on one of its own,
    until the deadline.

    Raises:
        DeadlineExceeded: The time ran out for a coroutine.
    """
    made = yield from blocking(function, *args, **kwargs)
    if isinstance(made, Generator):
        return (yield from cast("Flow[Any]", made))
    return (yield from awaiting(made, deadline)) if isawaitable(made) else made


def awaiting(made: Awaitable[T], deadline: Deadline) -> Call[T]:
    """Wait for something until the deadline: on the running loop, or for sync callers on one of its own."""

    async def bounded() -> T:
        limit = asyncio.timeout(deadline.remaining())
        try:
            async with limit:
                return await made
        except TimeoutError:
            if limit.expired():
                deadline.check()
            raise

    return Call(sync=lambda: _on_a_loop(bounded), async_=bounded)


def _on_a_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it in this thread, or in another where this one's loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with Threads(1, "rerank-kit") as threads, waiting() as caller:
        return threads.submit(caller.calling(lambda: asyncio.run(work()))).result()


def blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Call[T]:
    """A step of plain blocking code: called directly, or in a worker thread when there is a loop to keep free.

    Code in a thread cannot be broken off. But once its caller has gone, `check` of a `Deadline` among the arguments
    raises `Abandoned`, in whatever thread; and what has not begun does not begin.
    """
    work = partial(_work, function, args, kwargs)
    return Call(sync=work, async_=partial(in_a_thread, work))


def _work(function: Callable[..., T], args: Sequence[Any], kwargs: dict[str, Any]) -> T:
    check_caller()
    with in_hand(_PATIENCE):
        return function(*map(_bound, args), **{name: _bound(value) for name, value in kwargs.items()})


def _bound(argument: Any) -> Any:
    return argument.bound() if isinstance(argument, Deadline) else argument


def sleep(seconds: float) -> Call[None]:
    """Wait that many seconds."""
    return Call(sync=lambda: _sleep(seconds), async_=lambda: asyncio.sleep(seconds))


def _sleep(seconds: float) -> None:
    caller = current_caller()
    if caller is None:
        time.sleep(seconds)
    else:
        caller.sleep(seconds)


def gather(*flows: Flow[T], limit: int = 8) -> Call[list[T]]:
    """Run flows side by side, at most `limit` at a time, and answer their values in the order given.

    The first failure is raised once every flow has stopped; flows that had not begun are never started, and those in
    threads go no further than the step they are at. Ctrl-C does not wait for that step.
    """
    return Call(sync=lambda: _in_threads(flows, limit), async_=lambda: _in_tasks(flows, limit))


def _in_threads(flows: Sequence[Flow[T]], limit: int) -> list[T]:
    if len(flows) < 2:  # noqa: PLR2004 - nothing to run side by side
        return [run(flow) for flow in flows]
    never = Deadline()
    with Threads(min(limit, len(flows)), "rerank-kit") as threads, waiting() as caller:
        futures = [threads.submit(caller.calling(run, flow)) for flow in flows]
        failed = next((each for each in as_done(futures, never) if each.exception() is not None), None)
    try:
        if failed is not None:
            for _ in as_done(futures, never):
                pass
            failed.result()
        return [each.result() for each in futures]
    finally:
        del failed  # or an error would hold itself, and with it the threads
        futures.clear()


async def _in_tasks(flows: Sequence[Flow[T]], limit: int) -> list[T]:
    free = asyncio.Semaphore(limit)

    async def one(flow: Flow[T]) -> T:
        async with free:
            return await arun(flow)

    tasks = [asyncio.create_task(one(flow)) for flow in flows]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

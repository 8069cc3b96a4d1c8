"""When a caller has gone, what has not begun does not begin, and nobody waits for what cannot be broken off."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from rerank_kit import (
    Blended,
    Cached,
    Cascade,
    Deadline,
    DeadlineExceeded,
    Fallback,
    Hedged,
    MemoryStore,
    Reranker,
    Rules,
    SQLiteStore,
    Stage,
)
from rerank_kit.caller import Caller, current_caller
from rerank_kit.errors import Abandoned
from rerank_kit.flow import Call, Flow, arun, blocking, gather, run, sleep
from tests.conftest import Colour
from tests.doubles import Failing, Gated, Scripted
from tests.servers import eventually

DOCUMENTS = ["a 1", "b 2", "c 3", "d 4", "e 5"]
Way = Callable[[asyncio.Task[Any]], Awaitable[None]]
Wrapped = Callable[[Reranker], Coroutine[Any, Any, Any]]


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def timed_out(task: asyncio.Task[Any]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0.01)


async def sibling_failed(task: asyncio.Task[Any]) -> None:
    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(waiting())
            group.create_task(failing())

    async def waiting() -> None:
        await task

    async def failing() -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup):
        await together()


async def forgotten(task: asyncio.Task[Any]) -> None:
    """The loop ends, and with it all tasks."""


def arerank(reranker: Reranker) -> Coroutine[Any, Any, Any]:
    return reranker.arerank("query", DOCUMENTS)


async def cached_in_a_file(reranker: Reranker) -> Any:
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "scores")) as store:
        return await arerank(Cached(reranker, store))


WRAPPERS: dict[str, Wrapped] = {
    "alone": arerank,
    "many": lambda each: each.arerank_many(["one", "two"], [DOCUMENTS, DOCUMENTS]),
    "deadline": lambda each: each.arerank("query", DOCUMENTS, timeout=60),
    "cached": lambda each: arerank(Cached(each)),
    "cached in a file": cached_in_a_file,
    "cascade": lambda each: arerank(Cascade(Stage(each, top_n=2), Stage(Scripted()))),
    "second stage": lambda each: arerank(Cascade(Stage(Scripted()), Stage(each, timeout=60))),
    "fallback": lambda each: arerank(Fallback(each, Scripted(), timeout=60)),
    "fallen back to": lambda each: arerank(Fallback(Failing(ValueError()), each)),
    "side by side": lambda each: Fallback(each, Scripted()).arerank_many(["one", "two"], [DOCUMENTS, DOCUMENTS]),
    "blended": lambda each: arerank(Blended(each)),
    "hedged": lambda each: arerank(Hedged(each, after=60)),
    "hedged twice": lambda each: arerank(Hedged(each, after=0.001)),
}


@pytest.mark.parametrize("wrapped", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("way", [cancelled, timed_out, sibling_failed, forgotten])
def test_pairs_that_have_not_begun_are_dropped_however_the_caller_leaves(wrapped: Wrapped, way: Way) -> None:
    gated = Gated()

    async def main() -> None:
        task = asyncio.create_task(wrapped(gated))
        while not gated.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await way(task)

    asyncio.run(main())  # ends though the gate is closed
    in_hand = len(gated.begun)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == in_hand)
    assert len(gated.begun) == in_hand


def test_a_lost_race_begins_nothing_more(colour: Colour) -> None:
    gated = Gated()
    hedged = Hedged(gated, after=0.01, other=Scripted())
    assert len(colour(hedged, "rerank", "query", DOCUMENTS)) == 5
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert gated.begun == ["a 1"]


def test_who_comes_after_many_that_were_cancelled_does_not_wait_for_them() -> None:
    gated = Gated()

    async def main() -> int:
        tasks = [asyncio.create_task(gated.arerank("query", DOCUMENTS)) for _ in range(64)]
        while not gated.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        return len(await Scripted().arerank("query", DOCUMENTS))

    assert asyncio.run(main()) == 5
    in_hand = len(gated.begun)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == in_hand)
    assert len(gated.begun) == in_hand < 64


def test_rules_stop_at_the_document_in_hand() -> None:
    seen: list[str] = []
    gate = threading.Event()

    def rule(query: str, document: Any) -> bool:
        seen.append(document.text)
        return gate.wait(30)

    async def main() -> None:
        task = asyncio.create_task(Rules(prefer=[rule]).arerank("query", DOCUMENTS))
        while not seen:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await cancelled(task)

    asyncio.run(main())
    gate.set()
    assert not eventually(lambda: len(seen) > 1, seconds=0.05)


def test_rules_keep_to_a_deadline(colour: Colour) -> None:
    def slow(query: str, document: Any) -> bool:
        time.sleep(0.01)
        return True

    rules = Rules(prefer=[slow])
    with pytest.raises(DeadlineExceeded):
        colour(rules, "rerank", "query", DOCUMENTS * 100, timeout=0.02)


def test_threads_of_an_engine_hear_of_it_by_their_deadline() -> None:
    heard: Future[BaseException] = Future()

    class Threaded(Gated):
        def score(self, pairs: Any, deadline: Deadline) -> Any:
            with ThreadPoolExecutor(1) as own:  # which knows nothing of the context
                return own.submit(self.watch, deadline).result()

        def watch(self, deadline: Deadline) -> None:
            assert current_caller() is None
            self.begun.append("")
            try:
                while True:
                    deadline.check()
                    time.sleep(0.001)
            except BaseException as error:  # noqa: BLE001 - that it is no other
                heard.set_result(error)

    threaded = Threaded()

    async def main() -> None:
        task = asyncio.create_task(threaded.arerank("query", DOCUMENTS))
        while not threaded.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await cancelled(task)

    asyncio.run(main())
    assert isinstance(heard.result(30), Abandoned)


def test_the_context_reaches_blocking_code_in_a_thread() -> None:
    tenant = ContextVar("tenant", default="nobody")

    def asked() -> Flow[tuple[str, str]]:
        return (yield from blocking(lambda: (tenant.get(), threading.current_thread().name)))

    tenant.set("Ada")
    name, thread = asyncio.run(arun(asked()))
    assert name == "Ada"
    assert thread != threading.current_thread().name


def test_a_flow_in_a_thread_is_told_at_its_next_step_and_may_clean_up() -> None:
    caller, steps = Caller(), list[str]()

    def flow() -> Flow[None]:
        try:
            yield from blocking(caller.leave)
            steps.append("not told")
            yield from blocking(steps.append, "begun")
        except Abandoned:
            yield from Call(sync=lambda: steps.append("cleaned up"), async_=lambda: asyncio.sleep(0))
            raise

    with pytest.raises(Abandoned):
        caller.calling(run, flow())()
    assert steps == ["not told", "cleaned up"]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_flow_does_not_sleep_on_when_its_caller_has_gone(seconds: float) -> None:
    caller = Caller()
    ended: Future[None] = Future()

    def sleeping() -> Flow[None]:
        yield from sleep(0.0)
        threading.Timer(0.02, caller.leave).start()
        while True:
            yield from sleep(seconds)

    def work() -> None:
        try:
            run(sleeping())
        except BaseException as error:  # noqa: BLE001 - that it is no other
            ended.set_exception(error)

    threading.Thread(target=caller.calling(work), daemon=True).start()
    assert isinstance(ended.exception(30), Abandoned)


def test_a_flow_whose_caller_has_gone_is_never_started() -> None:
    caller, begun = Caller(), list[int]()
    caller.leave()

    def flow() -> Flow[None]:
        begun.append(1)
        yield from ()

    with pytest.raises(Abandoned):
        caller.calling(run, flow())()
    assert begun == []


def interrupted(function: Callable[[], object], begun: Callable[[], bool]) -> None:
    """Call it in the main thread, and press Ctrl-C once it has begun."""

    def press() -> None:
        if eventually(begun, 30):
            signal.pthread_kill(main, signal.SIGINT)

    main = threading.main_thread().ident or 0
    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        function()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals cannot be sent to a thread here")
def test_ctrl_c_waits_for_no_flow_and_starts_no_more() -> None:
    gated = Gated()
    several = Fallback(gated, Scripted())
    queries = [f"query {number}" for number in range(20)]
    interrupted(lambda: several.rerank_many(queries, [DOCUMENTS] * 20), lambda: len(gated.begun) == 8)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 8)
    assert len(gated.begun) == 8


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals cannot be sent to a thread here")
def test_ctrl_c_waits_for_neither_of_two_that_are_hedged() -> None:
    gated = Gated()
    hedged = Hedged(gated, after=0.01)
    interrupted(lambda: hedged.rerank("query", DOCUMENTS), lambda: len(gated.begun) == 2)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 2)
    assert len(gated.begun) == 2


def test_the_first_failure_in_time_is_raised_and_flows_at_work_go_no_further_than_their_step() -> None:
    failed, steps = threading.Event(), list[str]()

    def flow(number: int) -> Flow[None]:
        if number:
            yield from blocking(steps.append, "one")
            failed.set()
            raise ValueError(number)
        yield from blocking(failed.wait, 30)
        yield from sleep(0.05)
        yield from blocking(steps.append, "two")

    with pytest.raises(ValueError, match="1"):
        run(answer_of(gather(flow(0), flow(1))))
    assert steps == ["one"]


def answer_of(call: Call[Any]) -> Flow[Any]:
    return (yield from call)


def test_a_race_in_a_race_ends_with_it(colour: Colour) -> None:
    gated = Gated()
    inner = Fallback(Hedged(gated, after=0.005), Scripted())
    outer = Hedged(inner, after=0.05, other=Scripted())
    many = SimpleNamespace(
        rerank=lambda: outer.rerank("query", DOCUMENTS), arerank=lambda: outer.arerank("query", DOCUMENTS)
    )
    assert len(colour(many, "rerank")) == 5
    in_hand = len(gated.begun)
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == in_hand)
    assert len(gated.begun) == in_hand <= 2


def test_an_answer_that_comes_after_its_loop_was_closed_is_dropped_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    gated = Gated()
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # asyncio says that the task was left behind
    task = loop.create_task(gated.arerank("query", ["a 1"]))
    while not gated.begun:
        loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert not task.done()
    assert not caplog.records


def test_an_answer_of_a_cache_is_not_kept_when_it_was_cancelled() -> None:
    gated, store = Gated(), MemoryStore()

    async def main() -> None:
        task = asyncio.create_task(Cached(gated, store).arerank("query", ["a 1"]))
        while not gated.begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await cancelled(task)

    asyncio.run(main())
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert Cached(gated, store).rerank("query", ["a 1"]).usage.cached == 0

"""The threads beside a loop are used again, bounded, and end with the loop."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import weakref

from rerank_kit.loop_threads import in_a_thread
from tests.servers import eventually


def name() -> str:
    return threading.current_thread().name


def test_threads_are_used_again_and_end_with_their_loop() -> None:
    before = set(threading.enumerate())

    async def main() -> set[str]:
        return {await in_a_thread(name) for _ in range(40)}

    assert len(asyncio.run(main())) < 40
    assert eventually(lambda: not {each for each in set(threading.enumerate()) - before if "rerank" in each.name})


def test_as_many_are_at_work_as_asyncio_would_have_and_who_is_cancelled_makes_room() -> None:
    most = min(32, (os.cpu_count() or 1) + 4)
    begun, gate = list[int](), threading.Event()

    def stuck() -> None:
        begun.append(1)
        gate.wait(30)

    async def main() -> None:
        tasks = [asyncio.create_task(in_a_thread(stuck)) for _ in range(most + 5)]
        while len(begun) < most:  # noqa: ASYNC110 - it is in other threads
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert len(begun) == most
        assert await asyncio.wait_for(in_a_thread(name, in_turn=False), 30)
        tasks[0].cancel()
        while len(begun) < most + 1:  # noqa: ASYNC110 - it is in other threads
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        assert await asyncio.wait_for(in_a_thread(name), 30)

    asyncio.run(main())
    gate.set()
    assert len(begun) == most + 1


def test_a_loop_that_was_closed_without_a_word_is_forgotten() -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(in_a_thread(name))
    loop.close()
    left = weakref.ref(loop)
    del loop
    asyncio.run(in_a_thread(name))
    gc.collect()
    assert left() is None

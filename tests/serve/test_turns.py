"""Turns go to whoever has had few of them and to whoever has waited long, and none is lost when somebody leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from rerank_kit.serve.turns import Spent, Turns


async def beside(turns: Turns, had: dict[str, int]) -> tuple[asyncio.Event, dict[str, asyncio.Task[None]], list[str]]:
    """Somebody who is at work, and others in a line who have had so many turns: names in the order of theirs."""
    enough, order = asyncio.Event(), list[str]()

    async def work() -> None:
        async with turns.turn(Spent()):
            await enough.wait()

    async def wait(name: str) -> None:
        async with turns.turn(Spent(turns=had[name])):
            order.append(name)

    working = asyncio.create_task(work())
    tasks = {name: asyncio.create_task(wait(name)) for name in had}
    await asyncio.sleep(0)
    return enough, {"": working, **tasks}, order


def order_of(had: dict[str, int], leaving: Iterable[str] = (), *, called: bool = False) -> list[str]:
    """The order in which turns are taken, where some leave, before anybody is called or in the same moment."""

    async def run() -> list[str]:
        turns = Turns(1, len(had))
        enough, tasks, order = await beside(turns, had)
        enough.set()
        if called:
            await asyncio.sleep(0)
        for name in leaving:
            tasks[name].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks.values(), return_exceptions=True), 20)
        assert tasks[""].exception() is None
        spent = Spent()
        async with asyncio.timeout(20), turns.turn(spent):  # there is a turn for one who comes later
            assert (turns.working, spent.turns) == (1, 1)
        assert turns.working == 0
        return order

    return asyncio.run(run())


def test_whoever_has_had_few_turns_passes_those_who_have_had_many() -> None:
    assert order_of({"large": 5, "larger": 9, "small": 0})[0] == "small"


def test_a_stream_of_small_ones_does_not_keep_a_large_one_waiting() -> None:
    small = {f"small {number}": 0 for number in range(6)}
    assert order_of({"large": 5, **small})[:3] == ["small 0", "large", "small 1"]


def test_those_who_have_had_as_many_are_served_in_the_order_in_which_they_came() -> None:
    assert order_of({"first": 1, "second": 1, "third": 1}) == ["first", "second", "third"]


def test_who_leaves_the_line_leaves_no_gap() -> None:
    assert order_of({"left": 0, "stays": 0}, ["left"]) == ["stays"]
    assert order_of({"left": 0}, ["left"]) == []


def test_who_leaves_when_called_passes_the_turn_on() -> None:
    assert order_of({"left": 0, "stays": 0}, ["left"], called=True) == ["stays"]
    assert order_of({"left": 0}, ["left"], called=True) == []

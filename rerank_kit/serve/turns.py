"""Who is served when: a bounded number of requests, of which a fixed number is at work and the others wait in turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from rerank_kit.loop_threads import kept
from rerank_kit.managed.served_formats import Refused

_LONGEST = 30.0  # seconds that a client is told to wait at most
_GUESS = 1.0  # second that a request takes, before any was measured
_FRESH = 0.2  # how much the last request counts in how long requests take


class Busy(Refused):
    """More requests wait than may wait.

    Attributes:
        retry_after: Seconds after which there is likely to be room.
    """

    def __init__(self, retry_after: float, what: str = "too many requests wait already") -> None:
        """Say so."""
        super().__init__(429, f"{what}: try again later")
        self.retry_after = retry_after


@dataclass(slots=True)
class Spent:
    """Where the time of one request went, in seconds, and how many turns it has had."""

    waited: float = 0.0
    scored: float = 0.0
    turns: int = 0


@dataclass(eq=False, slots=True)
class _Waiting:
    """Somebody in the line who has had so many turns."""

    turns: int
    called: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """Lets a fixed number work at a time. Who has had a turn stands in the line again for the next one.

    Every other turn is for whoever has had the fewest, so that a request of few turns waits for none of many; the
    others are for who has stood there longest, so that none of many waits for good.

    Attributes:
        admitted: Requests that are at work or wait.
        working: Turns that are being taken.
    """

    def __init__(self, in_flight: int, queue: int) -> None:
        """Begin with nobody.

        Args:
            in_flight: How many turns are taken at a time.
            queue: How many requests wait at most.
        """
        self._most = in_flight + queue
        self._in_flight = in_flight
        self._free = in_flight
        self._line: list[_Waiting] = []
        self._fewest_next = True
        self._usual = _GUESS
        self._begun: list[Future[Any]] = []
        self.admitted = self.working = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a turn."""
        return max(0, self.admitted - self.working)

    @property
    def abandoned(self) -> int:
        """Calls of blocking code that go on in threads for requests that are over: nothing can break them off."""
        self._begun = [each for each in self._begun if not each.done()]
        return len(self._begun)

    @property
    def stuck(self) -> bool:
        """Whether more goes on for requests that are over than may be at work, so that nobody new is let in."""
        return self.abandoned > self._in_flight

    def check(self) -> None:
        """See whether there is room for one more.

        Raises:
            Busy: There is none.
        """
        if self.admitted >= self._most:
            raise Busy(self._time_for(self.admitted))
        self._check_abandoned()

    def _check_abandoned(self) -> None:
        if self.stuck:
            raise Busy(self._time_for(1), "what was asked before has not ended yet")

    def _time_for(self, requests: int) -> float:
        return min(_LONGEST, max(1.0, math.ceil(self._usual * requests / self._in_flight)))

    @contextmanager
    def admitting(self) -> Generator[Spent]:
        """Have a place for one request.

        Raises:
            Busy: There is none.
        """
        self.check()
        self.admitted += 1
        spent = Spent()
        try:
            yield spent
            self._usual += _FRESH * (spent.scored - self._usual)
        finally:
            self.admitted -= 1

    @asynccontextmanager
    async def turn(self, spent: Spent) -> AsyncGenerator[None]:
        """Wait for a turn, and take it.

        Raises:
            Busy: Too much goes on that was begun for others, who have gone.
        """
        came = perf_counter()
        await self._called(spent)
        began = perf_counter()
        spent.waited += began - came
        spent.turns += 1
        self.working += 1
        begun: list[Future[Any]] = []
        kept.set(begun)
        try:
            self._check_abandoned()
            yield
        finally:
            self._begun += (each for each in begun if not each.done())
            self.working -= 1
            self._call_next()
            spent.scored += perf_counter() - began

    async def _called(self, spent: Spent) -> None:
        """Stand in the line, unless there is none."""
        if self._free:
            self._free -= 1
            return
        waiting = _Waiting(spent.turns)
        self._line.append(waiting)
        try:
            await waiting.called
        except asyncio.CancelledError:
            if waiting in self._line:
                self._line.remove(waiting)
            else:  # it was called in the same moment
                self._call_next()
            raise

    def _call_next(self) -> None:
        """Give a turn that is free to somebody in the line, if anybody still stands there."""
        line = [each for each in self._line if not each.called.done()]
        if not line:
            self._free += 1
            return
        called = min(line, key=lambda each: each.turns) if self._fewest_next else line[0]
        self._fewest_next = not self._fewest_next
        self._line.remove(called)
        called.called.set_result(None)

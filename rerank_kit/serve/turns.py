"""Who is served when: a bounded number of requests, of which a fixed number is at work and the others wait in turn."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import perf_counter

from rerank_kit.managed.served_formats import Refused

_LONGEST = 30.0  # seconds that a client is told to wait at most
_GUESS = 1.0  # second that a request takes, before any was measured
_FRESH = 0.2  # how much the last request counts in how long requests take


class Busy(Refused):
    """More requests wait than may wait.

    Attributes:
        retry_after: Seconds after which there is likely to be room.
    """

    def __init__(self, retry_after: float) -> None:
        """Say so."""
        super().__init__(429, "too many requests wait already: try again later")
        self.retry_after = retry_after


@dataclass(slots=True)
class Spent:
    """Where the time of one request went, in seconds."""

    waited: float = 0.0
    scored: float = 0.0


class Turns:
    """Lets a fixed number work at a time. Who has had a turn stands behind the others for the next one.

    So a request of many turns holds up none of a few for longer than one turn of each who waits.

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
        self._free = asyncio.Semaphore(in_flight)
        self._usual = _GUESS
        self.admitted = self.working = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a turn."""
        return max(0, self.admitted - self.working)

    def check(self) -> None:
        """See whether there is room for one more.

        Raises:
            Busy: There is none.
        """
        if self.admitted >= self._most:
            raise Busy(min(_LONGEST, max(1.0, math.ceil(self._usual * self.admitted / self._in_flight))))

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
        """Wait for a turn, and take it."""
        came = perf_counter()
        async with self._free:
            began = perf_counter()
            spent.waited += began - came
            self.working += 1
            try:
                yield
            finally:
                self.working -= 1
                spent.scored += perf_counter() - began

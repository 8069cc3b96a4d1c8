"""Asks a server, in a process of its own: it answers one line of JSON on stdin with one on stdout.

A line names a `url` and the bodies that each of some `clients` sends, one after the other. Where it has `large` bodies
too, the clients send theirs only while these are in hand, with pauses between that are drawn at random.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import httpx

LONGEST = 400.0  # seconds for all that a line asks for; what is not answered by then counts as an error
HEAD_START = 0.3  # seconds by which the large ones are ahead
PAUSE = 0.3  # seconds between two small ones beside them, at most


@dataclass(frozen=True, slots=True)
class Asking:
    """Sends bodies to one URL."""

    http: httpx.AsyncClient
    url: str
    latest: float = field(default_factory=lambda: asyncio.get_running_loop().time() + LONGEST)

    async def one(self, body: str) -> dict[str, Any]:
        """How long an answer took, and what it was: a status, or 0 where none came."""
        began = perf_counter()
        try:
            content, headers = body.encode(), {"content-type": "application/json"}
            async with asyncio.timeout_at(self.latest):
                status = (await self.http.post(self.url, content=content, headers=headers)).status_code
        except (httpx.HTTPError, TimeoutError):
            status = 0
        return {"seconds": perf_counter() - began, "status": status}

    async def all(self, bodies: Sequence[str]) -> list[dict[str, Any]]:
        """One client, which sends one after the other."""
        return [await self.one(each) for each in bodies]

    async def beside(self, large: Sequence[str], small: Sequence[str]) -> dict[str, Any]:
        """The small ones that were answered while large ones were in hand, and the large ones."""
        at_work = [asyncio.create_task(self.one(each)) for each in large]
        await asyncio.sleep(HEAD_START)
        found: list[dict[str, Any]] = []
        for each in small:
            found.append(await self.one(each))
            if all(task.done() for task in at_work):
                break
            await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311 - so that it comes at any moment of a turn
        return {"small": found, "large": [await each for each in at_work]}


async def done(job: dict[str, Any]) -> dict[str, Any]:
    """What a line asks for."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=LONGEST, limits=limits, trust_env=False) as http:
        asking = Asking(http, job["url"])
        if "large" in job:
            return await asking.beside(job["large"], job["clients"][0])
        began = perf_counter()
        answers = await asyncio.gather(*map(asking.all, job["clients"]))
        return {"seconds": perf_counter() - began, "clients": answers}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        print(json.dumps(asyncio.run(done(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()

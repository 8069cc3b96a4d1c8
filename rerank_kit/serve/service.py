"""From a request to its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from rerank_kit.api.json_values import read_json
from rerank_kit.managed.served_formats import Refused
from rerank_kit.managed.split import Limits
from rerank_kit.serve.answers import answered, complaint, tokens_read
from rerank_kit.serve.arriving import Bodies, Gone, name_of, seconds_of, unless_gone
from rerank_kit.serve.failures import Told, told
from rerank_kit.serve.keys import Keys
from rerank_kit.serve.metrics import Metrics
from rerank_kit.serve.served import Served
from rerank_kit.serve.turns import Spent, Turns
from rerank_kit.serve.wanted import Spoken, Wanted, read, spoken_at
from rerank_kit.values import Deadline

_log = logging.getLogger("rerank_kit.serve")
_GRACE = 0.5  # seconds for which a reranker that knows the deadline may still give what it has
_GONE = 499  # what nginx calls it; nobody reads it


@dataclass(slots=True)
class _Seen:
    """What is known of a request so far."""

    name: str
    spoken: Spoken
    began: float = field(default_factory=perf_counter)
    spent: Spent = field(default_factory=Spent)
    wanted: Wanted | None = None


class Service:
    """Answers requests for rankings.

    Attributes:
        rerankers: What ranks, by name; the first one answers where a request names none.
        metrics: What was counted.
        turns: Who is served when.
        limits: The most that one request may hold.
        keys: Who is let in.
    """

    def __init__(
        self,
        served: Sequence[Served],
        *,
        keys: Keys,
        limits: Limits,
        turns: Turns,
        bodies: Bodies,
        timeout: float | None,
    ) -> None:
        """Take what was checked."""
        self.rerankers: Mapping[str, Served] = {each.name: each for each in served}
        self.keys, self.limits, self.turns = keys, limits, turns
        self._bodies, self._timeout = bodies, timeout
        self.metrics = Metrics(
            {
                "queue_depth": ("Requests that wait for a turn", lambda: turns.waiting),
                "in_flight": ("Turns that are being taken", lambda: turns.working),
                "abandoned": ("Calls that go on for requests that are over", lambda: turns.abandoned),
                "held_bytes": ("Bytes of bodies that are held", lambda: bodies.held),
            }
        )

    async def answer(self, request: Request) -> Response:
        """Answer one, whatever it is."""
        seen = _Seen(name_of(request), spoken_at(seen_path(request.scope)))
        try:
            response = await self._ranked(request, seen)
        except Gone:
            self.metrics.count("gone")
            response = Response(status_code=_GONE)
        except Exception as error:  # noqa: BLE001 - whatever a reranker raises is told, and the next request is served
            response = self._failed(error, seen)
        response.headers["x-request-id"] = seen.name
        self._note(response.status_code, seen)
        return response

    def let_in(self, request: Request) -> None:
        """See whether a request has a key.

        Raises:
            Refused: It has none.
        """
        self.keys.check(request.headers, request.url.query)

    async def _ranked(self, request: Request, seen: _Seen) -> Response:
        self.let_in(request)
        deadline = Deadline.after(seconds_of(request, self._timeout))
        self.turns.check()
        with self._bodies.holding() as held:
            body = read_json(await self._bodies.read(request, held))
            held.pieces.clear()
            seen.spoken = spoken_at(seen_path(request.scope), body)
            wanted = seen.wanted = read(seen.spoken, body, self.limits)
            del body
            served = self._served(wanted.model)
            with self.turns.admitting() as seen.spent:
                self.metrics.count("documents", len(wanted.texts))
                self.metrics.count("unknown_fields", wanted.unknown)
                return await unless_gone(self._scored(wanted, served, deadline, seen), request)

    async def _scored(self, wanted: Wanted, served: Served, deadline: Deadline, seen: _Seen) -> Response:
        left = deadline.remaining()
        async with asyncio.timeout(None if left is None else left + _GRACE):
            ranking = await served.ranked(wanted.query, wanted.texts, deadline, self.turns, seen.spent)
        body = answered(wanted, ranking, served.scores(ranking), served.name, seen.name)
        self.metrics.count("tokens", tokens_read(wanted, ranking))
        if ranking.degraded:
            self.metrics.count("degraded")
        return JSONResponse(body, headers={"x-rerank-degraded": "true"} if ranking.degraded else None)

    def _served(self, name: str | None) -> Served:
        """The reranker that a request names. Where there is one alone, it goes by every name."""
        first, *others = self.rerankers.values()
        if name is None or not others:
            return first
        if name not in self.rerankers:
            raise Refused(404, f"there is no such model: {', '.join(self.rerankers)} are served here")
        return self.rerankers[name]

    def _failed(self, error: Exception, seen: _Seen) -> Response:
        what = told(error)
        if what.reason:
            self.metrics.count("refused", reason=what.reason)
        else:
            _log.error("%s failed: %s", seen.name, type(error).__name__)
            _log.debug("%s failed", seen.name, exc_info=error)
        return refused(seen.spoken, what)

    def _note(self, status: int, seen: _Seen) -> None:
        """Count and log what became of a request: no text of it."""
        seconds = perf_counter() - seen.began
        self.metrics.count("requests", format=seen.spoken, status=str(status))
        self.metrics.time("request", seconds)
        if seen.wanted is not None:
            self.metrics.time("wait", seen.spent.waited)
            self.metrics.time("score", seen.spent.scored)
        documents = 0 if seen.wanted is None else len(seen.wanted.texts)
        _log.info("%s %s %d: %d documents in %.3f s", seen.name, seen.spoken, status, documents, seconds)


def seen_path(scope: Scope) -> str:
    """The path of a request below where the app is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def refused(spoken: Spoken, what: Told) -> Response:
    """A refusal, in the words of a format."""
    return JSONResponse(complaint(spoken, what.status, what.text), what.status, dict(what.headers))

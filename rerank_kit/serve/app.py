"""`rerank_app`: rerankers behind HTTP, as an ASGI app."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from threading import Lock

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rerank_kit.arguments import named
from rerank_kit.checks import check_flag, check_instance, check_seconds, check_text, check_timeout, check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.managed.self_test import QUERY, TEXTS
from rerank_kit.managed.served_formats import Refused
from rerank_kit.managed.split import Limits
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.serve.arriving import Bodies
from rerank_kit.serve.failures import Told, told
from rerank_kit.serve.keys import Keys
from rerank_kit.serve.openapi import description
from rerank_kit.serve.served import Served
from rerank_kit.serve.service import Service, refused, seen_path
from rerank_kit.serve.turns import Turns
from rerank_kit.serve.wanted import PATHS, spoken_at

_LIMITS = Limits(documents=1000, tokens=1_000_000, bytes=10_000_000)


@named
def rerank_app(
    rerankers: Reranker | Mapping[str, Reranker],
    *,
    keys: Sequence[str] = (),
    limits: Limits = _LIMITS,
    in_flight: int = 4,
    queue: int = 100,
    part: int = 16,
    timeout: float | None = 60.0,
    body_timeout: float = 10.0,
    warm_up: bool = True,
) -> Starlette:
    """Make an ASGI app that ranks in the formats of Cohere, Jina, vLLM, infinity and TEI.

    Args:
        rerankers: A reranker, which answers whatever model a request names; or several by name, of which the first one
            answers where a request names none.
        keys: What `hashed(key)` gives of each key that is let in; without any, everybody is but pages in browsers.
            `/health` asks for none.
        limits: The most that one request may hold: documents, tokens, as they are guessed, and bytes of its body.
        in_flight: How many rankings, or parts of them, are at work at a time.
        queue: How many requests may wait besides; one more is refused at once, with 429.
        part: How many documents a local cross-encoder scores before others have their turn. More are better for a GPU.
        timeout: Seconds that a request may take, also where it asks for more in `X-Request-Timeout`; `None` is no
            limit.
        body_timeout: Seconds within which a body has to come.
        warm_up: Rank a few texts before the first request is taken, so that what does not work fails at the start.
            Where the app is mounted in another one, nothing begins by itself.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    check_instance("limits", limits, Limits, "a rerank_kit.managed.Limits")
    at_once, waiting = check_whole("in_flight", in_flight), check_whole("queue", queue, least=0)
    together = None if limits.bytes is None else limits.bytes * (at_once + waiting)
    part = check_whole("part", part)
    served = [Served(name, each, part) for name, each in _named(rerankers).items()]
    service = Service(
        served,
        keys=Keys(keys),
        limits=limits,
        turns=Turns(at_once, waiting),
        bodies=Bodies(limits.bytes, together, check_seconds("body_timeout", body_timeout)),
        timeout=check_timeout(timeout),
    )
    check_flag("warm_up", warm_up)
    alone = Lock()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        if not alone.acquire(blocking=False):
            msg = "the app runs already, and cannot run on two event loops at a time: make another one"
            raise ConfigurationError(msg)
        try:
            for each in served if warm_up else ():
                await each.warmed(QUERY, TEXTS)
            yield
        finally:
            alone.release()

    return Starlette(
        routes=_routes(service),
        lifespan=lifespan,
        middleware=[Middleware(_Tidied)],
        exception_handlers={HTTPException: _no_such_page},
    )


class _Tidied:
    """Takes paths as they are meant: base URLs that end in a slash make two of one, and some clients add one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            below = re.sub("/+", "/", seen_path(scope)).removesuffix("/")
            scope = {**scope, "path": scope.get("root_path", "") + below}
        await self._app(scope, receive, send)


def _named(rerankers: Reranker | Mapping[str, Reranker]) -> dict[str, Reranker]:
    """They by name."""
    if isinstance(rerankers, Reranker):
        return {rerankers.model or type(rerankers).__name__: rerankers}
    given: object = rerankers
    if not isinstance(given, Mapping) or not given:
        msg = f"rerankers must be a Reranker, or a mapping from names to them with at least one, not {quoted(given)}"
        raise ConfigurationError(msg)
    for name, each in rerankers.items():
        check_text("a name in rerankers", name)
        check_instance(f"rerankers[{name!r}]", each, Reranker, "a Reranker")
    return dict(rerankers)


def _routes(service: Service) -> list[Route]:
    pages: dict[str, Callable[[], Response]] = {
        "/info": lambda: JSONResponse(_info(service)),
        "/v1/models": lambda: JSONResponse(_models(service)),
        "/models": lambda: JSONResponse(_models(service)),
        "/metrics": lambda: PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4"),
        "/openapi.json": lambda: JSONResponse(description(service.limits, keys=bool(service.keys))),
    }
    return [
        *(Route(path, service.answer, methods=["POST"]) for path in PATHS),
        *(Route(path, _page(service, make)) for path, make in pages.items()),
        Route("/health", _health(service)),
    ]


def _page(service: Service, make: Callable[[], Response]) -> Callable[[Request], Awaitable[Response]]:
    """A page that asks for a key where requests do."""

    @wraps(make)
    async def page(request: Request) -> Response:
        try:
            service.let_in(request)
        except Refused as error:
            return refused("jina", told(error))
        return make()

    return page


def _health(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """Asked by what starts the server anew: whether requests are let in, however many wait."""

    async def page(_: Request) -> Response:
        if service.turns.stuck:
            return JSONResponse({"status": "stuck"}, 503)
        return JSONResponse({"status": "ok"})

    return page


def _info(service: Service) -> dict[str, object]:
    """What TEI says of itself, as far as it holds."""
    return {
        "model_id": next(iter(service.rerankers)),
        "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}},
        "max_client_batch_size": service.limits.documents or 2**31 - 1,
        "auto_truncate": True,
    }


def _models(service: Service) -> dict[str, object]:
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "rerank-kit"} for name in service.rerankers]
    return {"object": "list", "data": rows}


async def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = f"rankings are asked for by POST to {', '.join(PATHS)}"
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    return refused(spoken_at(seen_path(request.scope)), Told(status, text, headers))

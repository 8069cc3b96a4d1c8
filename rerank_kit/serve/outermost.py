"""What is around an app that runs: how it begins, what is cut off at the end, and heads that say two things."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rerank_kit.errors import RerankError
from rerank_kit.serve.answers import complaint

_log = logging.getLogger("uvicorn.error")
_LOOK = 0.1  # seconds after which it is seen again whether it is time to end


class Outermost:
    """An app with what it does not know of.

    Attributes:
        reason: Why it did not start; empty where it did, or was told to end before.
    """

    def __init__(self, app: ASGIApp, leaving: Callable[[], bool]) -> None:
        """Take it.

        Args:
            app: The app.
            leaving: Whether it is time to end.
        """
        self.reason = ""
        self._app, self._leaving = app, leaving
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or begin and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, unless it is time to end before that is done."""

        async def tell(message: Message) -> None:
            self._told = True
            if message["type"] == "lifespan.startup.failed":
                self.reason = message.get("message", "") or "it does not say why"
            await send({"type": message["type"]})  # without the message, which Starlette has as a traceback

        life = asyncio.ensure_future(self._app(scope, receive, tell))
        while not (self._told or life.done() or self._leaving()):
            await asyncio.wait({life}, timeout=_LOOK)
        if not self._told:
            life.cancel()  # unless it is done
        try:
            await life
        except asyncio.CancelledError:
            await self._not_begun(send, "" if self._leaving() else "it was cancelled")
        except Exception as error:  # noqa: BLE001 - the reason is raised where somebody waits
            if not isinstance(error, RerankError):
                _log.error("the app failed", exc_info=error)
            self.reason = f"{type(error).__name__}: {error}"  # instead of a traceback
            await self._not_begun(send, self.reason)

    async def _not_begun(self, send: Send, reason: str) -> None:
        if not self._told:
            self.reason = reason
            await send({"type": "lifespan.startup.failed"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            text = "a request has Content-Length or Transfer-Encoding, and not both"
            await _refusal(400, text)(scope, receive, send)
            return
        begun = False

        async def tell(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except asyncio.CancelledError:
            if begun:
                raise
            await _refusal(503, "the server ends, and did not wait for this any longer")(scope, receive, send)


def _refusal(status: int, text: str) -> JSONResponse:
    headers = {"connection": "close"} | ({"retry-after": "1"} if status == 503 else {})  # noqa: PLR2004
    return JSONResponse(complaint("jina", status, text), status, headers)

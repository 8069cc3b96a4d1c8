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
        reason: Why it did not start.
        left: Whether it was told to end before it had started.
    """

    def __init__(self, app: ASGIApp, leaving: Callable[[], bool]) -> None:
        """Take it.

        Args:
            app: The app.
            leaving: Whether it is time to end.
        """
        self.reason, self.left = "", False
        self._app, self._leaving = app, leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or begin and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, unless it is time to end before that is done."""
        begun = failed = False

        async def tell(message: Message) -> None:
            nonlocal begun, failed
            if message["type"] == "lifespan.startup.failed":  # is told below, with the reason
                failed, self.reason = True, message.get("message", "")
                return
            begun = True
            await send({"type": message["type"]})

        async def live() -> None:
            await self._app(scope, receive, tell)

        life = asyncio.create_task(live())
        while not (begun or failed or life.done() or self._leaving()):
            await asyncio.wait({life}, timeout=_LOOK)
        if not begun:
            self.left = not (failed or life.done())
            await asyncio.wait({life}, timeout=_LOOK)
            failed = life.cancel() or failed
        try:
            await life
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - the reason is raised where somebody waits
            if not isinstance(error, RerankError):
                _log.error("the app failed", exc_info=error)
            failed, self.reason = True, f"{type(error).__name__}: {error}"  # instead of a traceback
        if failed and not begun:
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

"""HTTP, blocking and async, over pooled connections, with a timeout for the whole exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from rerank_kit.api import httpx_clients
from rerank_kit.api.client_pool import Pool
from rerank_kit.api.environment import through
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.hiding import without_frames
from rerank_kit.api.json_values import read_json, shown
from rerank_kit.api.secrets_sent import SecretsSent
from rerank_kit.api.unreachable import remedy
from rerank_kit.errors import ConfigurationError, ConnectionFailed, RerankError
from rerank_kit.flow import Call
from rerank_kit.optional import optional


class Http:
    """Carries requests by httpx."""

    def __init__(self) -> None:
        """Make no connection and import nothing yet."""
        self._pool = Pool[Any, Any](_client, _aclient)
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, secrets: SecretsSent, seconds: float) -> Call[Response]:
        """Send a request and wait for the whole response."""
        arguments: dict[str, Any] = {"method": "GET", "url": url}
        if request.body is not None:
            content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
            headers = {"content-type": "application/json"}
            arguments |= {"method": "POST", "content": content, "headers": headers}
        return Call(
            sync=lambda: self._send(arguments, secrets, seconds),
            async_=lambda: self._asend(arguments, secrets, seconds),
        )

    def _send(self, arguments: dict[str, Any], secrets: SecretsSent, seconds: float) -> Response:
        try:
            with secrets.underway():
                return _response(self._pool.client().request(**arguments, timeout=seconds))
        except BaseException as error:  # noqa: BLE001 - also a cancellation shows what was sent, in the frames below
            failure = _failure(error, arguments["url"], secrets, seconds)
        try:
            raise failure
        finally:
            del failure  # or it would hold itself, and all that this frame does

    async def _asend(self, arguments: dict[str, Any], secrets: SecretsSent, seconds: float) -> Response:
        try:
            with secrets.underway():
                async with self._pool.aclient() as client, asyncio.timeout(seconds):
                    return _response(await client.request(**arguments, timeout=seconds))
        except BaseException as error:  # noqa: BLE001 - also a cancellation shows what was sent, in the frames below
            failure = _failure(error, arguments["url"], secrets, seconds)
        try:
            raise failure
        finally:
            del failure


def _client() -> tuple[Any, Callable[[], None]]:
    made = httpx_clients.blocking_client(_httpx())
    return made, made.close


def _aclient() -> tuple[Any, Callable[[], Awaitable[None]]]:
    made = httpx_clients.async_client(_httpx())
    return made, made.aclose


def _httpx() -> Any:
    return optional("httpx", extra="http", why="a request to an API")


def _response(response: Any) -> Response:
    return Response(
        response.status_code,
        read_json(response.content),
        {name.lower(): value for name, value in response.headers.items()},
    )


def _failure(error: BaseException, url: str, secrets: SecretsSent, seconds: float) -> BaseException:
    """What to raise for what happened, outside of any `except`, which would chain it."""
    if isinstance(error, (_httpx().RequestError, _httpx().InvalidURL, OSError, UnicodeError)):  # TLS's come raw
        return no_response(error, url, seconds, secrets.hide, way=through(url))
    return without_frames(error)


def no_response(
    error: BaseException, url: str, seconds: float, hide: Callable[[str], str] = str, *, way: str | None = ""
) -> RerankError:
    """The error for a request that was not answered, or not to the end.

    Args:
        error: What happened.
        url: Who was asked.
        seconds: How long it was to take at most.
        hide: Blots out secrets that a server has sent.
        way: What is to be said of the way there; `None` where a client of the user's went a way of its own.
    """
    # Of the name of a host, before anything was sent.
    if type(error).__name__ == "InvalidURL" or isinstance(error, UnicodeError):
        return ConfigurationError(f"base_url is no URL that can be asked: {url}{way or ''}: {shown(hide(str(error)))}")
    late = isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower()
    what = f"no answer within {seconds:.3g} s" if late else shown(hide(f"{type(error).__name__}: {error}".rstrip(": ")))
    look = "" if way is None else remedy(error, url, way)
    return ConnectionFailed(f"{url}{way or ''}: {what}" + (f": {look}" if look else ""))

"""HTTP, blocking and async, over pooled connections, with a timeout for the whole exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rerank_kit.api.client_pool import Pool
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.json_values import read_json
from rerank_kit.errors import ConnectionFailed
from rerank_kit.flow import Call
from rerank_kit.optional import optional


class Http:
    """Carries requests by httpx."""

    def __init__(self) -> None:
        """Make no connection and import nothing yet."""
        self._pool = Pool[Any, Any](_client, _aclient)
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Response]:
        """Send a request and wait for the whole response."""
        arguments: dict[str, Any] = {"method": "GET", "url": url + request.path, "headers": dict(headers)}
        if request.body is not None:
            content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
            arguments |= {"method": "POST", "content": content}
            arguments["headers"]["content-type"] = "application/json"
        return Call(sync=lambda: self._send(arguments, seconds), async_=lambda: self._asend(arguments, seconds))

    def _send(self, arguments: dict[str, Any], seconds: float) -> Response:
        httpx = _httpx()
        try:
            return _response(self._pool.client().request(**arguments, timeout=seconds))
        except httpx.RequestError as error:
            raise no_response(error, arguments["url"], seconds) from error

    async def _asend(self, arguments: dict[str, Any], seconds: float) -> Response:
        httpx = _httpx()
        try:
            async with self._pool.aclient() as client, asyncio.timeout(seconds):
                return _response(await client.request(**arguments, timeout=seconds))
        except (httpx.RequestError, TimeoutError) as error:
            raise no_response(error, arguments["url"], seconds) from error


def _client() -> tuple[Any, Callable[[], None]]:
    from rerank_kit.api import httpx_clients

    made = httpx_clients.blocking_client()
    return made, made.close


def _aclient() -> tuple[Any, Callable[[], Awaitable[None]]]:
    from rerank_kit.api import httpx_clients

    made = httpx_clients.async_client()
    return made, made.aclose


def _httpx() -> Any:
    return optional("httpx", extra="http", why="a request to an API")


def _response(response: Any) -> Response:
    return Response(
        response.status_code,
        read_json(response.content),
        {name.lower(): value for name, value in response.headers.items()},
    )


def no_response(error: Exception, url: str, seconds: float) -> ConnectionFailed:
    """The error for a request that was not answered, or not to the end."""
    late = isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower()
    what = f"no answer within {seconds:.3g} s" if late else f"{type(error).__name__}: {error}".rstrip(": ")
    return ConnectionFailed(f"{url}: {what}")

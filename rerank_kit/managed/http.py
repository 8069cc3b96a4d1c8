"""HTTP in both colours, over pooled connections, with a timeout for the whole exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from rerank_kit.errors import ConnectionFailed
from rerank_kit.flow import Call
from rerank_kit.managed.answers import Answer, Request
from rerank_kit.managed.pool import Pool
from rerank_kit.optional import optional


class Transport(Protocol):
    """What carries requests: HTTP, or a vendor's SDK."""

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Answer]:
        """Send a request and wait for the whole answer, whatever its status, at most so many seconds.

        Raises:
            ConnectionFailed: There was no whole answer.
        """
        ...

    def close(self) -> None:
        """Close the connections of blocking callers."""
        ...

    async def aclose(self) -> None:
        """Close the connections of the running loop, and those of blocking callers."""
        ...


class Http:
    """Carries requests by httpx."""

    def __init__(self) -> None:
        """Make no connection and import nothing yet."""
        self._pool = Pool[Any, Any](_client, _aclient)
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Answer]:
        """Send a request and wait for the whole answer."""
        arguments: dict[str, Any] = {"method": "GET", "url": url + request.path, "headers": dict(headers)}
        if request.body is not None:
            content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
            arguments |= {"method": "POST", "content": content}
            arguments["headers"]["content-type"] = "application/json"
        return Call(sync=lambda: self._send(arguments, seconds), async_=lambda: self._asend(arguments, seconds))

    def _send(self, arguments: dict[str, Any], seconds: float) -> Answer:
        httpx = _httpx()
        try:
            return _answer(self._pool.client().request(**arguments, timeout=seconds))
        except httpx.RequestError as error:
            raise no_answer(error, arguments["url"], seconds) from error

    async def _asend(self, arguments: dict[str, Any], seconds: float) -> Answer:
        httpx = _httpx()
        try:
            async with self._pool.aclient() as client, asyncio.timeout(seconds):
                return _answer(await client.request(**arguments, timeout=seconds))
        except (httpx.RequestError, TimeoutError) as error:
            raise no_answer(error, arguments["url"], seconds) from error


def _client() -> tuple[Any, Callable[[], None]]:
    from rerank_kit.managed import clients

    made = clients.blocking_client()
    return made, made.close


def _aclient() -> tuple[Any, Callable[[], Awaitable[None]]]:
    from rerank_kit.managed import clients

    made = clients.async_client()
    return made, made.aclose


def _httpx() -> Any:
    return optional("httpx", extra="http", why="a rerank API")


def _answer(response: Any) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = response.text
    return Answer(response.status_code, body, {name.lower(): value for name, value in response.headers.items()})


def no_answer(error: Exception, url: str, seconds: float) -> ConnectionFailed:
    """The error for a request that was not answered, or not to the end."""
    late = isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower()
    what = f"no answer within {seconds:.3g} s" if late else f"{type(error).__name__}: {error}".rstrip(": ")
    return ConnectionFailed(f"{url}: {what}")

"""httpx's clients as rerank APIs need them. Only this file imports httpx, so it is imported where one is made."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import httpx

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30)
_BEGUN = "rerank_kit.begun"

last_headers: ContextVar[dict[str, str] | None] = ContextVar("last_headers", default=None)
"""The headers of the last answer in this thread or task, for SDKs whose errors leave them out."""


def blocking_client() -> httpx.Client:
    """A client for threads."""
    hooks: dict[str, list[Any]] = {"request": [_begin], "response": [_bound, _remember]}
    return httpx.Client(verify=_certificates(), limits=_LIMITS, event_hooks=hooks)


def async_client() -> httpx.AsyncClient:
    """A client for one loop."""
    hooks: dict[str, list[Any]] = {"response": [_aremember]}
    return httpx.AsyncClient(verify=_certificates(), limits=_LIMITS, event_hooks=hooks)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than a request, so it is done once."""
    return httpx.create_ssl_context()


def _begin(request: httpx.Request) -> None:
    request.extensions[_BEGUN] = time.monotonic()


def _bound(response: httpx.Response) -> None:
    """Let the body take no longer than what is left of the timeout: httpx's own starts anew with every piece."""
    extensions = response.request.extensions
    response.stream = _Timed(response, extensions[_BEGUN] + extensions["timeout"]["read"])


def _remember(response: httpx.Response) -> None:
    last_headers.set(dict(response.headers))


async def _aremember(response: httpx.Response) -> None:
    last_headers.set(dict(response.headers))


class _Timed(httpx.SyncByteStream):
    """A body that must have come by a certain moment."""

    def __init__(self, response: httpx.Response, until: float) -> None:
        self._stream: Any = response.stream
        self._request = response.request
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() >= self._until:
                msg = "the body did not come to its end"
                raise httpx.ReadTimeout(msg, request=self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()

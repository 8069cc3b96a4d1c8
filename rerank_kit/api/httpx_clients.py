"""httpx's clients as APIs need them. It imports httpx as it is itself imported: do so where a client is made."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import httpx

from rerank_kit.api.request_timeout import request_timeout_hooks
from rerank_kit.api.secrets_sent import aadd_headers, add_headers

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30)

last_headers: ContextVar[dict[str, str] | None] = ContextVar("last_headers", default=None)
"""The headers of the last answer in this thread or task, for SDKs whose errors leave them out."""


def blocking_client() -> httpx.Client:
    """A client for threads. Like httpx's own, it follows no redirect."""
    hooks = request_timeout_hooks(httpx)
    hooks["request"].append(add_headers)
    hooks["response"].append(_remember)
    return httpx.Client(verify=_certificates(), limits=_LIMITS, event_hooks=hooks)


def async_client() -> httpx.AsyncClient:
    """A client for one loop. Like httpx's own, it follows no redirect."""
    hooks: dict[str, list[Any]] = {"request": [aadd_headers], "response": [_aremember]}
    return httpx.AsyncClient(verify=_certificates(), limits=_LIMITS, event_hooks=hooks)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than a request, so it is done once."""
    return httpx.create_ssl_context()


def _remember(response: httpx.Response) -> None:
    last_headers.set(dict(response.headers))


async def _aremember(response: httpx.Response) -> None:
    last_headers.set(dict(response.headers))

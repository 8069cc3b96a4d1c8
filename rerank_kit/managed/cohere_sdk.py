"""Cohere's official SDK as what carries the requests, from version 5.15 on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.flow import Call
from rerank_kit.managed.answers import Answer, Request
from rerank_kit.managed.http import no_answer
from rerank_kit.managed.own import Own
from rerank_kit.managed.pool import Pool
from rerank_kit.managed.secret import Secret
from rerank_kit.optional import optional


class Sdk:
    """Carries requests by the SDK, whose own retries are turned off: they know no deadline."""

    def __init__(self, key: Secret, base_url: str, own: Own | None) -> None:
        """Make no client yet.

        Args:
            key: The API key, for clients made here.
            base_url: Where the API is, for clients made here.
            own: The user's clients, which are used instead.
        """
        self._own = own
        self._pool = Pool[Any, Any](partial(_client, key, base_url), partial(_aclient, key, base_url))
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Answer]:
        """Send a request and wait for the answer."""
        extra = dict(request.body or {})
        arguments: dict[str, Any] = {name: extra.pop(name) for name in ("model", "query", "documents")}
        # What is beside those three goes in as "additional", so that an SDK from before a field was added sends it.
        arguments["request_options"] = {
            "timeout_in_seconds": seconds,
            "max_retries": 0,
            "additional_headers": {name: value for name, value in headers.items() if name != "authorization"},
            "additional_body_parameters": extra,
        }
        return Call(
            sync=lambda: self._send(arguments, url, seconds),
            async_=lambda: self._asend(arguments, url, seconds),
        )

    def _send(self, arguments: dict[str, Any], url: str, seconds: float) -> Answer:
        client = self._pool.client() if self._own is None else self._own.client
        if client is None:
            msg = "client= is an async client, which a blocking call cannot use: pass a blocking one, or call arerank"
            raise ConfigurationError(msg)
        _forget_headers()
        try:
            return Answer(200, client.rerank(**arguments).dict())
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    async def _asend(self, arguments: dict[str, Any], url: str, seconds: float) -> Answer:
        if self._own is not None and self._own.async_client is None:
            return await asyncio.to_thread(self._send, arguments, url, seconds)
        _forget_headers()
        try:
            own = None if self._own is None else nullcontext[Any](self._own.async_client)
            async with self._pool.aclient() if own is None else own as client, asyncio.timeout(seconds):
                return Answer(200, (await client.rerank(**arguments)).dict())
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    def _failed(self, error: Exception, url: str, seconds: float) -> Answer:
        """The answer that the SDK made an exception of, if there was one."""
        import httpx

        from rerank_kit.managed import clients

        api_error = optional("cohere.core.api_error", extra="cohere", why="Cohere").ApiError
        if isinstance(error, api_error):
            seen: Any = error
            headers = getattr(seen, "headers", None) or clients.last_headers.get() or {}  # not in errors before 5.16
            return Answer(seen.status_code or 0, seen.body, {name.lower(): value for name, value in headers.items()})
        if isinstance(error, httpx.RequestError | TimeoutError):
            raise no_answer(error, url, seconds) from error
        what = f"{type(error).__name__}: {error}"
        if self._own is None:
            msg = f"the cohere SDK could not read the answer: {what}"
            raise InvalidResponse(msg) from error
        msg = f"client= failed: {what}"
        raise BackendError(msg) from error


def _client(key: Secret, base_url: str) -> tuple[Any, Callable[[], None]]:
    from rerank_kit.managed import clients

    http = clients.blocking_client()
    return _sdk().ClientV2(**_settings(key, base_url), httpx_client=http), http.close


def _aclient(key: Secret, base_url: str) -> tuple[Any, Callable[[], Awaitable[None]]]:
    from rerank_kit.managed import clients

    http = clients.async_client()
    return _sdk().AsyncClientV2(**_settings(key, base_url), httpx_client=http), http.aclose


def _settings(key: Secret, base_url: str) -> dict[str, Any]:
    return {"api_key": key.reveal(), "base_url": base_url, "log_warning_experimental_features": False}


def _sdk() -> Any:
    return optional("cohere", extra="cohere", why="Cohere")


def _forget_headers() -> None:
    from rerank_kit.managed import clients

    clients.last_headers.set(None)

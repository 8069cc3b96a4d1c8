"""Anthropic's official SDK, from version 2 on, as what carries the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.flow import Call
from rerank_kit.managed.answers import Answer, Request
from rerank_kit.managed.bounded import bounded
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
        extra = {name: value for name, value in headers.items() if name != "authorization"}
        arguments = {**(request.body or {}), "extra_headers": extra, "timeout": seconds}
        return Call(
            sync=lambda: self._send(arguments, url, seconds),
            async_=lambda: self._asend(arguments, url, seconds),
        )

    def _send(self, arguments: dict[str, Any], url: str, seconds: float) -> Answer:
        client = self._pool.client() if self._own is None else self._own.client
        if client is None:
            msg = "client= is an async client, which a blocking call cannot use: pass a blocking one, or call arerank"
            raise ConfigurationError(msg)
        try:
            return _answer(client.with_options(max_retries=0).messages.create(**arguments))
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    async def _asend(self, arguments: dict[str, Any], url: str, seconds: float) -> Answer:
        if self._own is not None and self._own.async_client is None:
            return await asyncio.to_thread(self._send, arguments, url, seconds)
        own = None if self._own is None else nullcontext[Any](self._own.async_client)
        try:
            async with self._pool.aclient() if own is None else own as client, asyncio.timeout(seconds):
                return _answer(await client.with_options(max_retries=0).messages.create(**arguments))
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    def _failed(self, error: Exception, url: str, seconds: float) -> Answer:
        """The answer that the SDK made an exception of, if there was one."""
        sdk: Any = _sdk()
        seen: Any = error
        if isinstance(error, sdk.APIStatusError):
            headers = {name.lower(): value for name, value in seen.response.headers.items()}
            return Answer(seen.status_code, seen.body, headers)
        if isinstance(error, sdk.APIConnectionError | TimeoutError):
            raise no_answer(_cause(error), url, seconds) from error
        what = f"{type(error).__name__}: {error}"
        if self._own is None:
            msg = f"the anthropic SDK could not read the answer: {what}"
            raise InvalidResponse(msg) from error
        msg = f"client= failed: {what}"
        raise BackendError(msg) from error


def _answer(message: Any) -> Answer:
    """The message as plain JSON; where a server sent none, the SDK hands out what it sent."""
    return Answer(200, message.to_dict() if hasattr(message, "to_dict") else message)


def _cause(error: Exception) -> Exception:
    """What the SDK wrapped into its "Connection error."."""
    return error.__cause__ if isinstance(error.__cause__, Exception) else error


def _client(key: Secret, base_url: str) -> tuple[Any, Callable[[], None]]:
    http = _sdk().DefaultHttpxClient(event_hooks=bounded(optional("httpx2", extra="anthropic", why="Anthropic")))
    return _sdk().Anthropic(api_key=key.reveal(), base_url=base_url, http_client=http), http.close


def _aclient(key: Secret, base_url: str) -> tuple[Any, Callable[[], Awaitable[None]]]:
    client = _sdk().AsyncAnthropic(api_key=key.reveal(), base_url=base_url)
    return client, client.close


def _sdk() -> Any:
    return optional("anthropic", extra="anthropic", why="Anthropic")

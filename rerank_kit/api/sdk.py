"""`SdkTransport`: a vendor's official SDK as what carries the requests. Its own retries know no deadline: off."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

from rerank_kit.api.client_pool import Pool
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.http import no_response
from rerank_kit.api.secret import Secret
from rerank_kit.api.user_clients import UserClients
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.flow import Call
from rerank_kit.loop_threads import in_a_thread


class SdkTransport(ABC):
    """Carries requests by an SDK. To add one, write the five abstract methods."""

    name: ClassVar[str]

    def __init__(self, key: Secret, base_url: str, own: UserClients | None) -> None:
        """Make no client yet.

        Args:
            key: The API key, for clients made here.
            base_url: Where the API is, for clients made here.
            own: The user's clients, which are used instead.
        """
        self._key = key
        self._base_url = base_url
        self._own = own
        self._pool = Pool[Any, Any](self._client, self._aclient)
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Response]:
        """Send a request and wait for the response."""
        extra = {name: value for name, value in headers.items() if name != "authorization"}
        arguments = self._arguments(dict(request.body or {}), extra, seconds)
        return Call(
            sync=lambda: self._send(arguments, url, seconds),
            async_=lambda: self._asend(arguments, url, seconds),
        )

    def _send(self, arguments: dict[str, Any], url: str, seconds: float) -> Response:
        client = self._pool.client() if self._own is None else self._own.client
        if client is None:
            msg = "client= is an async client, which a blocking call cannot use: pass a blocking one, or call arerank"
            raise ConfigurationError(msg)
        try:
            return _response(self._call(client, arguments))
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    async def _asend(self, arguments: dict[str, Any], url: str, seconds: float) -> Response:
        if self._own is not None and self._own.async_client is None:
            return await in_a_thread(partial(self._send, arguments, url, seconds))
        own = None if self._own is None else nullcontext[Any](self._own.async_client)
        try:
            async with self._pool.aclient() if own is None else own as client, asyncio.timeout(seconds):
                return _response(await self._call(client, arguments))
        except Exception as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            return self._failed(error, url, seconds)

    def _failed(self, error: Exception, url: str, seconds: float) -> Response:
        """The response that the SDK made an exception of, if there was one."""
        known = error if isinstance(error, TimeoutError) else self._understood(error)
        if isinstance(known, Response):
            return known
        if known is not None:
            raise no_response(known, url, seconds) from error
        what = f"{type(error).__name__}: {error}"
        if self._own is None:
            msg = f"the {self.name} SDK could not read the answer: {what}"
            raise InvalidResponse(msg) from error
        msg = f"client= failed: {what}"
        raise BackendError(msg) from error

    @abstractmethod
    def _client(self) -> tuple[Any, Callable[[], None]]:
        """A blocking client, and what closes it."""

    @abstractmethod
    def _aclient(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        """An async client, and what closes it."""

    @abstractmethod
    def _arguments(self, body: dict[str, Any], headers: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """What the SDK's method is called with, for a body, more headers and a timeout."""

    @abstractmethod
    def _call(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Call the SDK's method: its answer, from an async client something to wait for."""

    @abstractmethod
    def _understood(self, error: Exception) -> Response | Exception | None:
        """The response that an error stands for; or, where none came, what went wrong; `None` for all other errors."""


def _response(given: Any) -> Response:
    """The response as plain JSON; where a server sent something else, SDKs hand out what it sent."""
    if hasattr(given, "model_dump"):
        return Response(200, given.model_dump(warnings=False))  # values of other types than the SDK's are no news to us
    dump = getattr(given, "to_dict", None) or getattr(given, "dict", None)
    return Response(200, given if dump is None else dump())

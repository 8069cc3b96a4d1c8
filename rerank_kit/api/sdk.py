"""`SdkTransport`: a vendor's official SDK as what carries the requests. Its own retries know no deadline: off."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar, TypeAlias

from rerank_kit.api.client_pool import Pool
from rerank_kit.api.environment import through
from rerank_kit.api.exchange import Request, Response
from rerank_kit.api.hiding import SHOWN, without_frames
from rerank_kit.api.http import no_response
from rerank_kit.api.json_values import shown
from rerank_kit.api.request_timeout import in_time
from rerank_kit.api.sdk_answers import plain_answer
from rerank_kit.api.secrets_sent import SecretsSent, guard
from rerank_kit.api.user_clients import UserClients
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse, RerankError
from rerank_kit.flow import Call
from rerank_kit.loop_threads import in_a_thread

_Ask: TypeAlias = Callable[[Any], Any]
_Read: TypeAlias = Callable[[Any], Response]


class SdkTransport(ABC):
    """Carries requests by an SDK. To add one, write the six abstract methods.

    An SDK made here never knows the key: it sends `placeholder`, and httpx's hook puts the key in its place.
    """

    name: ClassVar[str]
    answer: ClassVar[dict[str, Any]]
    """What is read of an answer that is no object of the SDK's: see `sdk_answers`."""
    placeholder: ClassVar[str] = SHOWN

    def __init__(self, base_url: str, own: UserClients | None) -> None:
        """Make no client yet.

        Args:
            base_url: Where the API is, for clients made here.
            own: The user's clients, which are used instead.
        """
        self._base_url = base_url
        self._own = own
        for each in () if own is None else (own.client, own.async_client):
            guard(self._http(each))
        self._pool = Pool[Any, Any](self._client, self._aclient)
        self.close = self._pool.close
        self.aclose = self._pool.aclose

    def send(self, url: str, request: Request, secrets: SecretsSent, seconds: float) -> Call[Response]:
        """Send a request and wait for the response."""
        extra = {} if self._own is None else secrets.shadows()
        arguments = self._arguments(dict(request.body or {}), extra, seconds)
        asking = partial(self._call, path=request.path, arguments=arguments)
        reading = partial(self._response, path=request.path)
        return Call(
            sync=lambda: self._send(asking, reading, url, secrets, seconds),
            async_=lambda: self._asend(asking, reading, url, secrets, seconds),
        )

    def _send(self, asking: _Ask, reading: _Read, url: str, secrets: SecretsSent, seconds: float) -> Response:
        own = self._own
        if own is not None and own.client is None:
            msg = "client= is an async client, which a blocking call cannot use: pass a blocking one, or call arerank"
            raise ConfigurationError(msg)
        try:
            with secrets.underway():
                if own is None:
                    return reading(asking(self._pool.client()))
                return reading(in_time(partial(asking, own.client), seconds))
        except BaseException as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            outcome = self._outcome(error, url, secrets, seconds)
        try:
            return _answered(outcome)
        finally:
            del outcome  # or an error would hold itself, and all that this frame does

    async def _asend(self, asking: _Ask, reading: _Read, url: str, secrets: SecretsSent, seconds: float) -> Response:
        if self._own is not None and self._own.async_client is None:
            return await in_a_thread(partial(self._send, asking, reading, url, secrets, seconds))
        own = None if self._own is None else nullcontext[Any](self._own.async_client)
        try:
            with secrets.underway():
                async with self._pool.aclient() if own is None else own as client, asyncio.timeout(seconds):
                    given = asking(client)
                    return reading(await given if inspect.isawaitable(given) else given)
        except BaseException as error:  # noqa: BLE001 - a client may be the user's own, and raise anything
            outcome = self._outcome(error, url, secrets, seconds)
        try:
            return _answered(outcome)
        finally:
            del outcome

    def _response(self, given: Any, path: str) -> Response:
        return Response(200, plain_answer(given, self.shape(path)))

    def shape(self, path: str) -> dict[str, Any]:
        """What is read of an answer to a request with this path."""
        return self.answer

    def _outcome(
        self, error: BaseException, url: str, secrets: SecretsSent, seconds: float
    ) -> Response | BaseException:
        """The response that the SDK made an exception of, or what to raise, which is not chained: it shows secrets."""
        if isinstance(error, RerankError) or not isinstance(error, Exception):
            return without_frames(error)
        known = error if isinstance(error, OSError | UnicodeError) else self._understood(error)
        if isinstance(known, Response):
            return known
        if isinstance(known, RerankError):  # of a hook of ours, which the SDK took for a failed connection
            return without_frames(known)
        if known is not None:
            way = through(url) if self._own is None else None
            return no_response(known, url, seconds, secrets.hide, way=way)
        what = shown(secrets.hide(f"{type(error).__name__}: {error}"))
        if self._own is None:
            return InvalidResponse(f"the {self.name} SDK could not read the answer: {what}")
        return BackendError(f"client= failed: {what}")

    @abstractmethod
    def _client(self) -> tuple[Any, Callable[[], None]]:
        """A blocking client, and what closes it."""

    @abstractmethod
    def _aclient(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        """An async client, and what closes it."""

    @abstractmethod
    def _http(self, client: Any) -> Any:
        """The httpx client inside the SDK's, if there is one."""

    @abstractmethod
    def _arguments(self, body: dict[str, Any], headers: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """What the SDK's method is called with, for a body, more headers and a timeout."""

    @abstractmethod
    def _call(self, client: Any, path: str, arguments: dict[str, Any]) -> Any:
        """Call the SDK's method for a path: its answer, from an async client something to wait for."""

    @abstractmethod
    def _understood(self, error: Exception) -> Response | Exception | None:
        """The response that an error stands for; or, where none came, what went wrong; `None` for all other errors."""


def _answered(outcome: Response | BaseException) -> Response:
    try:
        if isinstance(outcome, Response):
            return outcome
        raise outcome
    finally:
        del outcome

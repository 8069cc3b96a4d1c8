"""Anthropic's official SDK as what carries the requests, from version 2 on."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from rerank_kit.api import httpx_clients
from rerank_kit.api.exchange import Response
from rerank_kit.api.json_values import read_json
from rerank_kit.api.sdk import SdkTransport
from rerank_kit.errors import ConfigurationError
from rerank_kit.optional import optional

MESSAGES = "/v1/messages"
BATCHES = "/v1/messages/batches"
RESULTS = "/results"

_MESSAGE: dict[str, Any] = {
    "content": [{"type": None, "text": None}],
    "stop_reason": None,
    "usage": {
        **dict.fromkeys(
            ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
        ),
        "cache_creation": {"ephemeral_1h_input_tokens": None},
    },
}
_COUNTS = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"))
_BATCH = {"id": None, "processing_status": None, "archived_at": None, "request_counts": _COUNTS}
_ERROR = {"type": None, "error": {"type": None, "message": None}}
_RESULT = {"custom_id": None, "result": {"type": None, "message": _MESSAGE, "error": _ERROR}}


class AnthropicSdk(SdkTransport):
    """Carries requests by the anthropic SDK."""

    name = "anthropic"
    answer: ClassVar[dict[str, Any]] = _MESSAGE

    def shape(self, path: str) -> dict[str, Any]:
        """What is read of an answer to a request with this path."""
        if not path.startswith(BATCHES):
            return self.answer
        return _RESULT if path.endswith(RESULTS) else _BATCH

    def _client(self) -> tuple[Any, Callable[[], None]]:
        http = httpx_clients.blocking_client(_httpx())
        return _sdk().Anthropic(api_key=self.placeholder, base_url=self._base_url, http_client=http), http.close

    def _aclient(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        http = httpx_clients.async_client(_httpx())
        client = _sdk().AsyncAnthropic(api_key=self.placeholder, base_url=self._base_url, http_client=http)
        return client, http.aclose

    def _http(self, client: Any) -> Any:
        return getattr(client, "_client", None)

    def _arguments(self, body: dict[str, Any], headers: Mapping[str, str], seconds: float) -> dict[str, Any]:
        return {**body, "extra_headers": headers, "timeout": seconds}

    def _call(self, client: Any, path: str, arguments: dict[str, Any]) -> Any:
        retries = isinstance(getattr(client, "max_retries", None), int)  # a double in a test has none to turn off
        asked = client.with_options(max_retries=0) if retries else client
        return _of_batches(asked, path, arguments) if path.startswith(BATCHES) else asked.messages.create(**arguments)

    def _understood(self, error: Exception) -> Response | Exception | None:
        seen: Any = error
        if isinstance(error, _sdk().APIStatusError):
            headers = {name.lower(): value for name, value in seen.response.headers.items()}
            return Response(seen.status_code, seen.body, headers)
        if isinstance(error, _sdk().APIConnectionError):  # wraps what happened into its "Connection error."
            return error.__cause__ if isinstance(error.__cause__, Exception) else error
        return error if isinstance(error, _httpx().InvalidURL) else None


def _of_batches(client: Any, path: str, arguments: dict[str, Any]) -> Any:
    """Call one of the SDK's methods for batches."""
    batches = getattr(client.messages, "batches", None)
    if batches is None:
        msg = "client= has no messages.batches: pass one that can ask in batches, such as anthropic.Anthropic()"
        raise ConfigurationError(msg)
    batch = path.removeprefix(BATCHES).removesuffix(RESULTS).strip("/")
    if not batch:
        return batches.create(**arguments)
    if not path.endswith(RESULTS):
        return batches.retrieve(batch, **arguments)
    # The SDK would ask at an address that is in an answer, and the key would go wherever that is.
    if issubclass(type(client), (_sdk().Anthropic, _sdk().AsyncAnthropic)):
        options = {"headers": arguments["extra_headers"], "timeout": arguments["timeout"]}
        given = client.get(path, cast_to=bytes, options=options)
    else:
        given = batches.results(batch, **arguments)
    return _awaited(given) if inspect.isawaitable(given) else _lines(given)


def _lines(given: Any) -> list[Any]:
    """The lines of a batch's results, of which each is JSON; a double in a test may give the results themselves."""
    return [read_json(line) for line in given.splitlines() if line.strip()] if isinstance(given, bytes) else [*given]


async def _awaited(given: Awaitable[Any]) -> list[Any]:
    """The same from an async client."""
    found = await given
    return [each async for each in found] if hasattr(found, "__aiter__") else _lines(found)


def _sdk() -> Any:
    return optional("anthropic", extra="anthropic", why="Anthropic")


def _httpx() -> Any:
    return optional("httpx2", extra="anthropic", why="Anthropic")

"""Anthropic's official SDK as what carries the requests, from version 2 on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from rerank_kit.api import httpx_clients
from rerank_kit.api.exchange import Response
from rerank_kit.api.sdk import SdkTransport
from rerank_kit.optional import optional


class AnthropicSdk(SdkTransport):
    """Carries requests by the anthropic SDK."""

    name = "anthropic"
    answer: ClassVar[dict[str, Any]] = {
        "content": [{"type": None, "text": None}],
        "stop_reason": None,
        "usage": dict.fromkeys(
            ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        ),
    }

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

    def _call(self, client: Any, arguments: dict[str, Any]) -> Any:
        retries = isinstance(getattr(client, "max_retries", None), int)  # a double in a test has none to turn off
        return (client.with_options(max_retries=0) if retries else client).messages.create(**arguments)

    def _understood(self, error: Exception) -> Response | Exception | None:
        seen: Any = error
        if isinstance(error, _sdk().APIStatusError):
            headers = {name.lower(): value for name, value in seen.response.headers.items()}
            return Response(seen.status_code, seen.body, headers)
        if isinstance(error, _sdk().APIConnectionError):  # wraps what happened into its "Connection error."
            return error.__cause__ if isinstance(error.__cause__, Exception) else error
        return error if isinstance(error, _httpx().InvalidURL) else None


def _sdk() -> Any:
    return optional("anthropic", extra="anthropic", why="Anthropic")


def _httpx() -> Any:
    return optional("httpx2", extra="anthropic", why="Anthropic")

"""Anthropic's official SDK as what carries the requests, from version 2 on."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from rerank_kit.api.exchange import Response
from rerank_kit.api.request_timeout import request_timeout_hooks
from rerank_kit.api.sdk import SdkTransport
from rerank_kit.api.secrets_sent import aadd_headers, add_headers
from rerank_kit.optional import optional


class AnthropicSdk(SdkTransport):
    """Carries requests by the anthropic SDK."""

    name = "anthropic"

    def _client(self) -> tuple[Any, Callable[[], None]]:
        hooks = request_timeout_hooks(_httpx())
        hooks["request"].append(add_headers)
        http = _sdk().DefaultHttpxClient(verify=_certificates(), event_hooks=hooks, follow_redirects=False)
        return _sdk().Anthropic(api_key=self.placeholder, base_url=self._base_url, http_client=http), http.close

    def _aclient(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        hooks = {"request": [aadd_headers]}
        http = _sdk().DefaultAsyncHttpxClient(verify=_certificates(), event_hooks=hooks, follow_redirects=False)
        client = _sdk().AsyncAnthropic(api_key=self.placeholder, base_url=self._base_url, http_client=http)
        return client, client.close

    def _http(self, client: Any) -> Any:
        return getattr(client, "_client", None)

    def _arguments(self, body: dict[str, Any], headers: Mapping[str, str], seconds: float) -> dict[str, Any]:
        return {**body, "extra_headers": headers, "timeout": seconds}

    def _call(self, client: Any, arguments: dict[str, Any]) -> Any:
        return client.with_options(max_retries=0).messages.create(**arguments)

    def _understood(self, error: Exception) -> Response | Exception | None:
        seen: Any = error
        if isinstance(error, _sdk().APIStatusError):
            headers = {name.lower(): value for name, value in seen.response.headers.items()}
            return Response(seen.status_code, seen.body, headers)
        if isinstance(error, _sdk().APIConnectionError):  # wraps what happened into its "Connection error."
            return error.__cause__ if isinstance(error.__cause__, Exception) else error
        return None


def _sdk() -> Any:
    return optional("anthropic", extra="anthropic", why="Anthropic")


def _httpx() -> Any:
    return optional("httpx2", extra="anthropic", why="Anthropic")


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than a request, so it is done once."""
    context: ssl.SSLContext = _httpx().create_ssl_context()
    return context

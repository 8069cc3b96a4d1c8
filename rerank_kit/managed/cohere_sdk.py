"""Cohere's official SDK as what carries the requests, from version 5.16 on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from rerank_kit.api import httpx_clients
from rerank_kit.api.exchange import Response
from rerank_kit.api.sdk import SdkTransport
from rerank_kit.optional import optional


class CohereSdk(SdkTransport):
    """Carries requests by the cohere SDK."""

    name = "cohere"
    answer: ClassVar[dict[str, Any]] = {
        "results": [{"index": None, "relevance_score": None, "relevant_spans": [{"start": None, "end": None}]}],
        "meta": {
            "billed_units": {"search_units": None, "input_tokens": None},
            "tokens": {"input_tokens": None},
        },
    }

    def _client(self) -> tuple[Any, Callable[[], None]]:
        http = httpx_clients.blocking_client(_httpx())
        return _sdk().ClientV2(**self._settings(), httpx_client=http), http.close

    def _aclient(self) -> tuple[Any, Callable[[], Awaitable[None]]]:
        http = httpx_clients.async_client(_httpx())
        return _sdk().AsyncClientV2(**self._settings(), httpx_client=http), http.aclose

    def _settings(self) -> dict[str, Any]:
        return {"api_key": self.placeholder, "base_url": self._base_url, "log_warning_experimental_features": False}

    def _http(self, client: Any) -> Any:
        wrapped = getattr(getattr(client, "_client_wrapper", None), "httpx_client", None)
        return getattr(wrapped, "httpx_client", None)

    def _arguments(self, body: dict[str, Any], headers: Mapping[str, str], seconds: float) -> dict[str, Any]:
        arguments: dict[str, Any] = {name: body.pop(name) for name in ("model", "query", "documents")}
        # What is beside those three goes in as "additional", so that an SDK from before a field was added sends it.
        arguments["request_options"] = {
            "timeout_in_seconds": seconds,
            "max_retries": 0,
            "additional_headers": headers,
            "additional_body_parameters": body,
        }
        return arguments

    def _call(self, client: Any, path: str, arguments: dict[str, Any]) -> Any:
        return client.rerank(**arguments)

    def _understood(self, error: Exception) -> Response | Exception | None:
        api_error = optional("cohere.core.api_error", extra="cohere", why="Cohere").ApiError
        if isinstance(error, api_error):
            seen: Any = error
            headers: Mapping[str, str] = getattr(seen, "headers", None) or {}
            return Response(seen.status_code or 0, seen.body, {name.lower(): value for name, value in headers.items()})
        return error if isinstance(error, (_httpx().RequestError, _httpx().InvalidURL)) else None


def _sdk() -> Any:
    return optional("cohere", extra="cohere", why="Cohere")


def _httpx() -> Any:
    return optional("httpx", extra="cohere", why="Cohere")

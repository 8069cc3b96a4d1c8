"""What goes to a server and what comes back: requests, responses, what carries them, and the errors they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rerank_kit.api.json_values import is_mapping, shown
from rerank_kit.api.retry import asked_to_wait
from rerank_kit.errors import AuthenticationError, ConfigurationError, RateLimited, RerankError, StatusError
from rerank_kit.flow import Call

_REQUEST_IDS = ("x-request-id", "request-id", "x-debug-trace-id", "x-trace-id", "x-amzn-requestid", "cf-ray")
_UNKNOWN_KEY = frozenset({401, 403, 498})  # 498 is Cohere's: https://docs.cohere.com/reference/errors
WRONG_ADDRESS = frozenset({404, 405, 410})


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the API's path, such as `/v1/rerank`, and a body that becomes JSON; without a body it is a GET."""

    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: the body as parsed JSON or, where it is none, as text; header names are in lower case.

    The address is the one that was asked, where that is known.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    address: str = ""

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success


class Transport(Protocol):
    """What carries requests: HTTP, or a vendor's SDK."""

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Response]:
        """Send a request and wait for the whole response, whatever its status, at most so many seconds.

        Raises:
            ConnectionFailed: There was no whole response.
        """
        ...

    def close(self) -> None:
        """Close the connections of blocking callers."""
        ...

    async def aclose(self) -> None:
        """Close the connections of the running loop, and those of blocking callers."""
        ...


def error_of(response: Response, backend: str, hide: Callable[[str], str]) -> RerankError:
    """The error that a response stands for, with the server's own message and its name for the request.

    Args:
        response: The response, one that is not `ok`.
        backend: Who was asked, as users know it.
        hide: Blots out the key.
    """
    text = hide(_message(response.body))
    request_id = next((response.headers[name] for name in _REQUEST_IDS if name in response.headers), None)
    what = f"{backend} answered {response.status}: {text}" + (f" (request {request_id})" if request_id else "")
    if response.status in _UNKNOWN_KEY:
        return AuthenticationError(f"{what}: check api_key, or the environment variable that it is read from")
    if response.status in WRONG_ADDRESS:
        where = f" at {hide(response.address)}" if response.address else ""
        return ConfigurationError(f"{what}{where}: check base_url and model")
    kind = RateLimited if response.status == 429 else StatusError  # noqa: PLR2004 - HTTP's "too many requests"
    wait = asked_to_wait(response.headers)
    return kind(what, backend=backend, status=response.status, request_id=request_id, retry_after=wait)


def _message(body: Any) -> str:
    """What a server says went wrong, wherever it says it."""
    while is_mapping(body):
        inner = next((body[key] for key in ("message", "detail", "error", "errors") if body.get(key)), None)
        if inner is None:
            break
        body = inner
    return shown(body)

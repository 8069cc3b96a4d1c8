"""What goes to a server and what comes back: requests, responses, what carries them, and the errors they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rerank_kit.api.answer_size import longest_answer
from rerank_kit.api.json_values import is_mapping, shown
from rerank_kit.api.retry import asked_to_wait
from rerank_kit.api.secrets_sent import NOT_FOLLOWED, SecretsSent, without_secrets
from rerank_kit.errors import AuthenticationError, ConfigurationError, RateLimited, RerankError, StatusError
from rerank_kit.flow import Call

_REQUEST_IDS = (
    *("x-request-id", "request-id", "x-typesafe-request-id", "x-debug-trace-id", "x-trace-id"),
    *("x-amzn-requestid", "cf-ray"),
)
_CHECK_THE_KEY = "check api_key, or the environment variable that it is read from"
_UNKNOWN_KEY = frozenset({401, 403, 498})  # 498 is Cohere's: https://docs.cohere.com/reference/errors
WRONG_ADDRESS = frozenset({404, 405, 410, 501})  # 501 is what some servers answer to a method that they do not know
_MOVED = frozenset({301, 308})
_ELSEWHERE = frozenset({302, 303, 307})


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the API's path, such as `/v1/rerank`, and a body that becomes JSON; without a body it is a GET.

    Of the answer no more than `longest` bytes are read. One that is to be sent `once` is not repeated while the server
    may have done what it asks for.
    """

    path: str
    body: Mapping[str, Any] | None = None
    longest: int = longest_answer()
    once: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: the body as parsed JSON or, where it is none, as text; header names are in lower case.

    Body and headers are in no repr: a server may have put a key there. The address is the one that was
    asked, where that is known.
    """

    status: int
    body: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    address: str = ""

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success


class Transport(Protocol):
    """What carries requests: HTTP, or a vendor's SDK."""

    def send(self, url: str, request: Request, secrets: SecretsSent, seconds: float) -> Call[Response]:
        """Send a request to an address, and wait for the whole response, whatever its status, at most so many seconds.

        No redirect to another host is followed. What is raised, its chain and its traceback show no secret.

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


def error_of(response: Response, backend: str, hide: Callable[[str], str] = str, *, key: str = "") -> RerankError:
    """The error that a response stands for, with the server's own message and its name for the request.

    Args:
        response: The response, one that is not `ok`, without secrets: they have to be hidden before texts are cut.
        backend: Who was asked, as users know it.
        hide: Blots out more.
        key: What to do where the key was refused, where more is known of it than how it is called.
    """
    text = hide(_message(response.body)).strip()
    request_id = next((shown(response.headers[name]) for name in _REQUEST_IDS if name in response.headers), None)
    what = f"{backend} answered {response.status}" + (f": {text}" if text else "")
    what += f" (request {request_id})" if request_id else ""
    if response.status in _UNKNOWN_KEY:
        refused = AuthenticationError(f"{what}: {key or _CHECK_THE_KEY}")
        refused.status = response.status
        return refused
    if response.status in WRONG_ADDRESS:
        where = f" at {hide(response.address)}" if response.address else ""
        unknown = ConfigurationError(f"{what}{where}: check base_url and model")
        unknown.status = response.status
        return unknown
    if response.status in _MOVED:
        moved = ConfigurationError(f"{what}{_redirected(response)}: pass where the server has moved to as base_url")
        moved.status = response.status
        return moved
    if response.status in _ELSEWHERE:
        what += _redirected(response)
    kind = RateLimited if response.status == 429 else StatusError  # noqa: PLR2004 - HTTP's "too many requests"
    wait = asked_to_wait(response.headers)
    return kind(what, backend=backend, status=response.status, request_id=request_id, retry_after=wait)


def _redirected(response: Response) -> str:
    """Where a redirect points, which may be a trap: it would get the key and the documents."""
    pointed = response.headers.get("location") or response.headers.get(NOT_FOLLOWED)
    where = "" if pointed is None else f" to {shown(without_secrets(pointed))}"
    return f", a redirect{where}, which is not followed"


def _message(body: Any) -> str:
    """What a server says went wrong, wherever it says it."""
    while is_mapping(body):
        inner = next((body[key] for key in ("message", "detail", "error", "errors") if body.get(key)), None)
        if inner is None:
            break
        body = inner
    return shown(body)

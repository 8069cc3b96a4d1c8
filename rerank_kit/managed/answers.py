"""What a server answers: reading its results, and turning its refusals into errors. Pure, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from rerank_kit.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidResponse,
    RateLimited,
    RerankError,
    StatusError,
)
from rerank_kit.managed.retry import asked_to_wait
from rerank_kit.values import Usage, finite

_SHOWN = 300  # characters of a server's text in an error
_REQUEST_IDS = ("x-request-id", "request-id", "x-debug-trace-id", "x-trace-id", "x-amzn-requestid", "cf-ray")
_UNKNOWN_KEY = frozenset({401, 403, 498})  # 498 is Cohere's: https://docs.cohere.com/reference/errors
_WRONG_ADDRESS = frozenset({404, 405, 410})


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a path below the base URL, and a body that becomes JSON; without a body it is a GET."""

    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body as parsed JSON or, where it is none, as text; header names are in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success


@dataclass(frozen=True, slots=True)
class Result:
    """What a server says of one document: its place among those sent, its score and the part that earned it."""

    index: int
    score: float
    passage: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A server's answer, understood: one result for each document, in any order."""

    results: Sequence[Result]
    usage: Usage = field(default_factory=Usage)


def rows(body: Any, key: str | None) -> list[Mapping[str, Any]]:
    """The list of results in a body: under `key`, or the body itself when that is `None`.

    Raises:
        InvalidResponse: It is not there.
    """
    found = body if key is None else body.get(key) if is_mapping(body) else None
    if not is_list(found) or not all(is_mapping(each) for each in found):
        what = "an array" if key is None else f"an array {key!r}"
        msg = f"the answer has not {what} of results but is {shown(body)}"
        raise InvalidResponse(msg)
    return found


def result(row: Mapping[str, Any], score: str, passage: tuple[int, int] | None = None) -> Result:
    """One row of results.

    Raises:
        InvalidResponse: It has no index, or no score.
    """
    index = row.get("index")
    if not isinstance(index, int) or isinstance(index, bool) or score not in row:
        msg = f"each result must have an index and a {score}, but one is {shown(row)}"
        raise InvalidResponse(msg)
    return Result(index, finite(row[score]), passage)


def complete(results: Sequence[Result], count: int) -> dict[int, Result]:
    """The results by index, if there is exactly one for each document that was sent.

    Raises:
        InvalidResponse: One is missing, comes twice, or is for a document that was not sent.
    """
    found: dict[int, Result] = {}
    for each in results:
        if not 0 <= each.index < count or each.index in found:
            fault = "twice" if each.index in found else f"for {count} documents"
            msg = f"the answer has index {each.index} {fault}: each must be in range and come once"
            raise InvalidResponse(msg)
        found[each.index] = each
    if len(found) != count:
        msg = f"the answer has {len(found)} results for {count} documents: there must be one for each"
        raise InvalidResponse(msg)
    return found


def amount(body: Any, *path: str) -> float:
    """A number somewhere in a body, such as what the vendor counted; 0 where there is none."""
    for key in path:
        body = body.get(key) if is_mapping(body) else None
    return body if isinstance(body, int | float) and not isinstance(body, bool) and body > 0 else 0


def refusal(answer: Answer, backend: str, hide: Callable[[str], str]) -> RerankError:
    """The error for an answer that is one, with the server's own message and its name for the request.

    Args:
        answer: The answer.
        backend: Who was asked, as users know it.
        hide: Blots out the key.
    """
    text = hide(_message(answer.body))
    request_id = next((answer.headers[name] for name in _REQUEST_IDS if name in answer.headers), None)
    what = f"{backend} answered {answer.status}: {text}" + (f" (request {request_id})" if request_id else "")
    if answer.status in _UNKNOWN_KEY:
        return AuthenticationError(f"{what}: check api_key, or the environment variable that it is read from")
    if answer.status in _WRONG_ADDRESS:
        return ConfigurationError(f"{what}: check base_url and model")
    kind = RateLimited if answer.status == 429 else StatusError  # noqa: PLR2004 - HTTP's "too many requests"
    wait = asked_to_wait(answer.headers)
    return kind(what, backend=backend, status=answer.status, request_id=request_id, retry_after=wait)


def _message(body: Any) -> str:
    """What a server says went wrong, wherever it says it."""
    if is_mapping(body):
        for key in ("message", "detail", "error", "errors"):
            if body.get(key):
                return _message(body[key])
    return shown(body)


def shown(body: Any) -> str:
    """A body as an error shows it: not too much of it."""
    text = body if isinstance(body, str) else repr(body)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)

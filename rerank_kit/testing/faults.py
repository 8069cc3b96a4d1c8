"""What can go wrong with a rerank API, as values to hand to `RerankServer.fail`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

Scores: TypeAlias = list[tuple[int, float]]
"""The results about to be sent: index and score, best first."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer a request wrongly, or late.

    Attributes:
        name: What to call it.
        delay: Seconds before the answer.
        status: Answer with this status instead.
        headers: Further headers.
        text: Send this body instead.
        sent: Cut the connection after so many bytes of the body; -1 before any answer.
        pause: Seconds between single bytes of the body.
        change: Makes other results of the right ones.
        edit: Makes another body of the right one.
    """

    name: str
    delay: float = 0.0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str | None = None
    sent: int | None = None
    pause: float = 0.0
    change: Callable[[Scores], Scores] | None = None
    edit: Callable[[str], str] | None = None

    def edited(self, body: str) -> str:
        """The body that is sent in place of the right one."""
        return body if self.edit is None else self.edit(body)


def check_fault(given: object) -> Fault:
    """What a server was told to do, if it is a fault.

    Raises:
        ConfigurationError: It is none. The error shows the right way.
    """
    if isinstance(given, Fault):
        return given
    if callable(given):
        name = getattr(given, "__name__", "fault")
        msg = f"fault must be a Fault, not the function {name}: call it, as in server.fail(too_many_requests()), "
        msg += "server.fail(slow(5))"
        raise ConfigurationError(msg)
    number = str(given) if str(given).isdecimal() else "429"
    msg = f"fault must be a Fault, not {quoted(given)}: for an answer of {number} it is server.fail(status({number})), "
    msg += "with status from rerank_kit.testing"
    raise ConfigurationError(msg)


def slow(seconds: float) -> Fault:
    """Answer rightly, but only after so many seconds."""
    return Fault("slow", delay=seconds)


def dripping(seconds: float) -> Fault:
    """Answer rightly, byte by byte, with so many seconds between two."""
    return Fault("dripping", pause=seconds)


def status(code: int, *, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer with an error status, in the words that the format uses for it."""
    return Fault(f"status {code}", status=code, headers={} if headers is None else headers)


def too_many_requests(*, retry_after: str | None = None) -> Fault:
    """Answer 429, with what `Retry-After` is to say: seconds, or a date."""
    return status(429, headers={} if retry_after is None else {"Retry-After": retry_after})


def cut_connection(*, sent: int = -1) -> Fault:
    """Cut the connection: before any answer, or after so many bytes of the body."""
    return Fault("cut connection", sent=sent)


def invalid_json() -> Fault:
    """Answer 200 with something that is no JSON, as a proxy's error page does."""
    return Fault("invalid JSON", text="<html>upstream failed</html>")


def wrong_shape() -> Fault:
    """Answer 200 with JSON that holds no results."""
    return Fault("wrong shape", text='{"fine": true}')


def wrong_count() -> Fault:
    """Leave out the last result."""
    return Fault("wrong count", change=lambda results: results[:-1])


def duplicate_index() -> Fault:
    """Give the first result twice, in place of the last."""
    return Fault("duplicate index", change=lambda results: [*results[:-1], results[0]])


def index_out_of_range() -> Fault:
    """Give a result for a document that was not sent."""
    return Fault("index out of range", change=lambda results: [*results[:-1], (len(results) + 7, 0.5)])


def unsorted() -> Fault:
    """Answer rightly, worst first."""
    return Fault("unsorted", change=lambda results: results[::-1])


def constant_scores(score: float = 0.5) -> Fault:
    """Give every document the same score, as a model does that was served without its template."""
    return Fault("constant scores", change=lambda results: [(index, score) for index, _ in results])


def not_a_number() -> Fault:
    """Give NaN as a score."""
    return Fault("not a number", change=lambda results: [(index, float("nan")) for index, _ in results])


# Answers that are JSON, or nearly, and hold what no answer should.


def odd_score(value: str) -> Fault:
    """Give that as every score, as it stands in JSON: `'"0.5"'`, `"true"`, or a number of any length."""
    return Fault("odd score", edit=lambda text: re.sub(r'(score": )[-+.\de]+', rf"\g<1>{value}", text))


def odd_usage(value: str = "1e999") -> Fault:
    """Give that as every count of tokens and units, as it stands in JSON."""
    return Fault("odd usage", edit=lambda text: re.sub(r'((?:tokens|units)": )\d+', rf"\g<1>{value}", text))


def deeply_nested(levels: int = 200_000) -> Fault:
    """Answer with lists in lists, so deep that Python does not read them."""
    return Fault("deeply nested", text="[" * levels + "]" * levels)


def odd_charset(name: str = "klingon") -> Fault:
    """Answer rightly, under a charset that there is not, or that it is not in."""
    return Fault("odd charset", headers={"Content-Type": f"application/json; charset={name}"})


def byte_order_mark() -> Fault:
    """Answer rightly, behind a mark that only text files begin with."""
    return Fault("byte order mark", edit=lambda text: f"\ufeff{text}")

"""When to try again, and how long to wait before: full jitter, and what the server asks for."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rerank_kit.arguments import named
from rerank_kit.checks import check_seconds, is_number
from rerank_kit.errors import ConnectionFailed, StatusError

_DOUBLINGS = 64
_AGAIN = frozenset({408, 409, 429})
_NOT_TAKEN = frozenset({429, 503, 529})  # 529 is Claude's "overloaded"
_UNIX = 1_000_000_000.0  # seconds: a greater number is a moment, not a span of time
_LONGEST_HEADER = 100  # characters
_YEAR = 365 * 86400.0  # seconds
_MILLISECONDS = "retry-after-ms"
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_SIZES = (86400.0, 3600.0, 60.0, 1.0, 0.001)  # seconds
_DURATION = re.compile("".join(rf"(?:([0-9]+(?:\.[0-9]*)?)\s*{unit}\s*)?" for unit in ("d", "h", "m(?!s)", "s", "ms")))
_RESETS = ("x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


@named
@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a request is repeated.

    The wait is drawn evenly from 0 to a bound that doubles each time ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients that failed together
    do not come back together. If the server says how long to wait, that much is added.

    Attributes:
        first: Seconds: the bound of the first wait.
        longest: Seconds: the most that is ever waited. A server that asks for more gets no repetition.
        draw: Draws a number evenly from between two.
    """

    first: float = 0.5
    longest: float = 60.0
    draw: Callable[[float, float], float] = random.uniform

    def __post_init__(self) -> None:
        """Refuse what is no time; none at all is one.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        for name in ("first", "longest"):
            value: float = getattr(self, name)
            if not (is_number(value) and value == 0):
                object.__setattr__(self, name, check_seconds(name, value))

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds before the next try, after `attempt` failed ones from 0 on; `None` if it is not worth waiting."""
        jitter = self.draw(0.0, min(self.longest, self.first * 2.0 ** min(attempt, _DOUBLINGS)))
        if asked is None:
            return jitter
        return None if asked > self.longest else min(asked + min(jitter, self.first), self.longest)


def worth_repeating(error: Exception, *, once: bool = False) -> bool:
    """Whether the same request may succeed later: no answer, 408, 409, 429 and 5xx.

    Args:
        error: What became of it.
        once: Whether it must not be done twice. Then only 429, 503 and 529 count, which say that it was not done.
    """
    if once:
        return isinstance(error, StatusError) and error.status in _NOT_TAKEN
    if isinstance(error, StatusError):
        return error.status in _AGAIN or error.status >= 500  # noqa: PLR2004 - HTTP's server errors
    return isinstance(error, ConnectionFailed)


def asked_to_wait(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds for which the server asks to be left alone, in whatever form; `None` if it does not, or in no known one.

    Understood are `retry-after-ms`, `retry-after` and the headers that name the reset of a limit. They may hold a span:
    seconds, or a duration such as `6m0s`; or a moment: a date of HTTP or of ISO 8601, or a Unix time in seconds,
    milliseconds, microseconds or nanoseconds. It is never less than 0 nor more than a year.

    Args:
        headers: The answer's headers, with names in lower case.
        now: The current Unix time.
    """
    for name in (_MILLISECONDS, "retry-after", *_RESETS):
        seconds = _seconds(headers.get(name, "").strip(), 0.001 if name == _MILLISECONDS else 1.0, now)
        if seconds is not None:
            return min(max(0.0, seconds), _YEAR)
    return None


def _seconds(text: str, unit: float, now: Callable[[], float]) -> float | None:
    """What a header says, in seconds; a plain number in it is so many times the unit."""
    if not 0 < len(text) <= _LONGEST_HEADER:
        return None
    if _NUMBER.fullmatch(text) is not None:
        number = float(text) * unit
        return number if number <= _UNIX else _unix(number) - now()
    duration = _DURATION.fullmatch(text)
    if duration is not None:
        return sum(float(each) * size for each, size in zip(duration.groups(default=0), _SIZES, strict=True))
    moment = _date(text)
    return None if moment is None else moment - now()


def _unix(number: float) -> float:
    """A Unix time in seconds, whatever fraction of a second it is counted in."""
    for _ in range(3):
        if number > _UNIX * 100:  # after the year 5000
            number /= 1000
    return number


def _date(text: str) -> float | None:
    """The Unix time of a date in any of HTTP's three forms or in that of ISO 8601; `None` if it is none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            # HTTP's dates are UTC, also where they do not say so: https://www.rfc-editor.org/rfc/rfc9110#http.date
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None

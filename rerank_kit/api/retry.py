"""When to try again, and how long to wait before: full jitter, and what the server asks for."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from rerank_kit.errors import ConnectionFailed, StatusError

_AGAIN = frozenset({408, 409, 429})
_UNIX = 1_000_000_000.0  # seconds: a greater number is a moment, not a span of time
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_RESETS = ("x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


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

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds before the next try, after `attempt` failed ones from 0 on; `None` if it is not worth waiting."""
        jitter = self.draw(0.0, min(self.longest, self.first * 2.0**attempt))
        if asked is None:
            return jitter
        return None if asked > self.longest else min(asked + min(jitter, self.first), self.longest)


def worth_repeating(error: Exception) -> bool:
    """Whether the same request may succeed later: no answer, 408, 409, 429 and 5xx."""
    if isinstance(error, StatusError):
        return error.status in _AGAIN or error.status >= 500  # noqa: PLR2004 - HTTP's server errors
    return isinstance(error, ConnectionFailed)


def asked_to_wait(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds for which the server asks to be left alone, in whatever form; `None` if it does not.

    Understood are `retry-after-ms`, `retry-after` (seconds or a date) and the headers that name the reset of a
    limit (seconds, a Unix time, or a duration such as `6m0s`).

    Args:
        headers: The answer's headers, with names in lower case.
        now: The current Unix time.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    for name in ("retry-after", *_RESETS):
        seconds = _seconds(headers.get(name), now)
        if seconds is not None:
            return seconds
    return None


def _seconds(text: str | None, now: Callable[[], float]) -> float | None:
    if text is None or not text.strip():
        return None
    number = _number(text)
    if number is not None:
        return max(0.0, number - now()) if number > _UNIX else number
    match = _DURATION.fullmatch(text.strip())
    if match is not None:
        hours, minutes, seconds, milliseconds = (float(each or 0) for each in match.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now())
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    """A number of 0 or more, as headers give it."""
    if text is None or re.fullmatch(r"\s*\d+(\.\d+)?\s*", text) is None:
        return None
    return float(text)

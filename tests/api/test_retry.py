"""When a request is repeated, and how long to wait before."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, ConnectionFailed, InvalidResponse, RateLimited, StatusError
from rerank_kit.api.retry import asked_to_wait, worth_repeating
from rerank_kit.managed import Backoff

NOW = 1_800_000_000.0
YEAR = 365 * 86400.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"x-ratelimit-reset": str(int(NOW) + 12)}, 12.0),
        ({"x-ratelimit-reset": str(int(NOW) - 12)}, 0.0),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"ratelimit-reset": "3"}, 3.0),
        ({"x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-1"}, None),
        *(({"x-ratelimit-reset": str(int((NOW + 12) * unit))}, 12.0) for unit in (10**3, 10**6, 10**9)),
        *(({"retry-after": str(int((NOW - 12) * unit))}, 0.0) for unit in (10**3, 10**6, 10**9)),
        ({"retry-after-ms": str(int((NOW + 12) * 1000))}, 12.0),
        ({"retry-after": "Friday, 15-Jan-27 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri Jan 15 08:00:30 2027"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 -0000"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 09:00:30 +0100"}, 30.0),
        ({"x-ratelimit-reset": "2027-01-15T08:00:30Z"}, 30.0),
        ({"x-ratelimit-reset": "2027-01-15T08:00:30.5+00:00"}, 30.5),
        ({"x-ratelimit-reset": "2027-01-15 08:00:30"}, 30.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "1m 30s"}, 90.0),
        ({"retry-after": "1.5h"}, 5400.0),
        ({"retry-after": "1d2h"}, 93600.0),
        ({"retry-after": "12."}, 12.0),
        ({"retry-after": "999999999"}, YEAR),
        ({"retry-after": "9" * 99}, YEAR),
        ({"retry-after": "9" * 98 + "h"}, YEAR),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, YEAR),
        ({"retry-after": "9999-12-31T23:59:59Z"}, YEAR),
        ({"retry-after": "0001-01-01T00:00:00Z"}, 0.0),
        *(
            ({"retry-after": odd, "x-ratelimit-reset": "5"}, 5.0)
            for odd in (
                *(
                    "1.2.3s",
                    "1..s",
                    "nan",
                    "inf",
                    "-inf",
                    "1e400",
                    "1e3",
                    "-5s",
                    "+5",
                    "5,5",
                    "5;w=60",
                    "0x10",
                    "٣",
                    "²",
                ),
                *(
                    "9" * 5000,
                    "1m" * 3000,
                    "Fri, 15 Jan 99999999999999999999 08:00:30 GMT",
                    "Fri, 32 Jan 2027 8:0:0 GMT",
                ),
                *("9999-99-99", "T", ",", "Fri,", "\x00", "s", "ms", "."),
            )
        ),
        ({}, None),
    ],
)
def test_what_a_server_asks_for_is_understood_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(headers, now=lambda: NOW) == (None if seconds is None else pytest.approx(seconds))


NAMES = ["retry-after-ms", "retry-after", "x-ratelimit-reset", "ratelimit-reset", "x-ratelimit-reset-tokens"]
PIECES = st.sampled_from(
    ["1", "9" * 30, ".", "e", "-", "+", "h", "m", "s", "ms", "d", ":", "T", "Z", " ", ",", "inf", "Jan", "GMT"]
)


@given(headers=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20) | st.lists(PIECES).map("".join)))
def test_whatever_a_server_says_the_wait_is_between_nothing_and_a_year(headers: dict[str, str]) -> None:
    seconds = asked_to_wait(headers, now=lambda: NOW)
    assert seconds is None or 0 <= seconds <= YEAR


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionFailed("no answer"), True),
        (InvalidResponse("nonsense"), False),
        (ValueError("mine"), False),
        *((StatusError("failed", status=status), True) for status in (408, 409, 500, 502, 503, 504, 529)),
        *((StatusError("failed", status=status), False) for status in (400, 402, 413, 422, 499)),
        (RateLimited("slow down", status=429), True),
    ],
)
def test_only_what_may_pass_by_itself_is_repeated(error: Exception, again: bool) -> None:
    assert worth_repeating(error) is again


def test_the_wait_is_drawn_from_a_bound_that_doubles_up_to_a_longest() -> None:
    asked: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    backoff = Backoff(first=1.0, longest=5.0, draw=draw)
    assert [backoff.wait(attempt, None) for attempt in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert asked == [(0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 5.0)]


def test_a_server_that_asks_to_wait_gets_that_and_a_little_more() -> None:
    backoff = Backoff(first=1.0, longest=60.0, draw=lambda low, high: high)
    assert backoff.wait(5, 10.0) == 11.0
    assert backoff.wait(0, 59.5) == 60.0


def test_a_wait_is_bounded_however_often_it_was_doubled() -> None:
    assert Backoff(draw=lambda low, high: high).wait(10**6, None) == 60.0
    assert Backoff(first=1e308, longest=1e308, draw=lambda low, high: high).wait(5, None) == 1_000_000.0
    assert Backoff(first=0, longest=0).wait(3, None) == 0.0


@pytest.mark.parametrize("name", ["first", "longest"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 10**400, True, "1", None])
def test_a_backoff_of_what_is_no_time_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be a number of seconds"):
        Backoff(**{name: value})


def test_a_server_that_asks_for_too_long_gets_no_repetition() -> None:
    assert Backoff(longest=60.0).wait(0, 60.1) is None

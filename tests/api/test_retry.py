"""When a request is repeated, and how long to wait before."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from rerank_kit import ConnectionFailed, InvalidResponse, RateLimited, StatusError
from rerank_kit.api.retry import asked_to_wait, worth_repeating
from rerank_kit.managed import Backoff

NOW = 1_800_000_000.0


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
        ({}, None),
    ],
)
def test_what_a_server_asks_for_is_understood_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(headers, now=lambda: NOW) == (None if seconds is None else pytest.approx(seconds))


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


def test_a_server_that_asks_for_too_long_gets_no_repetition() -> None:
    assert Backoff(longest=60.0).wait(0, 60.1) is None

"""No minute sees more requests or tokens than allowed, whoever sends them."""

from __future__ import annotations

import copy
import pickle
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, DeadlineExceeded, RateLimited
from rerank_kit.managed import RateLimit
from rerank_kit.testing import RerankServer, status
from tests.apis import DOCUMENTS, QUERY, Make
from tests.conftest import Colour


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_requests_beyond_the_limit_wait_for_the_oldest_to_be_a_minute_old() -> None:
    clock = Clock()
    limit = RateLimit(requests_per_minute=2, clock=clock)
    assert [limit.reserve(0) for _ in range(2)] == [0.0, 0.0]
    clock.now += 10
    assert [limit.reserve(0) for _ in range(3)] == [50.0, 50.0, 110.0]
    clock.now += 200
    assert limit.reserve(0) == 0.0


def test_tokens_beyond_the_limit_wait_too() -> None:
    clock = Clock()
    limit = RateLimit(tokens_per_minute=100, clock=clock)
    assert limit.reserve(60) == 0.0
    clock.now += 5
    assert limit.reserve(50) == 55.0
    assert limit.reserve(50) == 55.0


def test_a_request_with_more_tokens_than_the_limit_goes_alone() -> None:
    limit = RateLimit(tokens_per_minute=100, clock=Clock())
    assert limit.reserve(500) == 0.0
    assert limit.reserve(1) == 60.0


def test_who_cannot_wait_takes_no_place() -> None:
    limit = RateLimit(requests_per_minute=1, clock=Clock())
    assert limit.reserve(0) == 0.0
    assert limit.reserve(0, within=59.0) is None
    assert limit.reserve(0, within=60.0) == 60.0


@given(steps=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 50)), max_size=40))
def test_no_sixty_seconds_see_more_than_allowed(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    limit = RateLimit(requests_per_minute=3, tokens_per_minute=100, clock=clock)
    sent: list[tuple[float, int]] = []
    for pause, tokens in steps:
        clock.now += pause
        wait = limit.reserve(tokens)
        assert wait is not None
        sent.append((clock.now + wait, tokens))
    for start, _ in sent:
        window = [tokens for at, tokens in sent if start <= at < start + 59.999]
        assert len(window) <= 3
        assert sum(window) <= 100


@pytest.mark.parametrize(
    ("headers", "refused", "wait"),
    [
        ({"retry-after": "5"}, True, 5.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "7s"}, False, 7.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7s"}, False, 7.0),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "7"}, False, 0.0),
        ({"x-ratelimit-remaining": "0"}, False, 0.0),
        ({}, True, 0.0),
        ({"x-ratelimit-remaining": "-3", "x-ratelimit-reset": "7"}, False, 7.0),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "7"}, False, 7.0),
        ({"x-ratelimit-remaining": "soon", "x-ratelimit-reset": "7"}, False, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1.2.3s"}, False, 0.0),
        ({"retry-after": "157680000"}, True, 600.0),
        ({"retry-after": "9" * 50}, True, 600.0),
        ({"retry-after": "-5"}, True, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, True, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999999999999"}, False, 600.0),
    ],
)
def test_it_learns_from_answers(headers: dict[str, str], refused: bool, wait: float) -> None:
    limit = RateLimit(clock=Clock())
    limit.learn(headers, refused=refused)
    assert limit.reserve(1) == wait


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_reset_as_a_moment_is_read_in_whatever_unit_it_is_counted(unit: int) -> None:
    limit = RateLimit(clock=Clock())
    limit.learn({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int((time.time() + 30) * unit))}, refused=False)
    wait = limit.reserve(1)
    assert wait is not None
    assert 0 < wait <= 30


@given(said=st.text(max_size=30) | st.integers().map(str) | st.floats().map(str))
def test_no_answer_holds_everything_back_for_longer_than_is_said(said: str) -> None:
    limit = RateLimit(longest=20, clock=Clock())
    for name in ("retry-after-ms", "retry-after", "x-ratelimit-reset", "x-ratelimit-reset-tokens"):
        limit.learn({"x-ratelimit-remaining-requests": "0", name: said}, refused=False)
    assert limit.reserve(1, within=20) is not None


def test_a_limit_without_numbers_holds_nothing_back() -> None:
    limit = RateLimit(clock=Clock())
    assert [limit.reserve(10**9) for _ in range(5)] == [0.0] * 5


@pytest.mark.parametrize(
    "arguments", [{"requests_per_minute": 0}, {"tokens_per_minute": -1}, {"longest": 0}, {"longest": 10**400}]
)
def test_a_limit_of_nothing_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        RateLimit(**arguments)


def test_copies_share_a_limit_and_pickles_start_anew() -> None:
    limit = RateLimit(requests_per_minute=1, tokens_per_minute=9)
    assert copy.deepcopy(limit) is limit
    assert pickle.loads(pickle.dumps(RateLimit(longest=7))).longest == 7
    assert repr(pickle.loads(pickle.dumps(limit))) == "RateLimit(requests_per_minute=1, tokens_per_minute=9)"


def test_a_request_that_the_limit_holds_beyond_the_deadline_is_not_sent(
    server: RerankServer, make: Make, colour: Colour
) -> None:
    reranker = make(server, rate_limit=RateLimit(requests_per_minute=1))
    assert len(colour(reranker, "rerank", QUERY, DOCUMENTS, timeout=30)) == len(DOCUMENTS)
    with pytest.raises(DeadlineExceeded, match="lets no request pass"):
        colour(reranker, "rerank", QUERY, DOCUMENTS, timeout=30)
    assert len(server.received) == 1


def test_a_refusal_holds_back_all_that_share_the_limit(server: RerankServer, make: Make, colour: Colour) -> None:
    limit = RateLimit()
    server.fail(status(429, headers={"retry-after": "30"}))
    with pytest.raises(RateLimited):
        colour(make(server, rate_limit=limit, max_retries=0), "rerank", QUERY, DOCUMENTS)
    with pytest.raises(DeadlineExceeded, match="lets no request pass"):
        colour(make(server, rate_limit=limit), "rerank", QUERY, DOCUMENTS, timeout=20)
    assert len(server.received) == 1


def test_tokens_are_counted_before_sending(server: RerankServer, make: Make, colour: Colour) -> None:
    limit = RateLimit(tokens_per_minute=1000)
    colour(make(server, rate_limit=limit, count_tokens=lambda text: 10), "rerank", QUERY, DOCUMENTS)
    assert limit.reserve(1000 - 2 * 10 * len(DOCUMENTS)) == 0.0
    wait = limit.reserve(1)
    assert wait is not None
    assert wait > 0

"""Every class, every fault, every colour: the promised outcome, no request too many, nothing left behind."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from rerank_kit import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidResponse,
    Ranking,
    RateLimited,
    RerankError,
    StatusError,
)
from rerank_kit.testing import (
    Fault,
    RerankServer,
    byte_order_mark,
    constant_scores,
    cut_connection,
    deeply_nested,
    dripping,
    duplicate_index,
    index_out_of_range,
    invalid_json,
    not_a_number,
    odd_charset,
    odd_score,
    odd_usage,
    slow,
    status,
    too_many_requests,
    unsorted,
    wrong_count,
    wrong_shape,
)
from tests.apis import DOCUMENTS, ORDER, QUERY, Make
from tests.conftest import Colour, tasks_left_by_cancelling


def reset(moment: int) -> Fault:
    """A refusal until a moment."""
    return status(429, headers={"X-RateLimit-Reset": str(moment)})


@dataclass(frozen=True)
class Case:
    """What happens when the server fails that often: how many requests it gets, and what the caller gets."""

    fault: Fault
    times: int | None
    requests: int
    error: type[RerankError] | None = None


AGAIN = {
    "no answer at first": Case(cut_connection(), 1, 2),
    "half an answer at first": Case(cut_connection(sent=9), 1, 2),
    "408 at first": Case(status(408), 1, 2),
    "409 at first": Case(status(409), 1, 2),
    "429 at first": Case(too_many_requests(), 1, 2),
    "429 with seconds at first": Case(too_many_requests(retry_after="0"), 1, 2),
    "429 with a date at first": Case(too_many_requests(retry_after=formatdate(0, usegmt=True)), 1, 2),
    "500 twice": Case(status(500), 2, 3),
    "503 twice": Case(status(503), 2, 3),
    "529 twice": Case(status(529), 2, 3),
    "429 with no time at all at first": Case(too_many_requests(retry_after="1.2.3s"), 1, 2),
    "429 with a moment in milliseconds at first": Case(reset(int(time.time() * 1000) - 1), 1, 2),
}
LOST = {
    "no answer ever": Case(cut_connection(), None, 3, ConnectionFailed),
    "half an answer every time": Case(cut_connection(sent=9), None, 3, ConnectionFailed),
    "429 every time": Case(too_many_requests(retry_after="0"), None, 3, RateLimited),
    "429 for an hour": Case(too_many_requests(retry_after="3600"), None, 1, RateLimited),
    "429 for years": Case(too_many_requests(retry_after="157680000"), None, 1, RateLimited),
    "429 until a moment in microseconds": Case(reset(int(time.time() * 1e6) + 10**10), None, 1, RateLimited),
    "500 every time": Case(status(500), None, 3, StatusError),
    "529 every time": Case(status(529), None, 3, StatusError),
}
FINAL = {
    "400": Case(status(400), None, 1, StatusError),
    "401": Case(status(401), None, 1, AuthenticationError),
    "402": Case(status(402), None, 1, StatusError),
    "403": Case(status(403), None, 1, AuthenticationError),
    "404": Case(status(404), None, 1, ConfigurationError),
    "405": Case(status(405), None, 1, ConfigurationError),
    "501": Case(status(501), None, 1, ConfigurationError),
    "413": Case(status(413), None, 1, StatusError),
    "422": Case(status(422), None, 1, StatusError),
    "invalid JSON": Case(invalid_json(), None, 1, InvalidResponse),
    "wrong shape": Case(wrong_shape(), None, 1, InvalidResponse),
    "wrong count": Case(wrong_count(), None, 1, InvalidResponse),
    "duplicate index": Case(duplicate_index(), None, 1, InvalidResponse),
    "index out of range": Case(index_out_of_range(), None, 1, InvalidResponse),
    "not a number": Case(not_a_number(), None, 1, InvalidResponse),
    "400 digits": Case(odd_score("9" * 400), None, 1, InvalidResponse),
    "5,000 digits": Case(odd_score("9" * 5000), None, 1, InvalidResponse),
    "a score in quotes": Case(odd_score('"0.5"'), None, 1, InvalidResponse),
    "a score that is true": Case(odd_score("true"), None, 1, InvalidResponse),
    "deeply nested": Case(deeply_nested(), None, 1, InvalidResponse),
}
HARMLESS = {
    "unsorted": Case(unsorted(), None, 1),
    "constant scores": Case(constant_scores(), None, 1),
    "a little slow": Case(slow(0.02), None, 1),
    "usage beyond all numbers": Case(odd_usage(), None, 1),
    "usage below nothing": Case(odd_usage("-5"), None, 1),
    "a charset that there is not": Case(odd_charset(), None, 1),
    "a charset that is none for text": Case(odd_charset("hex"), None, 1),
    "a byte order mark": Case(byte_order_mark(), None, 1),
}
CASES = AGAIN | LOST | FINAL | HARMLESS


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_fault_has_its_outcome(server: RerankServer, make: Make, case: Case, colour: Colour) -> None:
    server.fail(case.fault, times=case.times)
    reranker = make(server)
    if case.error is None:
        ranking: Ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
        assert sorted(hit.index for hit in ranking) == list(range(len(DOCUMENTS)))
        if case.fault.name != "constant scores":
            assert [hit.index for hit in ranking] == ORDER
        assert (ranking.usage.requests, ranking.usage.retries) == (case.requests, case.requests - 1)
    else:
        with pytest.raises(case.error) as caught:
            colour(reranker, "rerank", QUERY, DOCUMENTS)
        assert type(caught.value) is case.error
    assert len(server.received) == case.requests


def test_what_cannot_be_meant_is_neither_counted_nor_priced(server: RerankServer, make: Make, colour: Colour) -> None:
    server.fail(odd_usage(), times=None)
    ranking = colour(make(server), "rerank", QUERY, DOCUMENTS)
    assert (ranking.usage.tokens, ranking.usage.units, ranking.cost) == (0, 0, None)


def test_an_address_that_the_server_does_not_know_is_named(server: RerankServer, make: Make, colour: Colour) -> None:
    for code in (404, 405, 501):
        server.fail(status(code))
        with pytest.raises(ConfigurationError, match=rf"{code}.* at http://127\.0\.0\.1:\d+/\w+(/v\d)?/rerank: check"):
            colour(make(server), "rerank", QUERY, DOCUMENTS)


@pytest.mark.parametrize("fault", [slow(60), dripping(0.05)], ids=["slow", "dripping"])
def test_a_deadline_ends_a_request_that_takes_too_long(
    server: RerankServer, make: Make, fault: Fault, colour: Colour
) -> None:
    server.fail(fault, times=None)
    with pytest.raises(DeadlineExceeded, match="raise timeout="):
        colour(make(server), "rerank", QUERY, DOCUMENTS, timeout=0.1)
    server.closing.set()


def test_a_request_that_takes_too_long_is_repeated_while_there_is_time(
    server: RerankServer, make: Make, colour: Colour
) -> None:
    server.fail(slow(60))
    ranking = colour(make(server, timeout=0.1), "rerank", QUERY, DOCUMENTS, timeout=60)
    assert [hit.index for hit in ranking] == ORDER
    assert ranking.usage.retries == 1
    server.closing.set()


def test_no_pause_reaches_beyond_the_deadline(server: RerankServer, make: Make, colour: Colour) -> None:
    server.fail(too_many_requests(retry_after="30"), times=None)
    with pytest.raises(RateLimited) as caught:
        colour(make(server), "rerank", QUERY, DOCUMENTS, timeout=10)
    assert caught.value.retry_after == 30
    assert len(server.received) == 1


def test_errors_carry_the_vendors_words_status_and_request_id(server: RerankServer, make: Make, colour: Colour) -> None:
    server.fail(status(422), times=None)
    with pytest.raises(StatusError, match="the server was told to answer 422") as caught:
        colour(make(server), "rerank", QUERY, DOCUMENTS)
    assert (caught.value.status, caught.value.request_id) == (422, "request-1")
    assert caught.value.backend == type(make(server)).__name__


def test_nobody_listening_is_a_failed_connection(make: Make, colour: Colour) -> None:
    with RerankServer() as gone:
        reranker = make(gone, max_retries=0)
    with pytest.raises(ConnectionFailed, match=r"http://127\.0\.0\.1"):
        colour(reranker, "rerank", QUERY, DOCUMENTS)


def test_cancelling_ends_the_request_and_leaves_no_task(server: RerankServer, make: Make) -> None:
    server.fail(slow(60), times=None)

    left = tasks_left_by_cancelling(lambda: make(server).arerank(QUERY, DOCUMENTS), lambda: server.most_at_once > 0)
    assert left == 1
    server.closing.set()


def test_scores_survive_the_way_over_the_wire(server: RerankServer, make: Make, colour: Colour) -> None:
    ranking = colour(make(server), "rerank", "one two three", ["one", "one two", "one two three"])
    assert [hit.score for hit in ranking] == [1.0, pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert all(type(hit.score) is float and math.isfinite(hit.score) for hit in ranking)

"""A request ends in time, whatever its server does, and however slowly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from rerank_kit import ConnectionFailed, DeadlineExceeded, Document, Fallback, Ranking, Reranker, RerankError
from rerank_kit.flow import Flow
from rerank_kit.values import Deadline, Hit
from tests.api.clients import CLIENTS
from tests.api.dribbling import DRIBBLES, LONGEST, dribbling
from tests.conftest import Colour

Make = Callable[..., Any]


ALL: dict[str, Make] = {**CLIENTS, "Endpoint that asks": lambda url: CLIENTS["Endpoint"](url, format="auto")}


class InOrder(Reranker):
    """Answers at once, in the order given."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        return Ranking(tuple(Hit(place, 1 / (1 + place)) for place in range(len(documents))))


def failure(reranker: Any, colour: Colour) -> RerankError | None:
    try:
        colour(reranker, "rerank", "q", ["a"], timeout=0.25)
    except RerankError as error:
        return error
    return None


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_no_request_outlives_its_deadline(make: Make, colour: Colour) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(len(DRIBBLES)) as threads:
        started = time.monotonic()
        rerankers = {name: make(stack.enter_context(dribbling(each))) for name, each in DRIBBLES.items()}
        failures = {name: threads.submit(failure, each, colour) for name, each in rerankers.items()}
        kinds = {name: type(each.result()) for name, each in failures.items()}
        assert time.monotonic() - started < LONGEST
    assert kinds == dict.fromkeys(DRIBBLES, DeadlineExceeded)


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_the_timeout_of_a_class_bounds_the_whole_of_a_request(make: Make, colour: Colour) -> None:
    started = time.monotonic()
    with dribbling(DRIBBLES["bytes of a header"]) as url, pytest.raises(ConnectionFailed, match=r"within 0\.05 s"):
        colour(make(url, timeout=0.05), "rerank", "q", ["a"])
    assert time.monotonic() - started < LONGEST


@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_fallback_behind_a_server_that_dribbles_gets_its_turn(make: Make, colour: Colour) -> None:
    with dribbling(DRIBBLES["103 Early Hints"]) as url:
        ranking = colour(Fallback(make(url), InOrder(), timeout=0.05), "rerank", "q", ["a", "b"], timeout=30)
    assert [hit.index for hit in ranking] == [0, 1]
    assert ranking.degraded

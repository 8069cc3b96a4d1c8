"""A server of ours for each test, and the check that nothing of the test is left behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from rerank_kit.api.client import ApiClient
from rerank_kit.testing import RerankServer
from tests.apis import APIS, Make


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it becomes true; other threads may need a moment."""
    until, pause = time.monotonic() + seconds, 0.0005
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    return True


S = TypeVar("S", bound=RerankServer)
M = TypeVar("M", bound=ApiClient)


def left_as_found(start: Callable[[], S]) -> Iterator[S]:
    """A server. After the test no connection to it is open any more, and no thread is left."""
    before = set(threading.enumerate())

    def ours() -> set[threading.Thread]:
        return {each for each in set(threading.enumerate()) - before if "rerank" in each.name}

    with start() as running:
        among = ours()
        yield running
        if not eventually(lambda: running.connections == 0 and ours() == among, seconds=0.005):
            gc.collect()  # they end when what they belong to is forgotten, which an error that was raised may remember
        assert eventually(lambda: running.connections == 0)
    assert eventually(lambda: not ours())


def closed_after(make: Callable[..., M]) -> Iterator[Callable[..., M]]:
    """What makes clients, and closes them after the test."""
    made: list[M] = []

    def making(server: RerankServer, **options: Any) -> M:
        made.append(make(server, **options))
        return made[-1]

    yield making
    for each in made:
        each.close()


@pytest.fixture
def server() -> Iterator[RerankServer]:
    """A server of which nothing may be left."""
    yield from left_as_found(RerankServer)


@pytest.fixture(params=list(APIS.values()), ids=list(APIS))
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Every test that takes this runs with each class: `make(server, **options)`."""
    yield from closed_after(request.param)

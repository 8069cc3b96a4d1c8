"""A server of ours for each test, and the check that nothing of the test is left behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerank_kit.managed import ManagedReranker
from rerank_kit.testing import RerankServer
from tests.managed.apis import APIS, Make


def eventually(true: Callable[[], bool], tries: int = 500) -> bool:
    """Whether it becomes true; other threads may need a moment."""
    for _ in range(tries):
        if true():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def server() -> Iterator[RerankServer]:
    """A server. After the test no connection to it is open any more, and no thread is left."""
    before = set(threading.enumerate())
    with RerankServer() as running:
        yield running
        if not eventually(lambda: running.connections == 0, tries=3):
            gc.collect()  # rerankers close when they are forgotten, but an error that was raised may remember them
        assert eventually(lambda: running.connections == 0)
    assert eventually(lambda: not {each for each in set(threading.enumerate()) - before if "rerank" in each.name})


@pytest.fixture(params=list(APIS.values()), ids=list(APIS))
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Every test that takes this runs with each class: `make(server, **options)`."""
    made: list[ManagedReranker] = []

    def making(server: RerankServer, **options: Any) -> ManagedReranker:
        made.append(request.param(server, **options))
        return made[-1]

    yield making
    for each in made:
        each.close()

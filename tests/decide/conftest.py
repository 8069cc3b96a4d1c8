"""A server that answers typed questions, and every client that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from rerank_kit.decide import OpenAIDecisions, SystemOne
from rerank_kit.managed import Backoff
from rerank_kit.testing import DecisionServer
from tests.servers import closed_after, left_as_found

KEY = "planted-key-5f2c"

Client = SystemOne | OpenAIDecisions
MakeClient = Callable[..., Client]


def quick(options: dict[str, Any]) -> dict[str, Any]:
    """Options under which no test waits."""
    return {"backoff": Backoff(first=0.001), "api_key": KEY, **options}


def system_one(server: DecisionServer, **options: Any) -> SystemOne:
    return SystemOne(base_url=server.base_url("system_one"), **quick({"model": "jev-latest", **options}))


def openai(server: DecisionServer, **options: Any) -> OpenAIDecisions:
    return OpenAIDecisions(base_url=server.base_url("openai"), **quick(options))


@pytest.fixture
def server() -> Iterator[DecisionServer]:
    """A server of which nothing may be left."""
    yield from left_as_found(partial(DecisionServer, api_key=KEY))


@pytest.fixture(params=[system_one, openai], ids=["system_one", "openai"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Every test that takes this runs with each client: `make(server, **options)`."""
    yield from closed_after(request.param)

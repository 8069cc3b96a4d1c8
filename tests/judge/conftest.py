"""A server that speaks to judges, and every chat model that speaks to it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerank_kit.judge import Anthropic, OpenAICompatible
from rerank_kit.managed import Backoff
from rerank_kit.testing import ChatServer
from tests.managed.conftest import eventually

KEY = "planted-key-5f2c"

Chat = Anthropic | OpenAICompatible
MakeChat = Callable[..., Chat]


def quick(options: dict[str, Any]) -> dict[str, Any]:
    """Options under which no test waits."""
    return {"backoff": Backoff(first=0.001), "api_key": KEY, **options}


def anthropic(server: ChatServer, **options: Any) -> Anthropic:
    return Anthropic(base_url=server.base_url("anthropic"), **quick(options))


def openai(server: ChatServer, **options: Any) -> OpenAICompatible:
    return OpenAICompatible(server.base_url("openai"), **quick({"model": "local", **options}))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server. After the test no connection to it is open any more, and no thread is left."""
    before = set(threading.enumerate())
    with ChatServer(api_key=KEY) as running:
        yield running
        if not eventually(lambda: running.connections == 0, tries=3):
            gc.collect()  # clients close when they are forgotten, but an error that was raised may remember them
        assert eventually(lambda: running.connections == 0)
    assert eventually(lambda: not {each for each in set(threading.enumerate()) - before if "rerank" in each.name})


@pytest.fixture(params=[anthropic, openai], ids=["anthropic", "openai"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeChat]:
    """Every test that takes this runs with each chat model: `make(server, **options)`."""
    made: list[Chat] = []

    def making(server: ChatServer, **options: Any) -> Chat:
        made.append(request.param(server, **options))
        return made[-1]

    yield making
    for each in made:
        each.close()

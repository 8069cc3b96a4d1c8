"""A server that speaks to judges, and every chat model that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from rerank_kit.judge import Anthropic, OpenAICompatible
from rerank_kit.managed import Backoff
from rerank_kit.testing import ChatServer
from tests.servers import closed_after, left_as_found

KEY = "planted-key-5f2c"

Chat = Anthropic | OpenAICompatible
MakeChat = Callable[..., Chat]


def quick(options: dict[str, Any]) -> dict[str, Any]:
    """Options under which no test waits."""
    return {"backoff": Backoff(first=0.001), "api_key": KEY, **options}


def anthropic(server: ChatServer, **options: Any) -> Anthropic:
    pytest.importorskip("anthropic")
    return Anthropic(base_url=server.base_url("anthropic"), **quick(options))


def openai(server: ChatServer, **options: Any) -> OpenAICompatible:
    return OpenAICompatible(server.base_url("openai"), **quick({"model": "local", **options}))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server of which nothing may be left."""
    yield from left_as_found(partial(ChatServer, api_key=KEY))


@pytest.fixture(params=[anthropic, openai], ids=["anthropic", "openai"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeChat]:
    """Every test that takes this runs with each chat model: `make(server, **options)`."""
    yield from closed_after(request.param)

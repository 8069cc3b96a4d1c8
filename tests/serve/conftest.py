"""Apps that are really served, for the length of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from rerank_kit import Reranker
from rerank_kit.serve import rerank_app, running

Serving = Callable[..., httpx.Client]
"""Serves rerankers, and gives a client that knows the URL."""


@pytest.fixture
def serving() -> Iterator[Serving]:
    with ExitStack() as stack:

        def served(rerankers: Reranker | Mapping[str, Reranker], **settings: Any) -> httpx.Client:
            url = stack.enter_context(running(rerank_app(rerankers, **dict[str, Any]({"warm_up": False, **settings}))))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield served


def counts(client: httpx.Client) -> dict[str, float]:
    """What the app has counted, by name and labels."""
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("rerank_kit_serve_"): float(value) for name, value in pairs}

"""Stores of both kinds, and a file in which scores are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Cached, MemoryStore, SQLiteStore
from tests.cache.files import Telling
from tests.cache.test_cached import TEXTS


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield MemoryStore()
    else:
        with SQLiteStore(tmp_path / "scores.sqlite") as made:
            yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which three scores are."""
    with SQLiteStore(tmp_path / "scores") as store:
        Cached(Telling(), store).rerank("query", TEXTS)
    return tmp_path / "scores"

"""A file in which scores are."""

from __future__ import annotations

from pathlib import Path

import pytest

from rerank_kit import Cached, SQLiteStore
from tests.cache.files import Telling
from tests.cache.test_cached import TEXTS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which three scores are."""
    with SQLiteStore(tmp_path / "scores") as store:
        Cached(Telling(), store).rerank("query", TEXTS)
    return tmp_path / "scores"

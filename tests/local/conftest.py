"""A hub on this machine, for tests of what is fetched from one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.hub_client import point_at
from tests.local.hub_server import Hub, serving
from tests.local.tiny_models import bert_like


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    bert_like(tmp_path / "repo", config={"max_position_embeddings": 64})
    (tmp_path / "repo" / "pytorch_model.bin").write_bytes(b"a gigabyte that nobody needs")
    with serving(tmp_path / "repo") as hub:
        point_at(monkeypatch, hub.url, tmp_path / "cache")
        yield hub

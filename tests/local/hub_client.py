"""The real client of the hub, pointed at a hub on this machine and a cache of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from rerank_kit.local import OnnxCrossEncoder
from tests.local.hub_server import NAME
from tests.local.tiny_models import WORDS

NOWHERE = "http://127.0.0.1:9"
"""Where nothing listens."""


def point_at(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path, **settings: Any) -> None:
    """Set what the client reads from the environment when it is imported."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    values: dict[str, Any] = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(cache),
        "HF_TOKEN_PATH": str(cache / "token"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_ETAG_TIMEOUT": 0.5,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        **settings,
    }
    for name, value in values.items():
        monkeypatch.setattr(huggingface_hub.constants, name, value)


def scores(**options: Any) -> list[float]:
    """What the model on the hub gives every word."""
    return [hit.score for hit in OnnxCrossEncoder(NAME, **options).rerank("query", WORDS)]

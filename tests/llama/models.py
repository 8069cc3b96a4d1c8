"""Models for engines that a LlamaIndex user need not have: a test that asks for one is skipped without the engine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rerank_kit.local.model_files import EMBEDDED, embedded_folder


def flashrank_cache(folder: Path) -> str:
    """FlashRank's folder of models, with one in it: its weights are those of the embedded model."""
    pytest.importorskip("flashrank", reason="flashrank is not installed")
    shutil.copytree(embedded_folder(), folder / EMBEDDED)
    (folder / EMBEDDED / "model.onnx").rename(folder / EMBEDDED / "flashrank-MiniLM-L-12-v2_Q.onnx")
    (folder / EMBEDDED / "config.json").write_text(json.dumps({"pad_token_id": 0}), "utf-8")
    return str(folder)


def torch_folder(folder: Path) -> str:
    """A model that PyTorch loads."""
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from tests.local.tiny_torch_models import bert_like

    return str(bert_like(folder))

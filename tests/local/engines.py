"""Every engine on this machine, on tiny or embedded models, for tests of what holds of all of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.local import CrossEncoder, FlashRank, OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.model_files import EMBEDDED, embedded_folder
from tests.local import tiny_models

WINDOWED = ["onnx-bert", "onnx-xlm-r", "torch-bert", "torch-xlm-r", "torch-qwen"]
"""Engines that can look at windows of a long document."""

ALL = [*WINDOWED, "onnx-embedded", "flashrank"]


class Engines:
    """Loads an engine by its name, once for the same options; it has one thread and reads 64 tokens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, CrossEncoder] = {}

    def __call__(self, name: str, **options: Any) -> CrossEncoder:
        """Load it, or take the one that is loaded."""
        key = f"{name} {options!r}"
        if key not in self._loaded:
            self._loaded[key] = self._load(name, {"threads": 1, "max_length": 64, **options})
        return self._loaded[key]

    def _load(self, name: str, options: dict[str, Any]) -> CrossEncoder:
        kind, _, model = name.partition("-")
        folder = self._folder / name
        if kind == "torch":
            models: Any = pytest.importorskip("tests.local.tiny_torch_models")
            if not folder.exists():
                {"bert": models.bert_like, "xlm-r": models.xlmr_like, "qwen": models.qwen_like}[model](folder)
            return SentenceTransformersCrossEncoder(folder, device="cpu", **options)
        if kind == "flashrank":
            pytest.importorskip("flashrank")
            if not folder.exists():
                shutil.copytree(embedded_folder(), folder / EMBEDDED)
                (folder / EMBEDDED / "model.onnx").rename(folder / EMBEDDED / "flashrank-MiniLM-L-12-v2_Q.onnx")
                (folder / EMBEDDED / "config.json").write_text(json.dumps({"pad_token_id": 0}), "utf-8")
            return FlashRank(cache_dir=folder, **options)
        if model == "embedded":
            return OnnxCrossEncoder(**options)
        if not folder.exists():
            kinds = {
                "bert": tiny_models.bert_like,
                "xlm-r": tiny_models.xlmr_like,
                "byte-level": tiny_models.byte_level,
            }
            kinds[model](folder)
        return OnnxCrossEncoder(folder, **options)

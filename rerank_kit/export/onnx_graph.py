"""ONNX files: cleaned when they are written, and cut in two where they are too large for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rerank_kit.optional import optional

_LARGEST = 1 << 30  # bytes of weights: protobuf ends at 2 GiB


def load_graph(path: Path) -> Any:
    """Read a model, with the weights that lie beside it."""
    return optional("onnx", extra="export", why="exporting a model").load(path)


def save_graph(model: Any, path: Path, *, largest: int = _LARGEST) -> None:
    """Write a model without `value_info`, which keeps ONNX Runtime from some of its fusions where it is stale.

    Args:
        model: An `onnx.ModelProto`; its weights are gone from it afterwards when they go to a file of their own.
        path: Where to.
        largest: Bytes of weights above which they go to a file of their own, `model.onnx_data` beside `model.onnx`.
    """
    onnx = optional("onnx", extra="export", why="exporting a model")
    del model.graph.value_info[:]
    apart = sum(len(weight.raw_data) for weight in model.graph.initializer) > largest
    beside = path.with_name(f"{path.name}_data")
    beside.unlink(missing_ok=True)  # onnx would write behind what is there
    onnx.save_model(model, path, save_as_external_data=apart, location=beside.name)

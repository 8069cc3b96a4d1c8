"""Taking stale shapes out of an ONNX file, so that ONNX Runtime optimises all of the graph.

A graph may say what shape it expects between its nodes (`value_info`). Quantisers often leave what was true before
them, and where it no longer fits, ONNX Runtime does without some of its fusions. It infers the shapes anyway. So they
are cut out of the bytes while loading: a walk along the outermost fields of the file, which reads none of the weights.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from rerank_kit.local.protobuf import LENGTH, Field, fields, varint_bytes

_MODEL_GRAPH = 7  # field numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_GRAPH_VALUE_INFO = 13
_LARGEST = 1 << 30  # bytes: a larger model is left in its file, not held in memory twice


def without_value_info(path: Path) -> bytes | None:
    """The model without its `value_info`; `None` where the file can be loaded as it is.

    That is where there is none, where it is over 1 GiB, and where it is no ONNX file: ONNX Runtime says best what is
    wrong with it.

    A model with weights in other files must stay in its own: ONNX Runtime would look for them in the current folder,
    if it were given bytes.
    """
    if not 0 < path.stat().st_size < _LARGEST:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        try:
            graph = next((field for field in fields(model, 0, len(model)) if field.number == _MODEL_GRAPH), None)
            return None if graph is None else _cut(model, graph)
        except (ValueError, IndexError):
            return None


def _cut(model: mmap.mmap, graph: Field) -> bytes | None:
    kept: list[bytes] = []
    copied = graph.content
    for each in fields(model, graph.content, graph.end):
        if each.number == _GRAPH_VALUE_INFO:
            kept.append(model[copied : each.begin])
            copied = each.end
    if not kept:
        return None
    kept.append(model[copied : graph.end])
    length = varint_bytes(sum(map(len, kept)))
    return b"".join((model[: graph.begin], varint_bytes(_MODEL_GRAPH << 3 | LENGTH), length, *kept, model[graph.end :]))

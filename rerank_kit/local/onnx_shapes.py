"""Taking stale shapes out of an ONNX file, so that ONNX Runtime optimises all of the graph.

A graph may say what shape it expects between its nodes (`value_info`). Quantisers often leave what was true before
them, and where it no longer fits, ONNX Runtime does without some of its fusions. It infers the shapes anyway. So they
are cut out of the bytes while loading: a walk along the outermost fields of the file, by the protobuf wire format
(https://protobuf.dev/programming-guides/encoding), which reads none of the weights.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

_MODEL_GRAPH = 7  # field numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_GRAPH_VALUE_INFO = 13
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # wire types
_LARGEST = 1 << 30  # bytes: a larger model is left in its file, not held in memory twice

Field = tuple[int, int, int, int]
"""A field's number, where it begins, where its content begins, and where it ends."""


def without_value_info(path: Path) -> bytes | None:
    """The model without its `value_info`; `None` where the file can be loaded as it is.

    That is where there is none, where the weights are in files beside it, where it is over 1 GiB, and where it is no
    ONNX file: ONNX Runtime says best what is wrong with it.
    """
    beside = path.with_name(f"{path.name}_data"), path.with_name(f"{path.name}.data")
    if not 0 < path.stat().st_size < _LARGEST or any(each.exists() for each in beside):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        try:
            graph = next((field for field in _fields(model, 0, len(model)) if field[0] == _MODEL_GRAPH), None)
            return None if graph is None else _cut(model, graph)
        except (ValueError, IndexError):
            return None


def _cut(model: mmap.mmap, graph: Field) -> bytes | None:
    _, begin, content, end = graph
    kept: list[bytes] = []
    copied = content
    for number, start, _, stop in _fields(model, content, end):
        if number == _GRAPH_VALUE_INFO:
            kept.append(model[copied:start])
            copied = stop
    if not kept:
        return None
    kept.append(model[copied:end])
    length = _varint_bytes(sum(map(len, kept)))
    return b"".join((model[:begin], _varint_bytes(_MODEL_GRAPH << 3 | _LENGTH), length, *kept, model[end:]))


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[Field]:
    """The fields between two places.

    Raises:
        ValueError: This is not the protobuf wire format.
        IndexError: It breaks off.
    """
    while at < end:
        begin = at
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        content = at
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _LENGTH:
            length, content = _varint(data, at)
            at = content + length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(kind)
        if at > end:
            raise ValueError(at)
        yield number, begin, content, at


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A number in base 128, least significant digit first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at
        shift += 7


def _varint_bytes(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])

"""The files beside an ONNX file in which its weights are ("external data"), found from what the file says.

A tensor may name a file, relative to the folder of the ONNX file, that has its content
(https://github.com/onnx/onnx/blob/main/docs/ExternalData.md). The names are found by a walk along the fields of the
file, which reads none of the weights.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.protobuf import LENGTH, VARINT, Data, Field, fields, varint

INSIDE: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
"""Which messages have tensors in them, by field numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""

_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1  # of a TensorProto
_LOCATION = b"location"
_KEY, _VALUE = 1, 2  # of a StringStringEntryProto


def data_files(onnx: Path, model: str) -> list[Path]:
    """The files with the weights of an ONNX file, in the order in which it names them.

    Args:
        onnx: The file.
        model: What the user calls the model.

    Raises:
        ConfigurationError: One would be outside of the file's folder.
    """
    return [onnx.parent / each for each in _inside(locations(onnx), onnx, model)]


def locations(onnx: Path) -> list[str]:
    """The names of these files as they stand there, each once; none where it is no ONNX file."""
    return _read(onnx) or []  # of what cannot be read ONNX Runtime says best what is wrong with it


def is_self_contained(onnx: Path) -> bool:
    """Whether there are certainly none: ONNX Runtime may read what is not read here."""
    return _read(onnx) == []


def _read(onnx: Path) -> list[str] | None:
    if onnx.stat().st_size == 0:
        return None
    with onnx.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        try:
            return list(dict.fromkeys(_locations(model)))
        except (ValueError, IndexError):
            return None


def _inside(names: list[str], onnx: Path, model: str) -> list[str]:
    for name in names:
        kinds = PurePosixPath(name), PureWindowsPath(name)
        if not name or any(each.anchor or each.drive or _leaves(each.parts) for each in kinds):
            msg = (
                f"model={model!r}: the graph {onnx.name} has its weights in {name!r}, which is outside of its folder: "
                "put the file into the folder, and save the model with its name alone"
            )
            raise ConfigurationError(msg)
    return names


def _leaves(parts: tuple[str, ...]) -> bool:
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def _locations(model: Data) -> Iterator[str]:
    todo = [("ModelProto", 0, len(model))]
    while todo:  # no recursion: graphs may lie in graphs as deep as somebody likes. Of nodes there are thousands
        message, begin, end = todo.pop()
        found: list[tuple[str, int, int]] = []
        for each in fields(model, begin, end):
            inside = INSIDE[message].get(each.number) if each.kind == LENGTH else None
            if inside == "TensorProto":
                yield from _location(model, each)
            elif inside is not None and (inside != "NodeProto" or model.find(_LOCATION, each.content, each.end) >= 0):
                found.append((inside, each.content, each.end))
        todo += reversed(found)


def _location(model: Data, tensor: Field) -> Iterator[str]:
    """The file that a tensor names, if its content is in one."""
    external, names = False, list[str]()
    for each in fields(model, tensor.content, tensor.end):
        if each.number == _DATA_LOCATION and each.kind == VARINT:
            external = varint(model, each.content)[0] == _EXTERNAL
        elif each.number == _EXTERNAL_DATA and each.kind == LENGTH:
            entry = {part.number: part for part in fields(model, each.content, each.end) if part.kind == LENGTH}
            if _content(model, entry.get(_KEY)) == _LOCATION:
                names.append(_content(model, entry.get(_VALUE)).decode("utf-8", "surrogateescape"))
    if external:
        yield from names


def _content(model: Data, field: Field | None) -> bytes:
    return b"" if field is None else model[field.content : field.end]

"""Stale shapes are cut out of a model, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.onnx_shapes import without_value_info
from tests.local.tiny_models import bert_like


def with_value_info(path: Path) -> onnx.ModelProto:
    model = onnx.load(path)
    for name in ("mean", "mask"):
        model.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 999]))
    model.graph.doc_string = "what comes after the cut stays"
    model.producer_name = "a test"
    onnx.save(model, path)
    return model


def test_value_info_goes_and_all_else_stays(tmp_path: Path) -> None:
    path = bert_like(tmp_path).folder / "model.onnx"
    model = with_value_info(path)
    cleaned = without_value_info(path)
    assert cleaned is not None
    del model.graph.value_info[:]
    assert onnx.load_from_string(cleaned) == model


def test_the_embedded_model_has_some_and_is_else_the_same() -> None:
    path = embedded_folder() / "model.onnx"
    cleaned = without_value_info(path)
    assert cleaned is not None
    model = onnx.load(path)
    assert len(model.graph.value_info) > 1000
    del model.graph.value_info[:]
    assert onnx.load_from_string(cleaned) == model


def test_a_model_without_any_is_left_in_its_file(tmp_path: Path) -> None:
    assert without_value_info(bert_like(tmp_path).folder / "model.onnx") is None


def test_a_file_too_large_to_hold_twice_is_left_alone(tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as sparse:
        sparse.truncate(1 << 30)
    assert without_value_info(tmp_path / "model.onnx") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not what it should be",
        b"\x3a",  # breaks off after the key
        b"\x3a\x7f\x00",  # promises more than there is
        b"\x08\xff",  # breaks off inside a number
        b"\x3b",  # a wire type that nobody uses any more
        b"\x09" + bytes(8) + b"\x0d" + bytes(4),  # fields of fixed size, no graph
    ],
)
def test_what_is_no_onnx_file_is_left_to_onnx_runtime(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert without_value_info(path) is None

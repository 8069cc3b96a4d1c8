"""Products in int8 stay close to those in fp32, and no row has a say in another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rerank_kit.export.quantize import quantize

onnxruntime: Any = pytest.importorskip("onnxruntime")
LEVELS = ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"]
RANDOM = np.random.default_rng(5)
TABLE = RANDOM.normal(size=(50, 24)).astype(np.float32)
SQUARE = RANDOM.normal(size=(24, 24)).astype(np.float32)
HEAD = (RANDOM.normal(size=(24, 7)) * np.geomspace(0.01, 100, 7)).astype(np.float32)  # each output has its own scale
TABLE[0] = 0  # a word that says nothing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Words are looked up, taken through the same matrix twice and through another, and compared with each other."""
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Gather", ["table", "input_ids"], ["words"]),
            node("MatMul", ["words", "square"], ["once"]),
            node("MatMul", ["words", "head"], ["aside"]),
            node("MatMul", ["once", "square"], ["twice"]),
            node("MatMul", ["twice", "head"], ["product"]),
            node("Add", ["product", "bias"], ["logits"]),  # what ONNX Runtime likes to take into a product
            node("Transpose", ["twice"], ["turned"], perm=[0, 2, 1]),
            node("MatMul", ["twice", "turned"], ["alike"]),
            node("Gather", ["square", "rows"], ["kept"]),
        ],
        "words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("logits", "aside", "alike", "kept", "words")
        ],
        [
            numpy_helper.from_array(value, name)
            for name, value in {
                "table": TABLE,
                "square": SQUARE,
                "head": HEAD,
                "bias": HEAD[0],
                "rows": np.array([1, 2]),
            }.items()
        ],
        value_info=[helper.make_tensor_value_info("once", TensorProto.FLOAT, ["batch", 999, 24])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "fp32")
    quantize(tmp_path / "fp32", tmp_path / "int8")
    return tmp_path


def run(path: Path, ids: Any, output: str = "logits", level: str = "ORT_ENABLE_ALL") -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run([output], {"input_ids": np.asarray(ids, np.int64)})[0]


def test_each_output_is_close_on_its_own_scale(folder: Path) -> None:
    ids = RANDOM.integers(1, 50, (3, 11))
    expected, found = run(folder / "fp32", ids), run(folder / "int8", ids)
    error = abs(expected - found).max(axis=(0, 1)) / abs(expected).max(axis=(0, 1))
    assert error.max() < 0.05
    assert error.min() > 0  # else nothing was quantised


def test_a_row_is_the_same_bit_for_bit_whatever_its_neighbours(folder: Path) -> None:
    ids = RANDOM.integers(1, 50, (3, 11))
    together = run(folder / "int8", ids)
    for row, alone in enumerate(ids):
        assert (run(folder / "int8", [alone]) == together[row]).all()
    assert (run(folder / "int8", ids[:1, :4]) == together[:1, :4]).all()


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_of_optimisation_gives_the_same(folder: Path, level: str) -> None:
    ids = RANDOM.integers(1, 50, (3, 11))
    assert run(folder / "int8", ids, level=level) == pytest.approx(run(folder / "int8", ids, level=LEVELS[0]), rel=1e-5)


def test_no_cpu_can_overflow_16_bits_where_it_adds_two_products(folder: Path) -> None:
    graph = onnx.load(folder / "int8").graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    products = [weights[node.input[1]] for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(products) == 4
    assert all(2 * 255 * abs(each.astype(int)).max() < 2**15 for each in products)


def test_a_row_of_zeros_gives_zeros(folder: Path) -> None:
    assert (run(folder / "int8", [[0, 1]], "aside")[0, 0] == 0).all()
    assert (run(folder / "int8", [[0, 1]], "words")[0, 0] == 0).all()


def test_products_without_weights_and_other_look_ups_stay(folder: Path) -> None:
    ids = RANDOM.integers(1, 50, (2, 5))
    kinds = [node.op_type for node in onnx.load(folder / "int8").graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 4
    assert kinds.count("MatMul") == 1
    assert kinds.count("QuantizeLinear") == 3  # what enters two products is quantised once
    assert (run(folder / "int8", ids, "kept") == SQUARE[[1, 2]]).all()


def test_the_file_has_each_weight_once_and_no_value_info(folder: Path) -> None:
    graph = onnx.load(folder / "int8").graph
    weights = {each.name: each for each in graph.initializer}
    assert len(weights) == len(graph.initializer)
    assert weights.keys() >= {"square", "square/int8", "head/int8", "table/int8"}  # the first, as a look-up uses it
    assert weights.keys().isdisjoint({"head", "table"})
    assert {weights[f"{name}/int8"].data_type for name in ("square", "head", "table")} == {TensorProto.INT8}
    assert not graph.value_info

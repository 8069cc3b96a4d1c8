"""Models are written without stale shapes, and in two files when one would be too large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from rerank_kit.export.onnx_graph import load_graph, save_graph
from rerank_kit.local import OnnxCrossEncoder
from tests.local.test_onnx_shapes import with_value_info
from tests.local.tiny_models import WORDS, bert_like


def test_value_info_goes(tmp_path: Path) -> None:
    path = bert_like(tmp_path).folder / "model.onnx"
    with_value_info(path)
    save_graph(load_graph(path), path)
    assert not onnx.load(path).graph.value_info


def test_large_weights_go_to_a_file_beside_the_graph_and_are_found_there(tmp_path: Path) -> None:
    folder = bert_like(tmp_path).folder
    expected = OnnxCrossEncoder(folder).rerank("query", WORDS).hits
    model = load_graph(folder / "model.onnx")
    table = next(each for each in model.graph.initializer if each.name == "embeddings")
    rows = numpy_helper.to_array(table)
    table.CopyFrom(numpy_helper.from_array(np.vstack([rows, *[rows] * 99]), "embeddings"))
    save_graph(model, folder / "model.onnx", largest=1000)
    assert (folder / "model.onnx_data").stat().st_size >= 100 * rows.nbytes > (folder / "model.onnx").stat().st_size
    assert OnnxCrossEncoder(folder).rerank("query", WORDS).hits == expected
    save_graph(load_graph(folder / "model.onnx"), folder / "whole.onnx")
    assert (folder / "whole.onnx").stat().st_size > 100 * rows.nbytes
    assert OnnxCrossEncoder(folder, file="whole.onnx").rerank("query", WORDS).hits == expected

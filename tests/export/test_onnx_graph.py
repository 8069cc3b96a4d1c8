"""Models are written without stale shapes, and in two files when one would be too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from rerank_kit.export.onnx_graph import load_graph, save_graph
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.onnx_data import data_files
from tests.local.test_onnx_shapes import with_value_info
from tests.local.tiny_models import WORDS, bert_like, move_weights

SIZE = 100 * 14 * 8 * 4  # bytes: words and special tokens, 8 floats each


def large(folder: Path) -> Any:
    """A model whose table of embeddings is large enough for a file of its own; the rows in use are the same."""
    model = load_graph(folder / "model.onnx")
    table = next(each for each in model.graph.initializer if each.name == "embeddings")
    rows = numpy_helper.to_array(table)
    table.CopyFrom(numpy_helper.from_array(np.vstack([rows] * 100), "embeddings"))
    return model


def test_value_info_goes(tmp_path: Path) -> None:
    path = bert_like(tmp_path).folder / "model.onnx"
    with_value_info(path)
    save_graph(load_graph(path), path)
    assert not onnx.load(path).graph.value_info


def test_large_weights_go_to_a_file_beside_the_graph_and_are_found_there(tmp_path: Path) -> None:
    folder = bert_like(tmp_path).folder
    expected = OnnxCrossEncoder(folder).rerank("query", WORDS).hits
    save_graph(large(folder), folder / "model.onnx", largest=1000)
    assert (folder / "model.onnx_data").stat().st_size >= SIZE > (folder / "model.onnx").stat().st_size
    assert OnnxCrossEncoder(folder).rerank("query", WORDS).hits == expected
    save_graph(load_graph(folder / "model.onnx"), folder / "whole.onnx")
    assert (folder / "whole.onnx").stat().st_size > SIZE
    assert OnnxCrossEncoder(folder, file="whole.onnx").rerank("query", WORDS).hits == expected


def test_a_model_that_is_written_again_takes_no_more_space(tmp_path: Path) -> None:
    folder = bert_like(tmp_path).folder
    expected = OnnxCrossEncoder(folder).rerank("query", WORDS).hits
    save_graph(large(folder), folder / "model.onnx", largest=1000)
    sizes = {(folder / "model.onnx_data").stat().st_size}
    for _ in range(2):
        save_graph(load_graph(folder / "model.onnx"), folder / "model.onnx", largest=1000)
        sizes.add((folder / "model.onnx_data").stat().st_size)
    assert len(sizes) == 1
    assert OnnxCrossEncoder(folder).rerank("query", WORDS).hits == expected


def test_weights_under_any_name_are_read_before_they_are_written(tmp_path: Path) -> None:
    folder = bert_like(tmp_path).folder
    expected = OnnxCrossEncoder(folder).rerank("query", WORDS).hits
    move_weights(folder / "model.onnx", {"embeddings": "sub/one.bin", "head": "two.bin"})
    save_graph(load_graph(folder / "model.onnx"), folder / "whole.onnx")
    assert data_files(folder / "whole.onnx", "whole") == []
    assert OnnxCrossEncoder(folder, file="whole.onnx").rerank("query", WORDS).hits == expected

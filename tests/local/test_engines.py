"""A local cross-encoder by the name of its engine: what the engine cannot follow is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local import OnnxCrossEncoder, cross_encoder
from tests.local.engines import Engines
from tests.local.tiny_models import bert_like


def test_the_embedded_model_runs_on_onnx_runtime_unless_told_otherwise() -> None:
    assert repr(cross_encoder()) == repr(OnnxCrossEncoder())


def test_settings_reach_the_engine_and_none_leaves_them_alone(tmp_path: Path) -> None:
    model = bert_like(tmp_path).folder
    engine = cross_encoder(model, max_length=32, threads=1, revision=None, raw_scores=False, device=None)
    assert repr(engine) == f"OnnxCrossEncoder({str(model)!r}, max_length=32, threads=1)"


@pytest.mark.parametrize(
    ("engine", "settings", "message"),
    [
        ("onnx", {"device": "cuda"}, "device='cuda' is no setting of engine='onnx': .*engine='sentence-transformers'"),
        ("sentence-transformers", {"file": "a.onnx"}, "file='a.onnx' is no setting of .*use engine='onnx'"),
        ("onnx", {"colour": "red"}, "colour='red' is no setting of engine='onnx'$"),
        ("tensorrt", {}, "engine must be one of 'onnx', 'sentence-transformers', not 'tensorrt'"),
    ],
)
def test_what_an_engine_cannot_follow_is_named_with_one_that_can(
    engine: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        cross_encoder("model", engine=engine, **settings)


@pytest.mark.parametrize("setting", ["file", "revision"])
def test_what_says_where_a_model_is_needs_a_model(setting: str) -> None:
    given: dict[str, Any] = {setting: "x"}
    with pytest.raises(ConfigurationError, match=f"^{setting}='x' is for a model from a folder.*leave {setting} out"):
        cross_encoder(**given)


@pytest.mark.parametrize("setting", ["window", "max_windows"])
@pytest.mark.parametrize("name", ["onnx-bert", "torch-bert"])
def test_settings_of_windows_need_windows(tmp_path: Path, name: str, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^{setting}=9 .*leave {setting} out, or pass long_documents="max"'):
        Engines(tmp_path)(name, **{setting: 9})


def test_the_embedded_model_is_for_onnx_runtime() -> None:
    with pytest.raises(ConfigurationError, match="engine='sentence-transformers' needs a model="):
        cross_encoder(engine="sentence-transformers")

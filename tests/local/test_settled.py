"""What a model was loaded with cannot be assigned later, where it would show and change nothing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local import OnnxCrossEncoder
from tests.local.engines import Engines

LOADED = ["onnx-bert", "torch-bert", "flashrank"]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


def assigned(made: Any, name: str, value: Any) -> None:
    setattr(made, name, value)


@pytest.mark.parametrize("name", LOADED)
def test_a_setting_of_the_loaded_model_is_refused_with_the_remedy(engines: Engines, name: str) -> None:
    engine = engines(name)
    before = repr(engine)
    for setting in ("model", "max_length", "threads", "long_queries", "max_query_length"):
        kind = type(engine).__name__
        told = rf"(?m)^{setting} is fixed when the model is loaded: make a new {kind}\({setting}=…\)$"
        with pytest.raises(ConfigurationError, match=told):
            assigned(engine, setting, 10**9)
    assert repr(engine) == before


@pytest.mark.parametrize(
    ("name", "setting"),
    [("onnx-bert", "batch_size"), ("onnx-bert", "provider"), ("torch-bert", "device"), ("torch-bert", "batch_tokens")]
    + [(name, "long_documents") for name in LOADED]
    + [("flashrank", "pointwise")],
)
def test_what_only_shows_is_refused_too(engines: Engines, name: str, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{setting} is fixed when the model is loaded"):
        assigned(engines(name), setting, "max")


@pytest.mark.parametrize("name", LOADED)
def test_a_name_that_nothing_reads_is_refused_with_the_one_that_was_meant(engines: Engines, name: str) -> None:
    for wrong, right in (("max_lenght", "max_length"), ("hook", "hooks")):
        with pytest.raises(ConfigurationError, match=f"has no attribute '{wrong}': did you mean {right}"):
            assigned(engines(name), wrong, 7)
    with pytest.raises(ConfigurationError, match="has no attribute 'colour': it has hooks, "):
        assigned(engines(name), "colour", 7)


@pytest.mark.parametrize("name", LOADED)
def test_hooks_are_assigned_and_told(engines: Engines, name: str) -> None:
    engine, spans = engines(name), list[Any]()
    engine.hooks = [spans.append]
    engine.rerank("query", ["text"])
    engine.hooks = ()
    assert [each.backend for each in spans] == [type(engine).__name__]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_is_settled_as_well(engines: Engines, copied: Callable[[Any], Any]) -> None:
    engine = engines("onnx-bert")
    other = copied(engine)
    assert repr(other) == repr(engine)
    with pytest.raises(ConfigurationError, match="threads is fixed"):
        other.threads = 3


def test_a_subclass_has_attributes_of_its_own(engines: Engines) -> None:
    class Counting(OnnxCrossEncoder):
        def __init__(self, model: object) -> None:
            super().__init__(str(model), threads=1)
            self.calls = 0

    original: Any = engines("onnx-bert")
    counting = Counting(original._source)
    counting.calls += 1
    assert counting.calls == 1

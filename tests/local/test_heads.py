"""What PyTorch's engine loads has learned weights alone, or is refused with what is missing and what to do."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local import SentenceTransformersCrossEncoder
from tests.local.cards import REASON, torch, transformers
from tests.local.tiny_families import Build, altered, decoder, encoder, ettin, setting, without_weights

library: Any = pytest.importorskip("sentence_transformers", reason=REASON)


def refused(model: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        SentenceTransformersCrossEncoder(model)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("classifier.bias", "classifier.bias"),
        ("classifier.", "classifier.weight, classifier.bias"),
        ("bert.pooler.", "bert.pooler.dense.weight, bert.pooler.dense.bias"),
        ("bert.encoder.layer.0.", r"bert.encoder.layer.0.attention.self.query.weight, .* and \d+ more"),
    ],
)
def test_a_model_that_lost_weights_is_refused_with_their_names(tmp_path: Path, lost: str, named: str) -> None:
    message = refused(altered(encoder("mine"), without_weights(lost))(tmp_path))
    assert re.search(f"a BertForSequenceClassification, lacks the trained weights {named}: random numbers", message)


def test_a_loaded_model_is_looked_at_too_and_told_how_to_pass_a_trained_one(tmp_path: Path) -> None:
    bare = encoder("bert", kind="Model")(tmp_path)
    model = library.CrossEncoder(str(bare), device="cpu")
    assert "if you trained this one, save it with save_pretrained and pass the folder" in refused(model)
    model.save_pretrained(str(tmp_path / "trained"))
    assert SentenceTransformersCrossEncoder(tmp_path / "trained").rerank("query", ["text"]).hits


@pytest.mark.parametrize("kind", ["Model", "ForMaskedLM"])
def test_an_embedding_model_is_told_by_that_word(tmp_path: Path, kind: str) -> None:
    folder = encoder("bert", kind=kind)(tmp_path)
    assert ("an embedding model (bi-encoder)" in refused(folder)) == (kind == "Model")
    module = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    own = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    (folder / "modules.json").write_text(json.dumps([own, {"idx": 1, "name": "1", "path": "", "type": module}]))
    saved = {"model_type": "SentenceTransformer"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(saved))
    assert "an embedding model (bi-encoder), which makes vectors to find texts by" in refused(folder)


@pytest.mark.parametrize("architecture", ["JinaBertModel", "SomethingForMaskedLM", "ColBERT"])
def test_a_trained_head_under_an_unusual_name_is_used(tmp_path: Path, architecture: str) -> None:
    folder = altered(encoder("mine"), setting(architectures=[architecture]))(tmp_path)
    assert SentenceTransformersCrossEncoder(folder).rerank("query", ["text"]).hits


def _another(module: str) -> Callable[[Path], object]:
    """A model whose activation is in a module of its own."""

    def change(folder: Path) -> None:
        path = folder / module / "config.json"
        key = "activation_function" if module else "sentence_transformers"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: OWN if module else {"activation_fn": OWN}}))

    return change


OWN = "decimal.Decimal"


@pytest.mark.parametrize(("build", "module"), [(ettin, "2_Dense"), (encoder("mine"), "")])
def test_an_activation_that_the_library_would_replace_by_another_is_refused(
    tmp_path: Path, build: Build, module: str
) -> None:
    message = refused(altered(build, _another(module))(tmp_path))
    assert f"Activation function path '{OWN}' is not trusted" in message
    assert "Read it, and pass trust_remote_code=True to have it run here" in message
    assert not any("Listener" in repr(each) for each in logging.getLogger("sentence_transformers").handlers)


def test_weights_that_are_tied_to_others_are_not_missing(tmp_path: Path) -> None:
    folder = decoder("Qwen3-Reranker-0.6B", "Qwen3", tie_word_embeddings=True)(tmp_path)
    files: Any = import_module("safetensors.torch")
    assert "lm_head.weight" not in files.load_file(folder / "model.safetensors")
    assert SentenceTransformersCrossEncoder(folder).rerank("query", ["text"]).hits


def test_weights_that_a_model_does_without_are_not_missing(tmp_path: Path) -> None:
    model = library.CrossEncoder(str(altered(encoder("mine"), without_weights("classifier."))(tmp_path)), device="cpu")
    model[0].model._keys_to_ignore_on_load_missing = [r"classifier\."]
    assert SentenceTransformersCrossEncoder(model).rerank("query", ["text"]).hits


def test_weights_that_an_adapter_loads_are_not_missing(tmp_path: Path) -> None:
    model = library.CrossEncoder(str(encoder("mine")(tmp_path)), device="cpu")
    head = model[0].model.classifier
    wrapped = torch.nn.Module()  # as peft wraps a layer that was trained whole
    wrapped.original_module = torch.nn.Linear(head.in_features, 1)
    wrapped.modules_to_save = torch.nn.ModuleDict({"default": head})
    wrapped.forward = head.forward
    model[0].model.classifier = wrapped
    assert SentenceTransformersCrossEncoder(model).rerank("query", ["text"]).hits


def test_modules_that_end_without_a_score_are_refused(tmp_path: Path) -> None:
    whole = library.CrossEncoder(str(ettin(tmp_path)), device="cpu")
    whole[4].module_output_name = "sentence_embedding"
    assert "ends in a Dense, which gives no scores" in refused(whole)


def test_a_model_of_no_named_architecture_is_called_so(tmp_path: Path) -> None:
    folder = altered(encoder("mine", kind="Model"), setting(architectures=None))(tmp_path)
    assert "a model of an unknown kind, lacks" in refused(folder)


def test_more_than_two_values_of_modules_are_refused(tmp_path: Path) -> None:
    folder = encoder("three", num_labels=3)(tmp_path)
    assert "gives 3 values for a pair" in refused(folder)
    assert transformers.AutoConfig.from_pretrained(folder).num_labels == 3

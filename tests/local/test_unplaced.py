"""A model of which PyTorch would load a part is refused; what it does without by design is no part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder, cross_encoder
from rerank_kit.local.unplaced import check_placed
from rerank_kit.values import Deadline
from tests.local.cards import REASON, torch, transformers
from tests.local.tiny_families import Build, altered, decoder, encoder, ettin, setting, zerank_2

library: Any = pytest.importorskip("sentence_transformers", reason=REASON)

files: Any = import_module("safetensors.torch")


def with_weights(*names: str) -> Callable[[Path], object]:
    """Puts weights of these names beside those that are there; `QUERY` stands for each layer's of that part."""

    def put(folder: Path) -> None:
        weights: dict[str, Any] = files.load_file(folder / "model.safetensors")
        for name in names:
            parts = [each for each in weights if each.endswith("query.weight")] if "QUERY" in name else [""]
            for part in parts:
                weights[name.replace("QUERY", part.removesuffix(".weight"))] = torch.ones(2)
        files.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return put


def refused(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        SentenceTransformersCrossEncoder(folder, device="cpu")
    with pytest.raises(ConfigurationError) as exported:
        export_model(folder, folder.parent / "exported")
    assert str(exported.value) == str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ("QUERY.lora_A.default.weight", "QUERY.lora_B.default.weight"),
        ("base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight",),
        ("classifier.modules_to_save.default.weight",),
    ],
)
def test_an_adapter_among_the_weights_that_nobody_merged_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    message = refused(altered(encoder("mine"), with_weights(*names))(tmp_path))
    assert "go nowhere: they are an adapter's, and without it the scores are those of its base" in message
    assert "Merge the adapter into its base first" in message


@pytest.mark.parametrize("build", [encoder("mine"), encoder("mine", "XLMRoberta"), decoder("zerank-1", "Qwen3"), ettin])
def test_fewer_layers_than_the_weights_have_are_refused(tmp_path: Path, build: Build) -> None:
    message = refused(altered(build, setting(num_hidden_layers=1, layer_types=None))(tmp_path))
    assert "only a part of what was trained would be run" in message
    assert "(architectures, num_hidden_layers)" in message


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (encoder("mine"), "bert.encoder.layer.0.attention.self.norm.weight"),
        (encoder("mine"), "classifier.out_proj.weight"),
        (decoder("Qwen3-Reranker-0.6B", "Qwen3"), "score.weight"),
        (zerank_2, "score.weight"),
    ],
)
def test_parts_that_the_model_has_no_place_for_are_refused(tmp_path: Path, build: Build, name: str) -> None:
    assert f"its files hold the weights {name}, which go nowhere" in refused(
        altered(build, with_weights(name))(tmp_path)
    )


def test_the_first_few_are_named(tmp_path: Path) -> None:
    folder = altered(encoder("mine"), setting(num_hidden_layers=1))(tmp_path)
    assert re.search(r"the weights (bert\.encoder\.layer\.1\.[\w.]+, ){2}[\w.]+ and 13 more, which", refused(folder))


HARMLESS = [
    *("bert.embeddings.position_ids", "bert.embeddings.token_type_ids", "bert.encoder.layer.0.rotary_emb.inv_freq"),
    *("cls.predictions.bias", "cls.seq_relationship.weight", "lm_head.weight", "optimizer.state.0", "encoder.version"),
    "discriminator_predictions.dense.weight",
]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_a_model_does_without_by_design_is_let_be(tmp_path: Path, name: str) -> None:
    plain = SentenceTransformersCrossEncoder(encoder("mine")(tmp_path / "a"), device="cpu")
    engine = SentenceTransformersCrossEncoder(
        altered(encoder("mine"), with_weights(name))(tmp_path / "b"), device="cpu"
    )
    found, expected = (each.score([("query", "text")], Deadline()).scores for each in (engine, plain))
    assert found == pytest.approx(expected, abs=1e-6)  # where weights lie in memory moves the last digit


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (encoder("mine", "XLMRoberta"), "roberta.pooler.dense.weight"),
        (encoder("mine", "DebertaV2"), "deberta.embeddings.position_embeddings.weight"),
        (decoder("zerank-1", "Qwen3"), "model.rotary_emb.inv_freq"),
        (ettin, "classifier.weight"),
        (ettin, "head.dense.weight"),
    ],
)
def test_what_another_kind_does_without_is_let_be(tmp_path: Path, build: Build, name: str) -> None:
    folder = altered(build, with_weights(name))(tmp_path)
    assert SentenceTransformersCrossEncoder(folder, device="cpu").rerank("query", ["text"]).hits


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("lora", [True, False])
def test_weights_in_the_older_format_are_looked_at_too(tmp_path: Path, zipped: bool, lora: bool) -> None:
    folder = altered(encoder("mine"), with_weights(*["QUERY.lora_A.default.weight"] * lora))(tmp_path)
    weights = files.load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    (folder / "model.safetensors").unlink()
    if lora:
        assert "Merge the adapter" in refused(folder)
    else:
        assert SentenceTransformersCrossEncoder(folder, device="cpu").rerank("query", ["text"]).hits


def test_weights_under_names_of_old_are_placed(tmp_path: Path) -> None:
    folder = encoder("mine")(tmp_path)
    weights: dict[str, Any] = files.load_file(folder / "model.safetensors")
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): weight for name, weight in weights.items()}
    assert old.keys() != weights.keys()
    files.save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
    assert SentenceTransformersCrossEncoder(folder, device="cpu").rerank("query", ["text"]).hits


def adapter(folder: Path) -> Path:
    """What peft saves: what was learned, and the name of what it was learned for."""
    folder.mkdir()
    files.save_file({"base_model.model.classifier.weight": torch.ones(2)}, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "base_model_name_or_path": "owner/base"}
    (folder / "adapter_config.json").write_text(json.dumps(settings), "utf-8")
    transformers.AutoTokenizer.from_pretrained(encoder("base")(folder.parent)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("engine", [cross_encoder, OnnxCrossEncoder, SentenceTransformersCrossEncoder])
def test_an_adapter_alone_is_refused_by_what_it_is(tmp_path: Path, engine: Callable[[Path], object]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"is an adapter \(adapter_config.json\).*merge it into its base first"
    ):
        engine(adapter(tmp_path / "mine"))


def test_an_adapter_beside_weights_is_told_how_it_is_passed_if_it_is_merged(tmp_path: Path) -> None:
    folder = encoder("mine")(tmp_path)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}', "utf-8")
    assert "If its weights are merged already, take adapter_config.json out of it" in refused(folder)
    (folder / "adapter_config.json").unlink()
    assert SentenceTransformersCrossEncoder(folder, device="cpu").rerank("query", ["text"]).hits


def test_a_checkpoint_of_a_trainer_is_a_model_like_any(tmp_path: Path) -> None:
    plain = SentenceTransformersCrossEncoder(encoder("mine")(tmp_path / "a"), device="cpu")
    folder = encoder("checkpoint-500")(tmp_path / "b")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"):
        (folder / name).write_bytes(b"no weights")
    engine = SentenceTransformersCrossEncoder(folder, device="cpu")
    assert engine.rerank("query", ["text"]).hits == plain.rerank("query", ["text"]).hits


def test_weights_that_are_quantised_have_names_of_their_own(tmp_path: Path) -> None:
    folder = altered(encoder("mine"), with_weights("bert.encoder.layer.0.output.dense.weight_scale"))(tmp_path)
    model: Any = library.CrossEncoder(str(folder), device="cpu")
    with pytest.raises(ConfigurationError, match="weight_scale, which go nowhere"):
        check_placed(model, folder, "mine")
    model[0].model.config.quantization_config = {"quant_method": "fp8"}
    check_placed(model, folder, "mine")

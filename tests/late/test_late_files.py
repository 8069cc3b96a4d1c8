"""A model that cannot be used as its library would use it is refused, with what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.late import LateInteraction
from rerank_kit.late.layouts import of_pylate, of_stanford
from rerank_kit.late.projection import tensors
from tests.late.tiny_late import DIMENSION, PUNCTUATION, pylate_like, stanford_like, write_graph
from tests.late.weights import write_safetensors
from tests.local.hub_client import point_at
from tests.local.hub_server import NAME, Hub, serving
from tests.local.tiny_models import move_weights


def loaded(folder: Path, **options: Any) -> LateInteraction:
    return LateInteraction(folder, threads=1, **options)


def change(path: Path, **settings: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **settings}), "utf-8")


def test_what_a_file_does_not_say_is_as_in_its_library(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("{}")
    made = of_stanford(path)
    assert (made.query_marker, made.document_marker, made.query_length, made.document_length, made.dimension) == (
        *("[unused0]", "[unused1]"),
        *(32, 220, 128),
    )
    assert (made.expands, made.attends, len(made.skipped)) == (True, False, 32)
    path.write_text(json.dumps({"config": {"mask_punctuation": False, "doc_maxlen": 300}}))
    assert (of_stanford(path).skipped, of_stanford(path).document_length) == ((), 300)
    path.write_text(json.dumps({"embedding_dim": 4, "query_prefix": None, "document_prefix": ""}))
    read = of_pylate(path, ())
    assert (read.query_marker, read.document_marker, read.query_length, read.document_length) == ("[Q] ", None, 32, 180)
    assert (read.expands, read.attends, len(read.skipped)) == (True, False, 32)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"similarity": "l2"}, "similarity must be 'cosine', for nothing else is computed here, not 'l2'"),
        ({"interaction": "flipr"}, "interaction must be 'colbert'"),
        ({"query_maxlen": "long"}, "query_maxlen must be a whole number above 0, not 'long'"),
        ({"doc_maxlen": 0}, "doc_maxlen must be a whole number above 0, not 0"),
        ({"mask_punctuation": 1}, "mask_punctuation must be true or false, not 1"),
        ({"query_token_id": 1}, "query_token_id must be a text, not 1"),
        ({"query_token_id": "[unused7]"}, r"name the marker '\[unused7\]', and its tokenizer.json has no such token"),
        ({"dim": 5}, "gives vectors of 8 numbers, the projection makes 4 of 8, and the model's have 5"),
    ],
)
def test_settings_of_colbert_that_cannot_be_followed(settings: dict[str, Any], told: str, tmp_path: Path) -> None:
    stanford_like(tmp_path, **settings)
    with pytest.raises(ConfigurationError, match=told):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"skiplist_words": "."}, "skiplist_words must be a list of texts"),
        ({"prompts": {"query": 1}}, "prompts must be an object with texts"),
        ({"document_prefix": "document: "}, "name the marker 'document: '"),
        ({"layers": [{"activation_function": "torch.nn.GELU"}]}, "activation_function must be one of Identity, ReLU"),
        ({"layers": [{"out_features": None}]}, "has neither modules.json"),
    ],
)
def test_settings_of_pylate_that_cannot_be_followed(settings: dict[str, Any], told: str, tmp_path: Path) -> None:
    if "torch.nn.GELU" in str(settings) or "out_features" in str(settings):
        pylate_like(tmp_path)
        change(tmp_path / "1_Dense" / "config.json", **settings["layers"][0])
    else:
        pylate_like(tmp_path, **settings)
    with pytest.raises(ConfigurationError, match=told):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("modules", "told"),
    [
        ([{"path": "", "type": "a.Transformer"}], "names no Dense layer"),
        ([{"path": "", "type": "a.Transformer"}, {"path": "1", "type": "a.Pooling"}], "is no module that is read here"),
        ([{"path": "0_T", "type": "a.Transformer"}], "is no module that is read here"),
        ([{"path": "", "type": "a.Dense"}], "is no module that is read here"),
        (["Dense"], "is no module that is read here"),
        ([{"type": 3}], "is no module that is read here"),
        ({}, "{} is no module that is read here"),
    ],
)
def test_modules_that_pylate_does_not_make(modules: Any, told: str, tmp_path: Path) -> None:
    pylate_like(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps(modules), "utf-8")
    with pytest.raises(ConfigurationError, match=told):
        loaded(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "\0"])
def test_settings_that_are_no_json(content: str, tmp_path: Path) -> None:
    stanford_like(tmp_path)
    (tmp_path / "artifact.metadata").write_text(content)
    with pytest.raises(ConfigurationError, match=r"artifact.metadata (is not valid JSON|must hold a JSON object)"):
        loaded(tmp_path)


def test_a_folder_that_is_no_such_model(tmp_path: Path) -> None:
    tmp_path.joinpath("model.onnx").write_bytes(b"")
    with pytest.raises(
        ConfigurationError, match=r"lacks artifact.metadata or config_sentence_transformers.json, token"
    ):
        loaded(tmp_path)
    for number in range(13):
        tmp_path.joinpath(f"file{number}").touch()
    with pytest.raises(ConfigurationError, match=r"and 2 more. Pass a model of late interaction in the layout of"):
        loaded(tmp_path)
    with pytest.raises(ConfigurationError, match="names nothing"):
        LateInteraction(" ")
    with pytest.raises(ConfigurationError, match="model must be a folder or the name of a model, not None"):
        LateInteraction(None)  # type: ignore[arg-type]


def test_a_folder_without_a_graph_says_how_to_get_one(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    (tmp_path / "model.onnx").rename(tmp_path / "vespa.onnx")
    (tmp_path / "other.onnx").touch()
    with pytest.raises(
        ConfigurationError, match=r"Pass file='other.onnx', or another of its ONNX files \(vespa.onnx\)"
    ):
        loaded(tmp_path)
    (tmp_path / "other.onnx").unlink()
    with pytest.raises(ConfigurationError, match=r"Pass file='vespa.onnx'\n"):
        loaded(tmp_path)
    assert loaded(tmp_path, file="vespa.onnx").model == f"{tmp_path}/vespa.onnx"
    assert repr(loaded(tmp_path, file="vespa.onnx")).startswith(f"LateInteraction({str(tmp_path)!r}, file='vespa.onnx'")
    (tmp_path / "vespa.onnx").unlink()
    with pytest.raises(
        ConfigurationError, match=r"Make a graph of its weights for PyTorch, with a tool such as pylate-"
    ):
        loaded(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"Fetch all files of the model\n"):
        loaded(tmp_path)


def test_a_backbone_without_its_projection_is_refused(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path / "colbert", weights=False)
    with pytest.raises(ConfigurationError, match=r"is the backbone alone, and model.safetensors, with the projection"):
        loaded(tmp_path / "colbert")
    pylate_like(tmp_path / "exported", modules=False, embedding_dim=DIMENSION)
    with pytest.raises(
        ConfigurationError, match="gives vectors of 8 numbers, and the model's have 4: pass the file= of"
    ):
        loaded(tmp_path / "exported")
    write_safetensors(tmp_path / "colbert" / "model.safetensors", {"other": np.zeros(2)})
    with pytest.raises(ConfigurationError, match=r"has no linear.weight, and so no projection"):
        loaded(tmp_path / "colbert")
    write_safetensors(tmp_path / "colbert" / "model.safetensors", {"linear.weight": np.zeros(2)})
    with pytest.raises(ConfigurationError, match=r"has no linear.weight that is a matrix"):
        loaded(tmp_path / "colbert")
    assert len(tiny.folder.name) == 7


def test_layers_that_do_not_fit(tmp_path: Path) -> None:
    pylate_like(tmp_path, layers=[{"bias": False, "use_residual": True}, {"bias": False}])
    weights = tmp_path / "1_Dense" / "model.safetensors"
    write_safetensors(weights, {"linear.weight": np.ones((DIMENSION, 8))})
    with pytest.raises(ConfigurationError, match=r"has no residual.weight"):
        loaded(tmp_path)
    write_safetensors(weights, {"linear.weight": np.ones((3, 8)), "residual.weight": np.ones((3, 8))})
    with pytest.raises(ConfigurationError, match="reads vectors of 4 numbers, and the layer before gives 3"):
        loaded(tmp_path)


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_weights_of_every_format(dtype: str, tmp_path: Path) -> None:
    values = np.array([[1.0, -2.5, 0.125], [3.0, 0.0, 1e-2]])
    write_safetensors(tmp_path / "weights", {"a": np.ones(2), "b": values, "c": np.ones(1)}, dtype)
    found = tensors(tmp_path / "weights", ["b", "none"])
    assert list(found) == ["b"]
    assert found["b"] == pytest.approx(values, rel=1e-2)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]", b"\x04\0\0\0\0\0\0\0null"]
)
def test_what_is_no_safetensors_file(content: bytes, tmp_path: Path) -> None:
    stanford_like(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"is no safetensors file that can be read|has no linear.weight"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (
            {"inputs": ["input_ids", "attention_mask", "pixels"]},
            r"wants the inputs \['attention_mask', 'input_ids', 'pix",
        ),
        ({"pooled_alone": True}, r"gives no vector for each token \(the graph gives \(1, 8\) for"),
    ],
)
def test_a_graph_that_is_another_kind_of_model(how: dict[str, Any], told: str, tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    write_graph(tmp_path / "model.onnx", tiny.embeddings, None, **how)
    with pytest.raises(ConfigurationError, match=told):
        loaded(tmp_path)


def test_weights_beside_the_graph(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    move_weights(tmp_path / "model.onnx", {"embeddings": "weights.bin"})
    assert loaded(tmp_path).dimension == DIMENSION
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ConfigurationError, match=r"lacks weights.bin; the graph model.onnx has its weights in them"):
        loaded(tmp_path)


def test_the_mask_token_is_named_by_a_file_or_spelled_as_usual(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    wanted = loaded(tmp_path).rerank("fig", ["fig", "apple"])
    for settings in ({"mask_token": {"content": "[MASK]"}, "model_max_length": 64}, {"model_max_length": 64}):
        config.write_text(json.dumps(settings))
        assert loaded(tmp_path).rerank("fig", ["fig", "apple"]).hits == wanted.hits
    config.write_text(json.dumps({"mask_token": "[SEP]", "model_max_length": 64}))
    assert loaded(tmp_path).rerank("fig", ["fig", "apple"]).hits != wanted.hits
    config.write_text(json.dumps({"model_max_length": 64}))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"mask_token": "[MASK]"}))
    assert loaded(tmp_path).rerank("fig", ["fig", "apple"]).hits == wanted.hits
    (tmp_path / "special_tokens_map.json").unlink()
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["vocab"]["[OTHER]"] = tokenizer["model"]["vocab"].pop("[MASK]")
    tokenizer["added_tokens"] = [each for each in tokenizer["added_tokens"] if each["content"] != "[MASK]"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ConfigurationError, match="queries are filled up with mask tokens, and neither"):
        loaded(tmp_path)


def test_the_layout_of_pylate_is_taken_where_both_are_there(tmp_path: Path) -> None:
    pylate_like(tmp_path)
    (tmp_path / "artifact.metadata").write_text("{}")
    assert loaded(tmp_path).max_query_length == 12
    assert len(PUNCTUATION) == 4


def test_colbert_skips_by_what_is_read_of_a_sign(tmp_path: Path) -> None:
    stanford_like(tmp_path, mask_punctuation=False)
    made = loaded(tmp_path)
    assert made.vectors(["apple . fig"])[0].rows == 6
    change(tmp_path / "artifact.metadata", mask_punctuation=True)
    assert loaded(tmp_path).vectors(["apple . fig"])[0].rows == 5


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    pylate_like(tmp_path / "repo")
    (tmp_path / "repo" / "pytorch_model.bin").write_bytes(b"a gigabyte that nobody needs")
    with serving(tmp_path / "repo") as there:
        point_at(monkeypatch, there.url, tmp_path / "cache")
        yield there


def test_from_the_hub_only_what_is_read_is_fetched(hub: Hub, tmp_path: Path) -> None:
    made = LateInteraction(NAME, threads=1)
    assert (
        made.rerank("fig", ["fig", "apple"])[0].index
        == loaded(tmp_path / "repo").rerank("fig", ["fig", "apple"])[0].index
    )
    fetched = {each.partition("/resolve/")[2].partition("/")[2] for each in hub.asked if "/resolve/" in each}
    assert {"model.onnx", "tokenizer.json", "1_Dense/config.json", "1_Dense/model.safetensors"} <= fetched
    assert "pytorch_model.bin" not in fetched
    asked = len(hub.asked)
    LateInteraction(NAME, threads=1, local_files_only=True)
    assert len(hub.asked) == asked


def test_a_graph_with_the_projection_needs_no_weights_of_the_hub(hub: Hub) -> None:
    tiny = pylate_like(hub.folder.parent / "other", projected=True)
    shutil.copyfile(tiny.folder / "model.onnx", hub.folder / "model.onnx")
    LateInteraction(NAME, threads=1)
    assert not any("safetensors" in each for each in hub.asked)

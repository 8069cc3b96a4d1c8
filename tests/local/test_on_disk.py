"""Models that are here already are found without opening or fetching anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rerank_kit.cli import main
from rerank_kit.local import model_files
from rerank_kit.local import on_disk as module
from rerank_kit.local.catalogue import listed
from rerank_kit.local.families import families
from rerank_kit.local.on_disk import exported, on_disk

EMBEDDED = "cross-encoder/ms-marco-MiniLM-L12-v2"


def cache(folder: Path) -> Path:
    for name in ("models--BAAI--bge-reranker-v2-m3", "models--cross-encoder--ms-marco-MiniLM-L12-v2"):
        (folder / name / "blobs").mkdir(parents=True)
        (folder / name / "blobs" / "a").write_bytes(bytes(2_000_000))
    (folder / "models--began--nothing").mkdir()
    (folder / "datasets--own--data" / "blobs").mkdir(parents=True)
    return folder


def test_the_models_in_the_cache_are_here_with_their_size(tmp_path: Path) -> None:
    assert on_disk(cache(tmp_path)) == {
        EMBEDDED: "onnx:embedded, int8; in the hub's cache, 2 MB",
        "BAAI/bge-reranker-v2-m3": "in the hub's cache, 2 MB",
    }


def test_where_neither_the_model_nor_the_hubs_client_is_installed_nothing_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EMBEDDED in on_disk(tmp_path / "none")
    for each in (module, model_files):
        monkeypatch.setattr(each, "find_spec", lambda name: None)
    assert on_disk() == {}


def test_every_model_is_listed_with_what_it_needs() -> None:
    rows = listed()
    known = [model.name for family in families() for model in family.models]
    assert sorted(each["model"] for each in rows) == sorted(known)
    by_name = {each["model"]: each for each in rows}
    assert by_name["BAAI/bge-reranker-v2-m3"]["needs"].startswith('pip install "rerank-kit[sentence-transformers]"; or')
    assert "trust_remote_code=True" in by_name["jinaai/jina-reranker-v2-base-multilingual"]["needs"]
    assert by_name["jinaai/jina-reranker-v3"]["needs"] is None
    assert by_name["BAAI/bge-reranker-base"]["tokens"] == 512
    assert by_name["Qwen/Qwen3-Reranker-0.6B"]["tokens"] == 8192
    assert by_name["BAAI/bge-reranker-v2-minicpm-layerwise"]["parameters"] is None


def test_the_command_tells_what_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache(tmp_path)))
    monkeypatch.chdir(tmp_path)
    assert main(["models", "bge", "--here"]) == 0
    assert capsys.readouterr().out == "BAAI/bge-reranker-v2-m3: in the hub's cache, 2 MB\n"
    assert main(["models", "bge-reranker-v2-m3"]) == 0
    assert "here: BAAI/bge-reranker-v2-m3 (in the hub's cache, 2 MB)" in capsys.readouterr().out
    assert main(["models", "zerank", "--here"]) == 0
    assert capsys.readouterr().out == "none of them is here yet\n"
    assert main(["models", "zerank", "--json"]) == 0
    assert [each["here"] for each in json.loads(capsys.readouterr().out)] == [None] * 3


def export(folder: Path, model: object) -> None:
    folder.mkdir(parents=True)
    (folder / "parity.json").write_text(json.dumps({"model": model}), "utf-8")
    (folder / "rerank_kit.json").write_text("{}", "utf-8")


def test_exported_folders_are_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache(tmp_path / "cache")))
    monkeypatch.chdir(tmp_path)
    export(tmp_path / "models" / "m3", "BAAI/bge-reranker-v2-m3")
    export(tmp_path / "own", "trained/mine")
    export(tmp_path / "broken", 5)
    export(tmp_path / "a" / "too" / "deep", "trained/deep")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "parity.json").write_text('{"model": "no/export"}', "utf-8")
    assert exported() == {"models/m3": "BAAI/bge-reranker-v2-m3", "own": "trained/mine"}
    assert on_disk()["BAAI/bge-reranker-v2-m3"] == "in the hub's cache, 2 MB; exported to models/m3"
    assert main(["models", "--here"]) == 0
    told = capsys.readouterr().out
    assert "BAAI/bge-reranker-v2-m3: in the hub's cache, 2 MB; exported to models/m3\n" in told
    assert "trained/mine: exported to own\n" in told
    assert main(["models", "--here", "--json"]) == 0
    rows = {each["model"]: each for each in json.loads(capsys.readouterr().out)}
    assert rows["trained/mine"].keys() == rows["BAAI/bge-reranker-v2-m3"].keys()
    assert rows["trained/mine"]["family"] is None
    assert main(["models", "bge", "--here"]) == 0
    assert "trained/mine" not in capsys.readouterr().out

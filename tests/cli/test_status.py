"""`rerank-kit status` says what there is, never a key, and one step."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

from rerank_kit.cli import main, status

CAPTURE = pytest.CaptureFixture[str]
PATCH = pytest.MonkeyPatch


def test_keys_are_there_or_not_and_never_shown(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    for names in status.KEYS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COHERE_API_KEY", "planted-key")
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    printed = capsys.readouterr().out
    assert "planted" not in shown + printed
    assert [name for name, there in json.loads(printed)["keys"].items() if there] == ["Cohere"]
    assert "set      CO_API_KEY or COHERE_API_KEY" in shown
    assert "not set  VOYAGE_API_KEY" in shown


def test_every_extra_is_told_of() -> None:
    extras = set(metadata("rerank-kit").get_all("Provides-Extra") or [])
    assert extras - {"all", "cli"} == set(status.WHAT)


def test_what_is_missing_is_named_through_extras_within_extras(
    monkeypatch: PATCH, capsys: CAPTURE, tmp_path: Path
) -> None:
    def version(package: str) -> str:
        if package == "onnxruntime":
            raise PackageNotFoundError
        return "1"

    monkeypatch.setattr(status, "version", version)
    monkeypatch.chdir(tmp_path)
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["missing"]["onnx"] == told["missing"]["embedded"] == ["onnxruntime"]
    assert told["extras"]["embedded"] is False
    assert told["extras"]["bm25"] is True
    assert main(["status"]) == 0
    assert "(not installed: onnxruntime)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("missing", "evaluated", "step"),
    [
        (["embedded", "eval"], False, 'pip install "rerank-kit[embedded,bm25]"'),
        (["bm25"], True, 'pip install "rerank-kit[embedded,bm25]"'),
        (["eval"], True, 'pip install "rerank-kit[eval]"'),
        ([], True, "rerank-kit report --html report.html"),
        (["cohere"], False, 'rerank-kit search . "a question about the files of this folder"'),
    ],
)
def test_there_is_one_next_step(tmp_path: Path, missing: list[str], evaluated: bool, step: str) -> None:
    lacking = {extra: ["package"] if extra in missing else [] for extra in status.WHAT}
    assert status.next_step(lacking, evaluated=evaluated, here=tmp_path) == step


@pytest.mark.parametrize(
    ("names", "step"),
    [
        (["my questions.csv", "notes/"], "rerank-kit eval 'my questions.csv' --corpus notes --html report.html"),
        (["queries.jsonl", "docs/"], "rerank-kit eval queries.jsonl --corpus docs --html report.html"),
        (["questions.tsv", "queries.jsonl"], "rerank-kit eval questions.tsv --corpus DIR --html report.html"),
        (["questions.md", "questions/"], 'rerank-kit search . "a question about the files of this folder"'),
    ],
)
def test_questions_that_lie_there_lead_to_an_evaluation(tmp_path: Path, names: list[str], step: str) -> None:
    for name in names:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    assert status.next_step(dict.fromkeys(status.WHAT, ()), evaluated=False, here=tmp_path) == step

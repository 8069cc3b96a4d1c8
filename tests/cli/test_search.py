"""`rerank-kit search` finds in whatever a folder holds, and shows what the reranker changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rerank_kit.cli import main
from tests.cli.commands import BY_LENGTH, notes

CAPTURE = pytest.CaptureFixture[str]


def test_before_and_after_are_shown(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", str(notes(tmp_path)), "when is night?", "--reranker", BY_LENGTH]) == 0
    shown, told = capsys.readouterr()
    head, _, titles, first, second, *_, best = shown.splitlines()
    assert head.startswith("3 passages of 3 files; the 2 with a word of the question were reranked by tests.cli")
    assert main(["search", str(tmp_path), "when is night?", "--reranker", BY_LENGTH, "--recall", "2"]) == 0
    assert "; the best 2 of BM25 were reranked by tests.cli" in capsys.readouterr().out
    assert "BM25 alone" in titles
    assert {first.split()[1], second.split()[1]} == {"backups.md:1", "code/night.py:1"}
    assert first.split()[2] == "code/night.py:1"
    assert first.split()[-1] == "0.02273"  # however small
    assert best == "code/night.py:1: import os def night() -> int: return 2"
    for left_alone in ("picture.md, line 1: it has a NUL", "old.txt, line 1: it is no utf-8", "huge.md", "1 .exe"):
        assert left_alone in told
    assert "--encoding 'cp1252'" in told


def test_the_same_as_json(tmp_path: Path, capsys: CAPTURE) -> None:
    asked = ["search", str(notes(tmp_path)), "night", "--reranker", BY_LENGTH, "--top-n", "1", "--json"]
    assert main([*asked, "--encoding", "cp1252"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["query"], found["files"], found["candidates"], found["problem"]) == ("night", 4, 3, None)
    assert found["after"][0]["path"] == "old.txt"
    assert found["after"][0]["text"] == "die Nächte night"
    assert found["after"][0]["relevance_score"] == 1 / 16
    assert [row["rank"] for row in found["before"]] == [1]


def test_a_passage_is_at_the_line_where_it_begins(tmp_path: Path, capsys: CAPTURE) -> None:
    (tmp_path / "long.md").write_text("\n\n".join(["a word " * 100, "b word " * 100, "the end of it"]), "utf-8")
    assert main(["search", str(tmp_path), "end", "--reranker", BY_LENGTH, "--json"]) == 0
    (after,) = json.loads(capsys.readouterr().out)["after"]
    assert after["line"] == 3
    assert after["text"].endswith("the end of it")


def test_the_default_reranker_is_on_this_machine(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", str(notes(tmp_path)), "when are backups made?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["after"][0]["path"] == "backups.md"


def test_what_a_document_holds_plays_no_tricks_on_a_terminal(tmp_path: Path, capsys: CAPTURE) -> None:
    (tmp_path / "evil\x1b[2J.md").write_text("night \x1b[31m\x07[bold]x[/bold] :smile:" + " more" * 200, "utf-8")
    assert main(["search", str(tmp_path), "night", "--reranker", BY_LENGTH]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]x[/bold] :smile:" in shown
    assert shown.endswith(" …\n")


def test_no_word_in_common_is_told(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", str(notes(tmp_path)), "zebra", "--reranker", BY_LENGTH]) == 0
    assert "BM25 finds nothing" in capsys.readouterr().out
    assert main(["search", str(tmp_path), "zebra", "--reranker", BY_LENGTH, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["after"] == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere", "there is no such file or folder"),
        ("file.md", "is a file: name the folder that it is in"),
        ("empty", "it is empty): name another folder"),
        ("other", "(files left alone: 1 .exe): name another folder"),
    ],
)
def test_a_folder_without_texts_is_one_line(tmp_path: Path, capsys: CAPTURE, name: str, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tool.exe").touch()
    (tmp_path / "file.md").write_text("night", "utf-8")
    assert main(["search", str(tmp_path / name), "night"]) == 1
    shown, told = capsys.readouterr()
    assert shown == ""
    assert problem in told
    assert told.count("\n") == 1


def test_a_question_before_the_folder_is_told_the_order(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", "who may sign?", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "DIR='who may sign?' is no folder" in told
    assert "the folder comes first, then the question" in told


def test_what_may_not_be_read_is_left_alone(tmp_path: Path, capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root may read all, the system is asked in place of a folder without permission."""
    inner = notes(tmp_path) / "code"
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path) == inner:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert main(["search", str(tmp_path), "night", "--reranker", BY_LENGTH]) == 0
    shown, told = capsys.readouterr()
    assert "night.py" not in shown
    assert f"left alone: [Errno 13] Permission denied: '{inner}'" in told


def test_a_reranker_that_there_is_not_is_told_with_what_was_meant(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", str(notes(tmp_path)), "night", "--reranker", "onx:embedded"]) == 1
    told = capsys.readouterr().err
    assert "did you mean 'onnx:embedded'?" in told
    assert "--reranker" in told
    assert main(["search", str(tmp_path), "night", "--reranker", "coher"]) == 1
    assert "did you mean 'cohere'?" in capsys.readouterr().err
    assert main(["search", str(tmp_path), "night", "--reranker", f"onnx:{tmp_path}"]) == 1
    assert "tokenizer.json" in capsys.readouterr().err


def test_a_reranker_that_ends_the_program_ends_it_with_what_it_says(tmp_path: Path, capsys: CAPTURE) -> None:
    assert main(["search", str(notes(tmp_path)), "night", "--reranker", "tests.cli.commands:leaves"]) == 1
    assert capsys.readouterr().err.endswith("rerank-kit: there is no key\n")

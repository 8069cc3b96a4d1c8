"""`rerank-kit eval` measures, asks before it pays and goes on where it was stopped; `report` shows it once more."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rerank_kit.cli import main
from rerank_kit.cli.progress import Bars
from rerank_kit.evaluate import Progress
from tests.cli.commands import BY_LENGTH, Terminal

CAPTURE = pytest.CaptureFixture[str]
PATCH = pytest.MonkeyPatch
PAID, UNPRICED = "tests.cli.commands:paid", "tests.cli.commands:unpriced"
EVAL = ["eval", "questions.jsonl", "--corpus", "corpus.jsonl"]
QUESTIONS = {"one": "1", "two": "2", "three": "3"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: PATCH) -> Path:
    """A folder with questions and documents, in which one works."""
    monkeypatch.chdir(tmp_path)
    documents = [{"id": place, "text": f"{query} {'and more ' * int(place)}"} for query, place in QUESTIONS.items()]
    Path("corpus.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    questions = [{"query": query, "relevant_ids": [place]} for query, place in QUESTIONS.items()]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")
    return tmp_path


def test_a_table_is_printed_and_a_page_written(capsys: CAPTURE) -> None:
    assert main([*EVAL, "bm25", BY_LENGTH, "--html", "page.html"]) == 0
    shown, told = capsys.readouterr()
    assert "nDCG@10" in shown
    assert BY_LENGTH in shown
    assert "pairs of query and document are scored, " in told
    assert " a second: this takes less than a minute and costs nothing\n" in told
    assert "3 of 3 queries" in told
    assert told.endswith("rerank-kit: wrote page.html, which any browser shows\n")
    assert "<html" in Path("page.html").read_text("utf-8")


def test_every_form_and_once_more_from_what_is_kept(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    assert main([*EVAL, BY_LENGTH, "--queries", "2", "--seed", "3", "--json"]) == 0
    printed = capsys.readouterr().out
    report = json.loads(printed)
    assert [each["name"] for each in report["systems"]] == ["bm25", f"bm25@50 > {BY_LENGTH}"]
    assert (report["dataset"]["queries"], report["dataset"]["seed"]) == (2, 3)
    Path("run.json").write_text(printed, "utf-8")
    for source in ([], ["rerank-kit.sqlite"], ["run.json"], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(printed.encode()))))
        assert main(["report", *source, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == report
    assert main(["report", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["system"] for row in rows] == [each["name"] for each in report["systems"]]
    for form, mark in (("--markdown", "|"), ("--latex", r"\begin{tabular}")):
        assert main(["report", form]) == 0
        assert mark in capsys.readouterr().out


def test_a_price_is_asked_for(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    for typed, code in (("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)):
        asked = Terminal()
        monkeypatch.setattr(sys, "stderr", asked)
        answers = Terminal(typed)
        monkeypatch.setattr(sys, "stdin", answers)
        assert main([*EVAL, PAID, "--store", f"{len(typed)}{code}.sqlite"]) == code
        assert "costs about $2.00" in asked.getvalue()
        assert "Go on? [y/N]" in asked.getvalue()


def test_nobody_is_asked_where_nobody_sits(monkeypatch: PATCH, capsys: CAPTURE) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main([*EVAL, PAID]) == 1
    assert "pass --max-cost DOLLARS, or --yes" in capsys.readouterr().err
    assert main([*EVAL, UNPRICED]) == 1
    assert "costs an unknown amount: the price of bm25@50 >" in capsys.readouterr().err
    assert main([*EVAL, PAID, "--max-cost", "1"]) == 1
    assert "would cost about $2.00: pass --max-cost 2.2 (--max-cost 1.0)" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)
    assert main([*EVAL, UNPRICED, "--yes"]) == 0
    assert main([*EVAL, PAID]) == 1
    assert main([*EVAL, PAID, "--max-cost", "3"]) == 0


def test_bars_are_drawn_at_a_terminal(monkeypatch: PATCH) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with Bars() as bars:
        assert shown.getvalue() == ""
        for done in (1, 2):
            bars(Progress("bm25 [bold]", done, 2, done / 2))
    assert "bm25 [bold]" in shown.getvalue()
    assert "2/2" in shown.getvalue()
    assert "$1.00" in shown.getvalue()


def test_long_runs_say_how_long(capsys: CAPTURE, monkeypatch: PATCH) -> None:
    from rerank_kit.cli.evaluated import planned
    from rerank_kit.evaluate import Plan

    assert planned(Plan(0.0, (), 600.0)) == "this takes about 10 min and costs nothing"
    for pairs, pace in ((12_000, "20"), (1_500, "2.5")):
        told = planned(Plan(0.0, (), 600.0, pairs))
        assert told.startswith(f"about {pairs:,} pairs of query and document are scored, {pace} a second: this takes ")


def test_ctrl_c_says_that_the_same_command_goes_on(capsys: CAPTURE) -> None:
    assert main([*EVAL, "tests.cli.commands:stopped"]) == 130
    told = capsys.readouterr().err
    assert "What was found out is in rerank-kit.sqlite: the same command goes on from there" in told


SLOW = """
import pathlib, time
def slow(query, texts):
    with open("asked", "a") as file:
        file.write(query + "\\n")
    if query == "two" and not pathlib.Path("go on").exists():
        print("waiting", flush=True)  # which goes to stderr
        time.sleep(60)
    return [1.0] * len(texts)
"""


def test_a_process_that_was_stopped_goes_on(folder: Path) -> None:
    (folder / "own.py").write_text(SLOW, "utf-8")
    command = [sys.executable, "-m", "rerank_kit.cli", *EVAL, "own:slow"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        assert process.stderr is not None
        assert "waiting\n" in process.stderr
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.endswith("the same command goes on from there\n")
    (folder / "go on").touch()
    subprocess.run(command, check=True, capture_output=True)
    asked = (folder / "asked").read_text("utf-8").split()
    assert asked.count("one") == 1  # it was known
    assert asked.count("two") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["eval", "nowhere"], 1, "there is no such file or folder"),
        ([*EVAL, "bm25 > onx:embedded"], 1, "did you mean 'onnx:embedded'?"),
        ([*EVAL, "--measure", "best"], 1, "'best'"),
        ([*EVAL, "--csv", "--json"], 2, "--json and --csv exclude each other"),
        ([*EVAL, "--html", "nowhere/page.html"], 2, "is no file in a folder that exists"),
        ([*EVAL, "--html", "."], 2, "is no file in a folder that exists"),
        ([*EVAL, "--store", "questions.jsonl"], 1, "--store 'questions.jsonl' cannot be opened"),
        (["eval", "own"], 1, "into a file: rerank-kit eval questions.csv --corpus own"),
        (["report"], 1, "there is no rerank-kit.sqlite in this folder: run rerank-kit eval first"),
        (["report", "no.sqlite"], 1, "'no.sqlite': there is no such file"),
        (["eval", "questions.jsonl", "--corpus", "own/note.md"], 1, "--corpus 'own/note.md' is a note, and no JSONL"),
        (["eval", "alone.jsonl"], 1, "bm25 needs the documents of the dataset, and alone has none: name their folder"),
        (["eval", "alone.jsonl"], 1, "as in --corpus 'notes', or pass a retriever"),
        (["report", "questions.jsonl"], 1, "is neither the file of an evaluation nor what rerank-kit eval"),
        (["report", "others.sqlite"], 1, "others.sqlite has no report in it: run rerank-kit eval to its end"),
        (["report", "broken.sqlite"], 1, "broken.sqlite is neither the file of an evaluation nor what"),
        (["eval", "table.xlsx"], 1, "table.xlsx, line 1: it is a spreadsheet (.xlsx, .ods) or an archive, and no text"),
        (["report", "list.json"], 1, "list.json has no report in it"),
        (["report", "bytes"], 1, "it is no utf-8"),
        (["report", "other.json"], 1, "version"),
        (["report", "own"], 1, "own"),
    ],
)
def test_what_is_wrong_is_a_line_and_a_code(capsys: CAPTURE, arguments: list[str], code: int, problem: str) -> None:
    Path("own").mkdir()
    Path("own/note.md").write_text("a note", "utf-8")
    Path("alone.jsonl").write_text('{"query": "which?", "relevant_ids": ["a"]}', "utf-8")
    Path("list.json").write_text("[1]", "utf-8")
    Path("other.json").write_text('{"systems": []}', "utf-8")
    Path("bytes").write_bytes(b"\xe4\n")
    with closing(sqlite3.connect("others.sqlite")) as others:
        others.execute("CREATE TABLE things (name)")
    Path("broken.sqlite").write_bytes(b"SQLite format 3\0" + bytes(4096))
    Path("table.xlsx").write_bytes(b"PK\x03\x04" + bytes(100))
    assert main(arguments) == code
    shown, told = capsys.readouterr()
    assert shown == ""
    assert problem in told
    assert told.count("\n") == 1


def test_a_store_that_is_broken_is_told(capsys: CAPTURE) -> None:
    Path("broken.sqlite").write_bytes(b"SQLite format 3\0" + os.urandom(4096))
    for arguments in (["report", "broken.sqlite"], [*EVAL, "--store", "broken.sqlite"]):
        assert main(arguments) == 1
        assert capsys.readouterr().err.count("\n") == 1

"""Errors of Python functions name what was typed: options in place of arguments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.cli import main
from rerank_kit.cli.app import option_names
from rerank_kit.cli.telling import as_options

CAPTURE = pytest.CaptureFixture[str]
MINE = "bm25@50 > tests.cli.commands:by_length"
FROM = ["questions.jsonl", "--corpus", "corpus.jsonl"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with questions and documents, in which one works."""
    monkeypatch.chdir(tmp_path)
    documents = [{"id": f"d{number}", "text": f"word{number} text"} for number in range(30)]
    documents += [{"id": f"e{number}", "text": f"word{number} is in another text"} for number in range(30)]
    Path("corpus.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    asked = [{"query": f"word{number}", "relevant_ids": [f"d{number}"]} for number in range(30)]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, asked)), "utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["calibrate", *FROM, MINE], "pass either --precision or --recall, a share from 0 to 1"),
        (["calibrate", *FROM, MINE, "--precision", "2"], "--precision must be a number above 0, up to 1, not 2.0"),
        (["calibrate", *FROM, MINE, "--recall", "nan"], "--recall must be a number above 0, up to 1, not nan"),
        (["calibrate", *FROM, MINE, "--recall", "0.5", "--method", "magic"], "--method must be 'platt' or 'isotonic'"),
        (
            ["calibrate", *FROM, MINE, "--recall", "0.5", "--method", "isotonic"],
            '--method "isotonic" follows chance with 15 relevant documents: it wants 200 or',
        ),
        (["calibrate", *FROM, "bm25", "--recall", "0.5"], "evaluation has no system with a reranker"),
        (["calibrate", *FROM, MINE, "--precision", "1"], "Ask for less, or for --recall"),
        (
            ["calibrate", *FROM, MINE, "--recall", "0.5", "--max-cost", "-1"],
            "--max-cost must be a finite number above 0",
        ),
        (["calibrate", "none.csv", MINE, "--recall", "0.5"], "DATASET 'none.csv': there is no such file or folder"),
        (["tune", *FROM, MINE, "--against", "none"], "--against 'none' is no system of this evaluation; those are"),
        (["tune", *FROM, MINE, "--margin", "2"], "--margin must be"),
        (["tune", *FROM, MINE, "--margin", "nan"], "--margin must be"),
        (["tune", *FROM, MINE, "--seconds", "-1"], "--seconds must be a finite number above 0"),
        (["tune", *FROM, MINE, "--dollars", "nan"], "--dollars must be a finite number above 0"),
        (["tune", *FROM, MINE, "--encoding", "none"], "--encoding must be one that Python knows"),
        (["tune", *FROM, MINE, "--measure", "beauty"], "'beauty'"),
        (["label", *FROM, MINE, "--max-cost", "-1"], "--max-cost must be a finite number above 0"),
        (
            ["label", *FROM, MINE, "--criterion", " ", "--judge", "tests.cli.test_label:chat"],
            "--criterion must be a str",
        ),
        (["label", "questions.jsonl", MINE, "--corpus", "none"], "--corpus 'none': there is no such file"),
        (["label", *FROM, MINE, "--candidates", "none"], "--candidates 'none': there is no such file"),
        (["eval", *FROM, MINE, "--margin", "-1"], "--margin must be"),
        (["eval", *FROM, "bm25@50 > tests.cli.commands:unpriced", "--max-cost", "1"], "bm25@50"),
        (["plan", "--queries", "5", "--peak", "nan"], "--peak must be at least 1, not nan"),
        (["plan", "--queries", "5", "--machine-price", "nan"], "--machine-price must be US dollars"),
        (["plan", "--queries", "5", "--machine-price", "1e308"], "--machine-price must be 1,000,000,000,000 at most"),
        (["plan", "--queries", "5", "--vendor", "Antropic"], "--vendor 'Antropic' has no back end here: did you mean"),
        (["plan", "--queries", "5", "--pairs-per-second", "onnx:embeded=9"], "--pairs-per-second names 'onnx:embeded'"),
        (["plan", "--queries", "5", "--pairs-per-second", "onnx:embedded=nan"], "--pairs-per-second of onnx:embedded"),
        (["plan", "--queries", "5", "--changed", "nan"], "--changed must be between 0 and 1, not nan"),
        (["plan", "--queries", "5", "--latency", "nan"], "--latency must be a number of seconds above 0, not nan"),
        (["plan", "--queries", "5", "--data-must-stay", "--judge", "claude-haiku-5-5"], "and --data-must-stay: leave"),
        (["plan", "--queries", "5", "--contextual", "claude-haiku-5-5"], "--corpus-tokens is missing"),
    ],
    ids=lambda each: " ".join(each).replace("/", "") if isinstance(each, list) else "",
)
def test_an_error_names_what_was_typed(arguments: list[str], told: str, capsys: CAPTURE) -> None:
    assert main(arguments) in {1, 2}
    shown, error = capsys.readouterr()
    assert shown == ""
    line = error.splitlines()[-1]
    assert told in line
    assert "Traceback" not in error
    python = "|".join(option_names(arguments))
    assert not re.search(rf"(?<![\w.'\"-])({python})=", line)
    assert not re.search(rf"^rerank-kit: (Invalid value: )?({python}) must", line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "max_cost=2 ends it here. It is kept in store=, where it goes on",
            "--max-cost 2 ends it here. It is kept in --store, where it goes on",
        ),
        ("label them, or pass unreviewed=True to go without", "label them, or pass --unreviewed to go without"),
        ("corpus.jsonl, line 3: no JSON", "corpus.jsonl, line 3: no JSON"),
        ("'seed=5' is no query; my.seed=5", "'seed=5' is no query; my.seed=5"),
        ("https://host/path?seed=5&store=7 has no answer", "https://host/path?seed=5&store=7 has no answer"),
        ("seed must be more; or leave max_cost out", "--seed must be more; or leave --max-cost out"),
    ],
)
def test_arguments_become_options_and_other_texts_stay(text: str, shown: str) -> None:
    assert as_options(text, option_names(["label"])) == shown
    assert as_options(text, {}) == text


@pytest.mark.parametrize("arguments", [[], ["--version"], ["nothing"]])
def test_without_a_command_there_are_no_options(arguments: list[str]) -> None:
    assert option_names(arguments) == {}


def test_names_are_those_of_the_command_that_runs() -> None:
    names: dict[str, Any] = option_names(["tune", "questions.csv"])
    assert (names["as_json"], names["dataset"], names["systems"]) == ("--json", "DATASET", "SYSTEM")
    assert (names["max_cost"], names["yes"], names["money"], names["path"]) == (
        "--max-cost",
        "--yes",
        "--dollars",
        "DATASET",
    )
    assert "precision" not in names

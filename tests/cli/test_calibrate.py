"""`rerank-kit calibrate` and `rerank-kit tune`: what labelled questions say of scores and of settings."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from rerank_kit import Calibrated, Calibration, Reranker
from rerank_kit.cli import main
from rerank_kit.cli.calibrate import told
from rerank_kit.evaluate import read_dataset, write_dataset

CAPTURE = pytest.CaptureFixture[str]
NOISY = "bm25@50 > tests.cli.test_calibrate:noisy"
QUESTIONS = 30


def noisy(query: str, texts: Sequence[str]) -> list[float]:
    return [random.Random(text).random() * (1.0 if text.endswith("answer") else 0.6) for text in texts]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with questions and documents, in which one works."""
    monkeypatch.chdir(tmp_path)
    documents = [
        {"id": f"{number} {kind}", "text": f"word{number} {kind}"}
        for number in range(QUESTIONS)
        for kind in ("answer", "other", "third")
    ]
    Path("corpus.jsonl").write_text("\n".join(map(json.dumps, documents)), "utf-8")
    questions = [{"query": f"word{number}", "relevant_ids": [f"{number} answer"]} for number in range(QUESTIONS)]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")


CALIBRATE = ["calibrate", "questions.jsonl", "--corpus", "corpus.jsonl"]
TUNE = ["tune", "questions.jsonl", "--corpus", "corpus.jsonl"]


def test_a_threshold_is_found_told_and_written_for_a_calibrated_reranker(capsys: CAPTURE) -> None:
    assert main([*CALIBRATE, NOISY, "--recall", "0.8", "--top-n", "2", "--seed", "1", "--out", "mine.json"]) == 0
    shown, _ = capsys.readouterr()
    assert shown.startswith(f"{NOISY}: a document passes where its probability is 0.")
    halves = "on 15 questions that it was not chosen on [and on the 15 that it was]:"
    assert f"for recall 0.8\n{halves}\n  precision 0." in shown
    assert re.search(r"recall 0\.\d\d \(0\.\d\d to [01]\.\d\d\) \[0\.8\d\]: so many of the relevant candidates", shown)
    assert "of the questions are left with nothing" in shown
    assert "the best score tells a question from the same one without its answers" in shown
    assert shown.endswith("written to mine.json\n")
    calibration = Calibration.load("mine.json")
    reranker = Calibrated(Reranker.of(noisy), calibration)
    ranking = reranker.rerank("word1", ["word1 answer", "word1 other"], threshold="calibrated")
    assert all(hit.score >= calibration.threshold for hit in ranking)
    assert main([*CALIBRATE, NOISY, "--precision", "0.4", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(Calibration.load("calibration.json").to_dict()))
    assert printed["goal"] == "precision"


def test_questions_that_nothing_answers_are_asked_and_told(capsys: CAPTURE) -> None:
    with Path("questions.jsonl").open("a", encoding="utf-8") as file:
        file.writelines("\n" + json.dumps({"query": f"word{each} third", "relevant_ids": []}) for each in range(10))
    assert main([*CALIBRATE, NOISY, "--recall", "0.8"]) == 0
    shown, _ = capsys.readouterr()
    assert "on 15 questions that it was not chosen on" in shown
    assert "of 5 questions that nothing answers get something all the same" in shown
    assert "left out" not in shown


def test_what_only_labelled_systems_did_not_find_counts_as_unanswered_when_somebody_says_so(capsys: CAPTURE) -> None:
    data = read_dataset("questions.jsonl", corpus="corpus.jsonl")
    lost = {f"lost{each}": f"word{each} third" for each in range(10)}
    labels = {query: {"0 other": 0} for query in lost}
    by = {query: {"0 other": "a person"} for query in lost}
    judgements = {**data.judgements, **labels}
    whole = dataclasses.replace(data, queries={**data.queries, **lost}, judgements=judgements, labelled_by=by)
    write_dataset(whole, "labelled")
    assert main(["calibrate", "labelled", NOISY, "--recall", "0.8"]) == 0
    shown = capsys.readouterr().out
    assert "10 questions left out for which label had documents labelled and none was relevant: whether" in shown
    assert "that nothing answers" not in shown
    assert "without a relevant document left out" not in shown
    assert main(["calibrate", "labelled", NOISY, "--recall", "0.8", "--unfound"]) == 0
    shown = capsys.readouterr().out
    assert "of 5 questions that nothing answers get something all the same" in shown
    assert "--unfound" not in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "pass either --precision or --recall"),
        (["--precision", "2"], "--precision must be a number above 0"),
        (["--recall", "0.5", "--method", "magic"], "--method must be"),
        (["--recall", "0.5", "--queries", "5"], "5 queries with a relevant document: too few to calibrate"),
    ],
)
def test_what_cannot_be_is_one_line(options: list[str], message: str, capsys: CAPTURE) -> None:
    assert main([*CALIBRATE, NOISY, *options]) != 0
    shown, error = capsys.readouterr()
    assert shown == ""
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize("command", [[*CALIBRATE, "--recall", "0.5"], TUNE])
def test_too_few_questions_are_told_before_anything_is_asked(command: list[str], capsys: CAPTURE) -> None:
    Path("questions.jsonl").write_text(json.dumps({"query": "word1", "relevant_ids": ["1 answer"]}), "utf-8")
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rerank-kit: 1 query with a relevant document: too few to ")


def test_what_is_not_known_is_said() -> None:
    nothing = {"value": 1.0, "low": 1.0, "high": 1.0}
    held = {
        "queries": 5,
        "without_answer": 1,
        "precision": None,
        "recall": nothing,
        "nothing_passes": nothing,
        "passes_without_answer": nothing,
    }
    known = {
        "system": "it",
        "held_out": held,
        "chosen_on": held,
        "nothing_relevant": {"auroc": None},
        "left_out": 5,
        "unfound": 2,
    }
    calibration = Calibration("f", "it", "platt", ((1.0, 0.0),), 0.5, "recall", 0.9, told=known)
    lines = told(calibration)
    assert "  precision not known, since nothing passed [not known, since nothing passed]: so many" in lines[2]
    assert lines[-3].startswith("  1.00 (1.00 to 1.00) [1.00] of 1 question that nothing answers get something")
    assert lines[-2].startswith("3 questions without a relevant document left out")
    assert lines[-1].startswith("2 questions left out for which label had documents labelled and none was relevant")
    assert len(lines) == 8


def test_settings_are_searched_and_told(capsys: CAPTURE) -> None:
    assert main([*TUNE, NOISY]) == 0
    shown, _ = capsys.readouterr()
    assert shown.startswith(("better: use ", "inconclusive: keep ", "equal: keep "))
    assert "on queries that the choice did not see" in shown
    assert "settings tried. nDCG@10 on the queries they are chosen on" in shown
    assert f"s  plain: {NOISY}, 50 candidates" in shown
    assert main([*TUNE, NOISY, "--seconds", "10", "--dollars", "1", "--against", NOISY, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["use"] == "bm25 alone"
    assert printed["over_budget"] == f"{NOISY}, 50 candidates"
    assert "is not known to keep within 10 s and $1 a query: it takes " in printed["text"]
    assert printed["text"].endswith(" s and an unknown price a query")
    assert printed["excluded"] > 0  # what a function costs is not known
    assert main([*TUNE, NOISY, "--seconds", "10", "--against", NOISY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["against"]["system"] == NOISY
    assert main([*TUNE, NOISY, "--against", "bm25", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["against"]["system"] == "bm25"
    assert main([*TUNE, NOISY, "--seconds", "1e-9"]) == 1
    assert "nothing that was tried keeps within 1e-09 s a query: least takes " in capsys.readouterr().err
    assert main([*TUNE, NOISY, "--against", "none"]) != 0
    assert "none" in capsys.readouterr().err

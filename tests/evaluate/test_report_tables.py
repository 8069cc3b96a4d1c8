"""Evaluations as text, Markdown, LaTeX, CSV and a data frame: all say the same, and no name is taken for markup."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.errors import MissingExtra
from rerank_kit.evaluate import Dataset, evaluate
from rerank_kit.evaluate.report import as_csv, as_html, as_latex, as_markdown, as_text, to_pandas
from rerank_kit.evaluate.report.characters import in_a_line, visible
from tests.evaluate.reported import HOSTILE, reported

FORMATS: list[Callable[[Any], Any]] = [as_text, as_markdown, as_latex, as_csv, as_html, to_pandas]
CELLS = {
    "bm25": ["–", "200", "0.500", "0.333", "12.3 ms", "0.00 ms", "250 ms", "–", "$0.00"],
    "one": ["▲ better", "37.5", "0.643", "0.333", "2.01 s", "0.00 ms", "300 s", "12,346", "$0.0012"],
    "two": ["▼ worse", "37.5", "0.786", "0.333", "?", "?", "?", "?", "?"],
}
"""What is unknown is no 0, and what costs nothing is no "?"."""


def text_rows(text: str) -> dict[str, list[str]]:
    """The rows of a table, by the systems' names, wherever they stand."""
    rows: dict[str, list[str]] = {name: [] for name in CELLS}
    for line in text.partition("Verdicts")[0].splitlines():
        name, *cells = re.split(r" {2,}", line)
        if name in rows:
            rows[name] += cells
    return rows


@pytest.mark.parametrize("width", [200, 100, 60, 40])
def test_text_of_any_width_has_every_number_and_keeps_to_its_width(width: int) -> None:
    text = as_text(reported(), width)
    assert text_rows(text) == CELLS
    assert max(map(len, text.splitlines())) <= width
    assert "- one is compared with bm25" in text
    assert "Do not ship it" in " ".join(text.split())
    assert "\x1b" not in text


def test_colours_are_asked_for_and_change_no_column() -> None:
    coloured = as_text(reported(), 200, colour=True)
    assert "\x1b[32m▲ better\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == as_text(reported(), 200)


@pytest.mark.parametrize("letter", ["n", "名", "e\u0301"])
def test_long_names_are_cut_in_the_middle_and_columns_stay_under_each_other(letter: str) -> None:
    names = ["bm25", f"front {letter * 200} back", "two"]
    lines = as_text(reported(names=names), 50).splitlines()
    cut = next(line for line in lines if line.startswith("front"))
    assert re.match(rf"front {letter}*[^ ]*…[^ ]* back ", cut)
    at = lines.index(cut)
    assert lines[at].endswith("▲ better") or "0.643" in lines[at]
    assert as_text(reported(names=names), 2000).count(names[1]) == 1 + 3  # table, answer, verdict, finding


def test_markdown_has_the_same_cells() -> None:
    lines = as_markdown(reported()).splitlines()
    header, rule, *rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    assert len(header) == len(rule)
    unescaped = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in rows]
    assert {name: cells for name, *cells in unescaped} == CELLS


def test_latex_has_the_same_cells() -> None:
    rows = re.search(r"\\midrule\n(.*?)\\bottomrule", as_latex(reported()), re.DOTALL)
    assert rows is not None
    said = {r"\$": "$", "--": "–", r"$\uparrow$": "▲", r"$\downarrow$": "▼"}
    text = rows[1]
    for latex, meant in said.items():
        text = text.replace(latex, meant)
    found = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines()]
    assert {name: cells for name, *cells in found} == CELLS


def test_csv_has_the_numbers_as_they_are_and_nothing_where_they_are_unknown() -> None:
    given = reported()
    rows = list(csv.DictReader(io.StringIO(as_csv(given))))
    for row, system in zip(rows, given["systems"], strict=True):
        assert row["system"] == system["name"]
        assert {name: float(row[name]) for name in given["measures"]} == system["values"]
        assert (float(row["cost_per_1000"]) if row["cost_per_1000"] else None) == system["cost_per_1000"]
        assert (float(row["p95_seconds"]) if row["p95_seconds"] else None) == (system["seconds"] or {}).get("p95")
    assert [row["verdict"] for row in rows] == ["", "better", "worse"]
    assert [row["failed"] for row in rows] == ["0", "0", "1"]


def test_a_data_frame_has_the_same_rows() -> None:
    pandas = pytest.importorskip("pandas")
    given = reported()
    frame = to_pandas(given)
    assert list(frame["system"]) == ["bm25", "one", "two"]
    assert list(frame["nDCG@10"]) == [each["values"]["nDCG@10"] for each in given["systems"]]
    assert pandas.isna(frame["cost_per_1000"][2])
    assert list(frame.columns) == as_csv(given).splitlines()[0].split(",")


def test_without_pandas_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="to_pandas needs the package pandas"):
        to_pandas(reported())


@pytest.mark.parametrize("write", FORMATS[:4])
def test_hostile_names_and_texts_stay_text(write: Callable[[Any], str]) -> None:
    names = ["bm25", *HOSTILE, "a|b", r"\input{secret} 100% $x_1^2$ #~", "[link](javascript:alert(1)) **bold**"]
    text = write(reported(texts=HOSTILE, names=names))
    text.encode()
    assert not set("\x00\x1b\x07\x7f\x85\u202e\u2066\u2028\u2029\r") & set(text)
    assert text.count("\n") < 150
    if write is as_markdown:
        assert not re.search(r"(?<!\\)[<`*\[]", re.sub(r"^\*\*[\w ]+\*\*$", "", text, flags=re.MULTILINE))
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}) == 1
    if write is as_latex:
        assert r"\textbackslash{}input\{secret\} 100\% \$x\_1\textasciicircum{}2\$ \#\textasciitilde{}" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\r\nc\rd", "a\tb\nc\nd"),
        ("\x00\x1b[0m\x7f", "␀␛[0m␡"),
        ("x\u202ey", "x⟨U+202E⟩y"),
        ("\ud83d", "\ufffd"),
        ("שלום 👩\u200d🚀", "שלום 👩\u200d🚀"),
    ],
)
def test_what_steers_is_seen_and_what_joins_letters_stays(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert in_a_line(text) == " ".join(shown.split())


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("a.json", "must be an Evaluation or its plain values, not 'a.json': pass an Evaluation"),
        ({}, "has the version None, and this release reads version 1"),
        ({**reported(), "version": 2}, "has the version 2"),
        ({**reported(), "systems": None}, r"evaluation\['systems'\] must be a list, not None"),
    ],
)
def test_what_is_no_evaluation_is_refused(write: Callable[[Any], Any], wrong: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        write(wrong)


def test_a_terminal_of_no_width_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"width must be .*40"):
        as_text(reported(), 10)


def backwards(_: str, texts: Sequence[str]) -> list[float]:
    return [text.count("sleep") for text in texts]


def test_an_evaluation_itself_is_taken() -> None:
    queries = {each: f"what do {each} eat" for each in ("cats", "dogs", "cows")}
    documents = {f"{each} {what}": f"{each} {what}" for each in queries for what in ("eat", "sleep")}
    data = Dataset("animals", queries, {each: {f"{each} eat": 1} for each in queries}, documents)
    found = evaluate(data, {"mine": backwards})
    assert as_csv(found) == as_csv(found.to_dict())
    assert "$0.00" in as_text(found)
    assert "animals" in as_html(found)


def test_a_system_by_itself_has_nothing_to_be_compared_with() -> None:
    text = as_text({**reported(names=["bm25"]), "findings": []})
    assert "Verdicts" not in text
    assert "nothing to compare it with" in as_html(reported(names=["bm25"]))


def test_a_sample_says_of_how_many_and_an_unknown_size_is_left_out() -> None:
    given = reported()
    given["dataset"] |= {"of": 1000, "documents": None}
    assert "6 of 1,000 queries (seed 7)" in as_text(given)
    assert "documents" not in as_text(given).splitlines()[0]


def test_a_reranker_that_was_not_compared_has_no_verdict() -> None:
    given: dict[str, Any] = {**reported(), "comparisons": []}
    assert text_rows(as_text(given, 200))["one"][0] == "?"

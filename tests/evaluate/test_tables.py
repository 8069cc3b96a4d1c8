"""Tables of any origin: separators, headers, cells that look like formulas, and files that are no tables."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import read_dataset
from rerank_kit.evaluate.report import as_csv
from rerank_kit.evaluate.tables import as_cell, of_cell, rows
from tests.evaluate.reported import reported

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1+1", "''@x", "\uff1d1")
TEXTS = ("a", "", "'quoted'", "1-1", "a=b", "'")


@pytest.mark.parametrize("text", FORMULAS + TEXTS)
def test_a_cell_is_no_formula_and_gives_the_text_back(text: str) -> None:
    assert of_cell(as_cell(text)) == text
    assert as_cell(text).startswith("'") == (text in FORMULAS or text.startswith("'"))


def test_names_of_systems_in_csv_are_no_formulas(tmp_path: Path) -> None:
    name = '=HYPERLINK("http://x.example")'
    written = as_csv(reported(names=("bm25", name)))
    assert [row["system"] for row in csv.DictReader(io.StringIO(written))] == ["bm25", f"'{name}"]
    path = tmp_path / "read.csv"
    path.write_text(written, "utf-8")
    assert [row["system"] for _, row in rows(path, "utf-8")] == ["bm25", name]


def test_a_question_that_begins_like_a_formula_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_text("question,quote\n'=SUM of what?,'- the second item\n", "utf-8")
    read = read_dataset(path)
    assert (read.queries, read.quotes) == ({"q1": "=SUM of what?"}, {"q1": ["- the second item"]})


def test_a_first_line_may_say_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_text("sep=|\r\nquestion|quote\r\nwhen, and where?|at two; here\r\nand||x|y\r\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"line 4: 4 cells under 2 columns: .* texts with '\|' in them"):
        read_dataset(path)
    path.write_text("sep=;\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"questions.csv is empty"):
        read_dataset(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            b"When is it due?,in March\nAnd who says so?,the office\n",
            "line 1: the first line names the columns, and has 'When is it due?', 'in March': one must be called",
        ),
        (b"question,quote,quote\nwhen?,at two,at three\n", "line 1: two columns are called 'quote'"),
        (b"question,query\nwhen?,at two\n", "line 2: 'query' says once more what query is"),
        (b"PK\x03\x04\0\0", r"it is a spreadsheet .*: open it in the program that it is of, and save it as CSV"),
        (b"\xd0\xcf\x11\xe0\0\0", r"is a file of an older Office"),
        (b"%PDF-1.7\n", "is a PDF, and no text"),
        (b"SQLite format 3\0", "is a database of SQLite"),
        (b"PAR1\x15\x04", "is a table of Parquet"),
        (b"\x1f\x8b\x08\0", r"is packed by gzip: give it a name that ends in .gz"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_what_is_no_table_of_questions_is_told_with_the_remedy(
    tmp_path: Path, content: bytes, told: str, encoding: str
) -> None:
    path = tmp_path / "questions.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told.replace("?", r"\?")):
        read_dataset(path, encoding=encoding)

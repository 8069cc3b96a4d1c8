"""Questions with their labels, as people write them: a JSONL file with one a line, or a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.corpus import text_with_title
from rerank_kit.evaluate.dataset import some
from rerank_kit.evaluate.tables import rows
from rerank_kit.evaluate.text_files import Object, Place, objects, plain
from rerank_kit.evaluate.trec_files import Grades
from rerank_kit.quoting import quoted
from rerank_kit.texts import is_blank

TABLES = (".csv", ".tsv")
"""Endings of files that are read as tables."""

_KEYS = {  # what a field may be called, in small letters and with _ for what is between words
    "query": ("query", "question", "text"),
    "id": ("id", "_id", "query_id", "question_id"),
    "relevant_ids": ("relevant_ids", "relevant_id", "document_ids", "document_id"),
    "grade": ("grade",),
    "relevant_texts": ("relevant_texts", "relevant_text"),
    "quotes": ("quotes", "quote", "answer_quote", "answer_quotes"),
    "ranges": ("ranges", "range"),
    "candidates": ("candidates",),
}
_FIELDS = {name: kind for kind, names in _KEYS.items() for name in names}
_LABELS = ("relevant_ids", "relevant_texts", "quotes", "ranges")
_SAID = {"y": 1, "yes": 1, "true": 1, "n": 0, "no": 0, "false": 0}
_SEPARATORS = re.compile(r"[\s-]+")


@dataclass
class Question:
    """One query, with everything that is said of it in all of its lines."""

    id: str
    text: str
    place: Place
    texts: list[str] = field(default_factory=list[str])
    quotes: list[str] = field(default_factory=list[str])
    ranges: list[tuple[Place, object]] = field(default_factory=list[tuple[Place, object]])
    candidates: list[tuple[str | None, str | None]] = field(default_factory=list[tuple[str | None, str | None]])


@dataclass(frozen=True)
class Questions:
    """What a file of questions says.

    Attributes:
        by_id: The questions.
        grades: The labels that are ids.
        notes: What was left alone.
    """

    by_id: Mapping[str, Question]
    grades: Grades
    notes: tuple[str, ...]


def read_questions(path: Path, encoding: str, *, labelled: bool = True) -> Questions:
    """Read questions. Lines with the same id, or without one and with the same text, are one query.

    Args:
        path: Where they are.
        encoding: Of the file.
        labelled: Whether labels are needed.

    Raises:
        ConfigurationError: There are none, none is labelled, two have one id, or a line cannot be understood.
    """
    found: dict[str, Question] = {}
    by_text: dict[str, str] = {}
    grades, seen, others = Grades(), set[str](), dict[str, None]()
    table = path.name.lower().removesuffix(".gz").endswith(TABLES)
    columns: list[str | None] = []

    def check(place: Place, names: Sequence[str]) -> None:
        _check_header(place, names)
        columns.extend(map(_kind, names))

    for place, row in rows(path, encoding, check) if table else objects(path, encoding):
        known = _known(place, row, others)
        seen |= known.keys()
        question = _question(place, known, found, by_text)
        unfilled = "grade" not in known and "grade" in {*columns, *map(_kind, row)}  # a sheet to be filled in
        for document, grade in () if unfilled else _graded(place, known.get("relevant_ids"), known.get("grade")):
            grades.add(place, question.id, document, grade)
        if known.get("relevant_ids") == []:  # nothing answers it
            grades.judgements.setdefault(question.id, {})
        question.texts += _texts(place, known, "relevant_texts")
        question.quotes += _texts(place, known, "quotes")
        question.ranges += [(place, each) for each in _listed(known.get("ranges"))]
        question.candidates += [_candidate(place, each) for each in _listed(known.get("candidates"))]
    _check(path, found, seen if labelled else {*seen, *_LABELS}, others)
    return Questions(found, grades, (f"left alone: {some(others)}",) if others else ())


def _check_header(place: Place, names: Sequence[str]) -> None:
    """Refuse a table without a column of questions, as one of which the first line is a question already."""
    if not any(_kind(name) == "query" for name in names):
        there = f"the first line names the columns, and has {some(names)}"
        place.refuse(f"{there}: one must be called question, as in a first line: question,quote")


def _kind(name: str) -> str | None:
    """Which of our fields is called so."""
    return _FIELDS.get(_SEPARATORS.sub("_", name.strip().casefold()))


def _known(place: Place, row: Object, others: dict[str, None]) -> dict[str, Any]:
    """The fields of a row under our names; names that are none are added to the others."""
    known: dict[str, Any] = {}
    for name, value in row.items():
        kind = _kind(name)
        if kind is None:
            others[name] = None
        elif kind in known:
            place.refuse(f"{quoted(name)} says once more what {kind} is: leave one of them")
        elif value is not None:
            known[kind] = value
    return known


def _question(place: Place, known: Object, found: dict[str, Question], by_text: dict[str, str]) -> Question:
    """The query of a row: a new one, or the one that it belongs to."""
    if "query" not in known:
        place.refuse(f"there is no query, which belongs under {some(_KEYS['query'])}")
    text = plain(place, known["query"], "query")
    if is_blank(text):
        place.refuse("the query has nothing in it: write the question, or take the line out")
    name = plain(place, known["id"], "id") if "id" in known else by_text.get(text) or f"q{len(found) + 1}"
    first = found.setdefault(name, Question(name, text, place))
    if first.text != text:
        place.refuse(f"the id {name!r} is that of line {first.place.line:,} too: give each query its own, or none")
    by_text.setdefault(text, name)
    return first


def _check(path: Path, found: Mapping[str, Question], seen: set[str], others: Mapping[str, None]) -> None:
    if not found:
        msg = f"{path} is empty: it has a question and its labels a line"
        raise ConfigurationError(msg)
    if seen.isdisjoint(_LABELS):
        there = f", and {some(others)}, which says nothing to us" if others else ""
        msg = (
            f"{path} says of no query what answers it: there is {some(sorted(seen))}{there}. Add relevant_ids, the ids "
            "of documents, or quotes, a sentence of the text that answers"
        )
        raise ConfigurationError(msg)


def _graded(place: Place, value: object, told: object) -> Iterator[tuple[str, int]]:
    """Documents' ids with grades; without a grade it is 1.

    Args:
        place: Where the row stands.
        value: What it says of ids.
        told: The grade of all of them, where the row has one.
    """
    general = 1 if told is None else grade_of(place, told)
    if isinstance(value, dict):
        for name, grade in cast("dict[str, object]", value).items():
            if not isinstance(grade, int) or isinstance(grade, bool) or grade < 0:
                place.refuse(f"the grade of {name!r} must be a whole number of at least 0, not {quoted(grade)}")
            yield plain(place, name, "relevant_ids"), grade
        return
    for each in value.splitlines() if isinstance(value, str) else _listed(value):  # a cell may have several lines
        name = plain(place, each, "relevant_ids").strip()
        if name:
            yield name, general


def grade_of(place: Place, value: object) -> int:
    """The grade in a cell: a whole number of at least 0, or yes or no.

    Raises:
        ConfigurationError: It is neither.
    """
    said = str(value).strip().casefold()
    if said in _SAID:
        return _SAID[said]
    if isinstance(value, bool) or not (said.isascii() and said.isdigit() and len(said) < len("1000")):
        place.refuse(f"the grade must be 1 or yes, 0 or no, or a whole number up to 999, not {quoted(value)}")
    return int(said)


def _texts(place: Place, known: Object, name: str) -> list[str]:
    texts = [plain(place, each, name) for each in _listed(known.get(name))]
    if any(map(is_blank, texts)):
        place.refuse(f"{name} has a text with nothing in it: take it out")
    return texts


def _listed(value: object) -> Sequence[object]:
    """What is in a list; a value by itself is one."""
    if isinstance(value, list):
        return cast("list[object]", value)
    return () if value is None else [value]


def _candidate(place: Place, value: object) -> tuple[str | None, str | None]:
    """The id and the text of a candidate, as far as they are told."""
    if not isinstance(value, dict):
        return None, plain(place, value, "a candidate")
    row = cast("Object", value)
    name = next((row[key] for key in ("id", "_id") if row.get(key) is not None), None)
    text = text_with_title(place, row) if name is None or "text" in row else None
    return None if name is None else plain(place, name, "a candidate's id"), text

"""Judgements and runs as TREC and BEIR write them: one query and one document a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.text_files import Place, lines
from rerank_kit.texts import counted

_OF_BEIR, _OF_TREC, _OF_A_RUN = 3, 4, 6


@dataclass
class Grades:
    """Judgements as they are gathered, each with its place, so that contradictions can be told."""

    def __post_init__(self) -> None:
        self.judgements: dict[str, dict[str, int]] = {}
        self.repeated = 0
        self._places: dict[tuple[str, str], Place] = {}

    def add(self, place: Place, query: str, document: str, grade: int) -> None:
        """Add one.

        Raises:
            ConfigurationError: The pair has another grade already.
        """
        grades = self.judgements.setdefault(query, {})
        if grades.get(document, grade) != grade:
            first = self._places[query, document]
            place.refuse(
                f"query {query!r} and document {document!r} have the grade {grade}, and {grades[document]} in line "
                f"{first.line:,}: leave one of them"
            )
        self.repeated += document in grades
        grades[document] = grade
        self._places[query, document] = place


def read_judgements(path: Path, encoding: str) -> tuple[dict[str, dict[str, int]], tuple[str, ...]]:
    """The judgements in a file, by query, and notes.

    A line has query, document and grade, as in BEIR, or four fields with the document in the third place, as in TREC;
    a header is left out. A grade below 0, which TREC has for spam, is 0.

    Raises:
        ConfigurationError: The file is empty, a line is not so, or a pair has two grades.
    """
    grades = Grades()
    negative = 0
    for place, line in lines(path, encoding):
        fields = _fields(line)
        if len(fields) not in {_OF_BEIR, _OF_TREC}:
            place.refuse(f"query, document and grade are needed, with tabs between them, not {len(fields)} fields")
        grade = _grade(fields[-1])
        if grade is None:
            if place.line == 1:
                continue
            place.refuse(f"a grade must be a whole number, not {fields[-1]!r}")
        negative += grade < 0
        grades.add(place, fields[0], fields[-2], max(0, grade))
    if not grades.judgements:
        msg = f"{path} has no judgements: each line has a query's id, a document's id and a grade, with tabs between"
        raise ConfigurationError(msg)
    notes = (
        (grades.repeated, f"{counted(grades.repeated, 'judgement')} written twice in {path.name}"),
        (negative, f"{counted(negative, 'grade')} below 0 in {path.name} counted as 0"),
    )
    return grades.judgements, tuple(note for number, note in notes if number)


def read_run(path: Path, encoding: str) -> Mapping[str, Sequence[str]]:
    """What a run brought for each query, best first: by scores; where these are equal by ranks, or as they come.

    A line is `query Q0 document rank score name`.

    Raises:
        ConfigurationError: The file is empty, a line is not so, or a document comes twice for a query.
    """
    scores: dict[str, dict[str, tuple[float, float]]] = {}
    for place, query, document, score in _run(path, encoding):
        found = scores.setdefault(query, {})
        if document in found:
            place.refuse(f"document {document!r} comes twice for query {query!r}: leave one of them")
        found[document] = score
    if not scores:
        msg = f"{path} is empty: a run has lines such as: q1 Q0 d7 1 12.5 bm25"
        raise ConfigurationError(msg)
    return {query: sorted(found, key=found.__getitem__) for query, found in scores.items()}


def _run(path: Path, encoding: str) -> Iterator[tuple[Place, str, str, tuple[float, float]]]:
    """Lines, with what documents are ordered by."""
    for place, line in lines(path, encoding):
        fields = _fields(line)
        try:
            score = float(fields[4]) if len(fields) == _OF_A_RUN else float("nan")
        except ValueError:
            score = float("nan")
        if score != score:  # noqa: PLR0124 - it is no number
            place.refuse(f"a run's line is: query Q0 document rank score name, not {line[:80]!r}")
        yield place, fields[0], fields[2], (-score, _rank(fields[3]))


def _rank(field: str) -> float:
    """A rank; that of a run without ranks is no number, and counts for nothing."""
    return float(field) if field.isascii() and field.isdigit() else 0.0


def _fields(line: str) -> list[str]:
    """What stands between tabs; between spaces, where there are no tabs."""
    return [field.strip() for field in line.split("\t")] if "\t" in line else line.split()


def _grade(field: str) -> int | None:
    try:
        number = float(field)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None

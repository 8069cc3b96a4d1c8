"""Labels of a person as a table: written for spreadsheets, which compute nothing of it, and read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.pooling import Pair
from rerank_kit.evaluate.questions import grade_of
from rerank_kit.evaluate.tables import append, as_cell, of_cell, rows
from rerank_kit.evaluate.text_files import Object, Place, path_of
from rerank_kit.quoting import quoted
from rerank_kit.texts import encodable
from rerank_kit.whole_files import write_whole

_OTHER = ": save the file as UTF-8, or "
_AS_UTF_8 = ": save it once more in your spreadsheet, and choose CSV UTF-8 among the kinds of CSV"
_COMPARED = 200  # characters: spreadsheets cut long cells

COLUMNS = ("id", "question", "document id", "document", "grade")
"""The names under which `read_dataset` knows them, too."""


def write_sheet(path: Path, pairs: Sequence[tuple[Pair, int | None]]) -> Path:
    """Write pairs, with a grade where there is one. Nothing says what a judge made of them.

    Raises:
        ConfigurationError: There is such a file, or it cannot be written.
    """
    if path.exists():
        msg = f"path={str(path)!r} is there already, and may have labels in it: read it, or name another file"
        raise ConfigurationError(msg)
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows(_row(pair, grade) for pair, grade in pairs)
    try:
        write_whole(path, [text.getvalue().encode("utf-8-sig")])  # Excel takes it for UTF-8 by its beginning
    except OSError as error:
        raise _not_written(path, error) from error
    return path


def _row(pair: Pair, grade: int | None) -> list[str]:
    texts = (pair.query, pair.question, pair.document, pair.text)
    return [*(as_cell(encodable(each)) for each in texts), "" if grade is None else str(grade)]


def _not_written(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"path={str(path)!r} cannot be written: {error.strerror}: name another file")


def add_to_sheet(path: str | Path, pairs: Sequence[tuple[Pair, int | None]]) -> int:
    """Put pairs that a table does not have behind its rows, which stay as they are, and return how many they are.

    Raises:
        ConfigurationError: There is no such table, or it cannot be written.
    """
    where = path_of("path", path)
    header: list[str] = []

    def check(place: Place, names: Sequence[str]) -> None:
        _check_header(place, names)
        header.extend(names)

    there = {(row.get("id", ""), row.get("document id", "")) for _, row in _rows(where, check)}
    if not header:
        Place(where, 1).refuse("there is nothing in it: remove the file, and it is written anew")
    missing = [(pair, grade) for pair, grade in pairs if _cells(pair.query, pair.document) not in there]
    if missing:
        try:
            append(where, header, (dict(zip(COLUMNS, _row(*each), strict=True)) for each in missing))
        except OSError as error:
            raise _not_written(where, error) from error
    return len(missing)


def read_sheet(path: str | Path, known: Mapping[tuple[str, str], Pair], data: Dataset) -> dict[Pair, int]:
    """The grades that somebody filled in; rows without a grade are left out.

    Raises:
        ConfigurationError: There is no such query or document, a grade is none, or a pair has two.
    """
    where = path_of("path", path)
    by_cell = {_cells(*ids): pair for ids, pair in known.items()}
    found: dict[Pair, int] = {}
    places: dict[Pair, Place] = {}
    for place, row in _rows(where, _check_header):
        if "grade" not in row:
            continue
        ids = row.get("id", ""), row.get("document id", "")
        pair, grade = by_cell.get(ids) or _own(place, ids, data), grade_of(place, row["grade"])
        _check_same(place, row, pair)
        if found.get(pair, grade) != grade:
            told = f"{quoted(ids[0])} and {quoted(ids[1])} have the grade {grade}, and {found[pair]} in line"
            place.refuse(f"{told} {places[pair].line:,}: leave one of them")
        found[pair] = grade
        places[pair] = place
    return found


def _rows(path: Path, check: Callable[[Place, Sequence[str]], None]) -> Iterator[tuple[Place, Object]]:
    """The rows of a table, which is UTF-8 as it was written, whatever the encoding of other files."""
    try:
        yield from rows(path, "utf-8", check)
    except ConfigurationError as error:
        told, other, _ = str(error).partition(_OTHER)
        if not other:
            raise
        msg = f"{told}{_AS_UTF_8}"
        raise ConfigurationError(msg) from error


def _check_header(place: Place, names: Sequence[str]) -> None:
    missing = [each for each in ("id", "document id", "grade") if each not in names]
    if missing:
        place.refuse(f"no column is called {quoted(missing[0])}: leave the first line as it was written")


def _check_same(place: Place, row: Mapping[str, str], pair: Pair) -> None:
    """Refuse a row whose ids are of other texts by now, as where questions are counted and one was put before them."""
    for name, text in (("question", pair.question), ("document", pair.text)):
        given, known = (" ".join(each.split())[:_COMPARED] for each in (row.get(name, ""), _cell(text)))
        if given and given != known:
            column = "id" if name == "question" else "document id"
            told = f"{column} {quoted(row[column])} stands for another {name} than when this was written"
            place.refuse(
                f"{told}, {quoted(given)}: give your questions and documents ids of their own, and write the table anew"
            )


def _cells(query: str, document: str) -> tuple[str, str]:
    """Ids as they come out of a table."""
    return _cell(query), _cell(document)


def _cell(text: str) -> str:
    return of_cell(as_cell(encodable(text)).strip())


def _own(place: Place, ids: tuple[str, str], data: Dataset) -> Pair:
    """A pair that somebody added."""
    query, document = ids
    if query not in data.queries:
        place.refuse(f"there is no query {quoted(query)}: its ids are such as {quoted(next(iter(data.queries)))}")
    if document not in data.documents:
        place.refuse(f"there is no document {quoted(document)}: leave the ids as they were written")
    return Pair(query, document, data.queries[query], data.documents[document])

"""Tables as spreadsheets write them, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from rerank_kit.evaluate.text_files import Object, Place, whole_lines
from rerank_kit.quoting import quoted
from rerank_kit.whole_files import write_whole

_FORMULA = re.compile("'*[=+@\\t\\r\uff1d\uff0b\uff0d\uff20-]")
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)


def as_cell(text: str) -> str:
    """A text as a cell that spreadsheets show and do not compute: `'=1+1` for `=1+1`. `of_cell` gives it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def of_cell(cell: str) -> str:
    """The text that `as_cell` wrote."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def rows(
    path: Path, encoding: str, check: Callable[[Place, Sequence[str]], None] | None = None
) -> Iterator[tuple[Place, Object]]:
    """The rows of a table, by its header; cells without text are left out.

    It is separated by commas, semicolons or tabs, whichever the header has most of, or as a first line `sep=;` says.

    Args:
        path: Where it is.
        encoding: Of the file.
        check: Told the names of the columns.

    Raises:
        ConfigurationError: A row has more cells than the header, a quotation mark is never closed; or see `lines`.
    """
    whole = whole_lines(path, encoding)
    first, separator = _beginning(whole)
    before = 0 if first is None else first[0].line - 1
    texts_of = (line for _, line in chain([] if first is None else [first], whole))
    reader = csv.reader(texts_of, delimiter=separator, strict=True)
    header: list[str] = []
    while True:
        place = Place(path, reader.line_num + before + 1)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            place.refuse(f"{error}: save the table once more as CSV, with quotation marks around texts")
        if cells is None:
            return
        texts = [of_cell(cell.strip()) for cell in cells]
        if not header:
            header = texts
            twice = next((name for name, count in Counter(header).items() if name and count > 1), None)
            if twice is not None:
                place.refuse(f"two columns are called {quoted(twice)}: give a question a line for each of its labels")
            if check is not None:
                check(place, header)
        elif any(texts):
            if any(texts[len(header) :]):
                found = f"{len(cells)} cells under {len(header)} columns"
                place.refuse(f"{found}: put quotation marks around texts with {quoted(separator)} in them")
            yield place, {name: text for name, text in zip(header, texts, strict=False) if name and text}


def append(path: Path, header: Sequence[str], added: Iterable[Mapping[str, object]]) -> None:
    """Put rows behind those of a table in UTF-8, under its own header and with its separator; what stands there stays.

    The file is replaced as a whole, so that it is never half written.

    Raises:
        OSError: It cannot be written.
        ConfigurationError: It cannot be read.
    """
    _, separator = _beginning(whole_lines(path, "utf-8"))
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=separator)
    table.writerows([each.get(name, "") for name in header] for each in added)
    before = path.read_bytes()
    end = b"" if before.endswith((b"\n", b"\r")) else b"\r\n"
    write_whole(path, [before, end, text.getvalue().encode()])


def _beginning(whole: Iterator[tuple[Place, str]]) -> tuple[tuple[Place, str] | None, str]:
    """The line of the header, if there is one, and what separates the columns."""
    first = next(whole, None)
    told = None if first is None else _SEPARATOR.fullmatch(first[1])
    if told is not None:
        return next(whole, None), told[1]
    return first, "," if first is None else max(",;\t", key=first[1].count)

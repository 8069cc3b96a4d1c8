"""Text files of any origin, line by line: plain or gzip, JSON lines. What is wrong is told with its line."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import encodable

STDIN = Path("standard input")
"""Stands for what is piped in, wherever a file is read. It is this object, and no file of that name."""

LONGEST = 1 << 26
"""Characters of a line: a longer one is refused, since it is hardly text, and would have to be in memory as a whole."""

Object: TypeAlias = Mapping[str, Any]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_AS_CSV = "open it in the program that it is of, and save it as CSV in UTF-8"
_NO_TEXT = {
    b"PK\x03\x04": f"a spreadsheet (.xlsx, .ods) or an archive, and no text: {_AS_CSV}, or unpack it",
    b"\xd0\xcf\x11\xe0": f"a file of an older Office (.xls, .doc), and no text: {_AS_CSV}",
    b"%PDF-": "a PDF, and no text: save its text into a file",
    b"SQLite format 3\0": "a database of SQLite, and no text: write what is wanted of it into a file",
    b"PAR1\x15": "a table of Parquet, and no text: write it as JSONL or CSV, as pandas can",
    b"\x1f\x8b": "packed by gzip: give it a name that ends in .gz",
}
"""What is at the beginning of files that are taken for text by mistake, and what to do about them."""
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, for errors."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line:,}"

    def refuse(self, what: str) -> NoReturn:
        """Say what is wrong there.

        Raises:
            ConfigurationError: Always.
        """
        msg = f"{self}: {what}"
        raise ConfigurationError(msg) from None


def path_of(name: str, given: object) -> Path:
    """A path that exists, from an argument.

    Raises:
        ConfigurationError: It is no path, or there is nothing.
    """
    if not isinstance(given, str | Path) or not given:
        msg = f"{name} must be a path, not {quoted(given)}"
        raise ConfigurationError(msg)
    path = Path(given).expanduser()
    with _readable(path):
        if not path.exists():
            msg = f"{name}={str(path)!r}: there is no such file or folder below {Path.cwd()}"
            raise ConfigurationError(msg)
    return path


def lines(path: Path, encoding: str) -> Iterator[tuple[Place, str]]:
    """The lines of a text file that are not blank, each without its end.

    Raises:
        ConfigurationError: It cannot be read, is no text in this encoding, or has a line that is far too long.
    """
    for place, line in whole_lines(path, encoding):
        if line.strip():
            yield place, line.rstrip("\r\n")


def text_of(path: Path, encoding: str) -> str:
    """The whole of a text file, with the line ends of Unix; the errors are those of `lines`."""
    return "".join(line for _, line in whole_lines(path, encoding)).replace("\r\n", "\n")


def objects(path: Path, encoding: str) -> Iterator[tuple[Place, Object]]:
    """The objects of a JSONL file, one a line.

    Raises:
        ConfigurationError: A line is no JSON, no object, nested too deeply, or has a key twice; or see `lines`.
    """
    for place, line in lines(path, encoding):
        yield place, object_of(place, line)


def object_of(place: Place, line: str) -> Object:
    """The object that a line of a JSONL file is; the errors are those of `objects`."""
    try:
        found: object = json.loads(line, object_pairs_hook=_object)
    except RecursionError:
        place.refuse("it is nested too deeply: no data set needs that")
    except json.JSONDecodeError as error:
        place.refuse(f"no JSON, {error.msg} at character {error.colno}: write one JSON object a line")
    except ValueError as error:
        place.refuse(f"{error}: mend it there")
    if not isinstance(found, dict):
        place.refuse(f"a JSON object is needed, one a line, not {quoted(found)}")
    return cast("Object", found)


def field_of(place: Place, row: Object, names: Sequence[str], what: str) -> str:
    """A text or a number of a row, as text.

    Args:
        place: Where the row stands.
        row: It.
        names: The keys under which it may be; the first one that is there counts.
        what: What it is, for the error.

    Raises:
        ConfigurationError: It is missing, or neither text nor a whole number.
    """
    name = next((each for each in names if row.get(each) is not None), None)
    if name is None:
        place.refuse(f"{what} is missing: it belongs under {quoted(names[0])}. There is {quoted(list(row))}")
    return plain(place, row[name], name)


def plain(place: Place, value: object, name: str) -> str:
    """A text, or a whole number as text; half characters, which nothing can send or store, are replaced."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        place.refuse(f"{name} must be a text, not {quoted(value)}")
    return encodable(str(value))


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        msg = f"the key {quoted(next(key for key in keys if keys.count(key) > 1))} comes twice in one object"
        raise ValueError(msg)
    return found


def whole_lines(path: Path, encoding: str) -> Iterator[tuple[Place, str]]:
    """All lines with their ends, the errors of `lines`. A byte order mark is left out."""
    with _readable(path), _opened(path, encoding) as stream:
        number = 0
        while line := stream.readline(LONGEST):
            number += 1
            place = Place(path, number)
            if len(line) == LONGEST and not line.endswith("\n"):
                place.refuse(f"it has {LONGEST:,} characters or more: is this a text file with one entry a line?")
            _check_line(place, line, encoding)
            yield place, line


def _check_line(place: Place, line: str, encoding: str) -> None:
    """Refuse what is no text."""
    if not line.isascii() and _UNDECODED.search(line):
        place.refuse(
            f"it is no {encoding}: save the file as UTF-8, or name its encoding, such as encoding='cp1252' for what "
            "Windows and older spreadsheets write"
        )
    if "\0" in line:
        place.refuse("it has a NUL in it: this is no text file, or one with encoding='utf-16'")


def _opened(path: Path, encoding: str) -> io.TextIOWrapper:
    """A file as a stream of text; bytes that cannot be decoded become halves of surrogate pairs."""
    stream = _bytes(path)
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    try:
        beginning = stream.peek(16)
        for magic, told in _NO_TEXT.items():
            if beginning.startswith(magic):
                Place(path, 1).refuse(f"it is {told}")
        if codec == "utf-8-sig" and beginning.startswith(_UTF_16):
            Place(path, 1).refuse("it is UTF-16: save the file as UTF-8, or pass encoding='utf-16'")
    except BaseException:
        stream.close()
        raise
    return io.TextIOWrapper(stream, codec, errors="surrogateescape", newline="\n")


def _bytes(path: Path) -> Any:
    """A file, or standard input, as a buffered stream of bytes."""
    if path is not STDIN:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        msg = "it is closed"
        raise OSError(msg)
    return sys.stdin.buffer


@contextmanager
def _readable(path: Path) -> Generator[None]:
    """What goes wrong while a file is read, as an error of ours."""
    try:
        yield
    except UnicodeDecodeError as error:
        msg = f"{path}: it is no {error.encoding}: save the file as UTF-8, or name its encoding with encoding="
        raise ConfigurationError(msg) from None
    except ConfigurationError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ConfigurationError(msg) from error


def check_encoding(encoding: object) -> str:
    """The name of an encoding that Python knows.

    Raises:
        ConfigurationError: It does not.
    """
    try:
        "".encode(cast("str", encoding))
    except (LookupError, TypeError, ValueError):
        msg = f"encoding must be one that Python knows, such as 'utf-8' or 'cp1252', not {quoted(encoding)}"
        raise ConfigurationError(msg) from None
    return str(encoding)

"""The passages of a folder of notes and code, each with the line at which it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.corpus import NOTES, files_below, passages_of
from rerank_kit.evaluate.reading import PASSAGE
from rerank_kit.evaluate.text_files import path_of, text_of
from rerank_kit.texts import encodable

_CODE = (
    ".bash .c .cc .cfg .clj .cpp .cs .css .dart .ex .exs .go .graphql .h .hpp .hs .html .ini .java .js .jsx .kt .lua "
    ".m .mjs .ml .php .pl .proto .ps1 .py .pyi .r .rb .rs .scala .scss .sh .sql .svelte .swift .tex .tf .toml .ts .tsx "
    ".vue .yaml .yml .zig"
)
CODE = tuple(_CODE.split())
"""Endings of files that are read beside those of notes."""
LARGEST = 1 << 21
"""Bytes of a file: a larger one is data or was generated, and would drown the others."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a file.

    Attributes:
        path: Of the file, below the folder.
        line: Where it begins.
        text: What it says.
    """

    path: str
    line: int
    text: str

    @property
    def last_line(self) -> int:
        """Where it ends."""
        return self.line + self.text.count("\n")


@dataclass(slots=True)
class Folder:
    """What a folder holds.

    Attributes:
        passages: In the order of the files' names.
        files: How many were read.
        notes: What was left alone, and why.
    """

    passages: list[Passage] = field(default_factory=list[Passage])
    files: int = 0
    notes: list[str] = field(default_factory=list[str])

    def add(self, read: Read) -> None:
        """Take what a file holds."""
        self.passages += read.passages
        self.files += bool(read.passages)
        self.notes += [read.note] if read.note else []


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds.

    Attributes:
        passages: They.
        note: Why it was left alone, if it was.
    """

    passages: Sequence[Passage] = ()
    note: str = ""


def read_folder(folder: str, encoding: str = "utf-8") -> Folder:
    """Cut notes and code into passages. What is hidden, and what cannot be read, is left alone, with a note.

    Raises:
        ConfigurationError: There is no such folder, or nothing in it that can be read.
    """
    root = folder_of("DIR", folder)
    found = Folder()
    for path in notes_and_code(files_below(root, found.notes), found.notes):
        found.add(read_file(path, path.relative_to(root).as_posix(), encoding))
    if not found.passages:
        why = "; ".join(found.notes) or "it is empty"
        msg = f"{folder} has no notes and no code with text in them ({why}): name another folder"
        raise ConfigurationError(msg)
    return found


def folder_of(name: str, given: object) -> Path:
    """A folder that exists, from an argument.

    Raises:
        ConfigurationError: It is none.
    """
    root = path_of(name, given)
    if not root.is_dir():
        msg = f"{name}={given!r} is a file: name the folder that it is in"
        raise ConfigurationError(msg)
    return root


def notes_and_code(files: Iterable[Path], notes: list[str]) -> Iterator[Path]:
    """Those of the files that are read. What others there are is noted at the end."""
    others, wanted = Counter[str](), {*NOTES, *CODE}
    for path in files:
        if path.suffix.lower() in wanted:
            yield path
        else:
            others[path.suffix.lower() or path.name] += 1
    if others:
        notes.append(f"files left alone: {', '.join(f'{n:,} {name}' for name, n in others.most_common(5))}")


def read_file(path: Path, name: str, encoding: str) -> Read:
    """Cut a file into passages.

    Args:
        path: Where it is.
        name: What its passages call it.
        encoding: Of the file.
    """
    try:
        if path.stat().st_size > LARGEST:
            return Read(note=f"{path} left alone: it has more than {LARGEST >> 20} MiB")
        text = text_of(path, encoding)
    except (ConfigurationError, OSError) as error:
        return Read(note=f"left alone: {error}")
    return Read(list(_cut(encodable(name), text)))


def _cut(name: str, text: str) -> Iterator[Passage]:
    place, line = 0, 1
    for each in passages_of(text, PASSAGE):
        start = text.index(each, place)
        line += text.count("\n", place, start)
        place = start
        yield Passage(name, line, each)

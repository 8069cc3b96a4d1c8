"""The passages of a folder of notes and code, each with the line at which it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

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


def read_folder(folder: str, encoding: str = "utf-8") -> Folder:
    """Cut notes and code into passages. What is hidden, and what cannot be read, is left alone, with a note.

    Raises:
        ConfigurationError: There is no such folder, or nothing in it that can be read.
    """
    root = path_of("DIR", folder)
    if not root.is_dir():
        msg = f"DIR={folder!r} is a file: name the folder that it is in"
        raise ConfigurationError(msg)
    found, others, wanted = Folder(), Counter[str](), {*NOTES, *CODE}
    for path in files_below(root, found.notes):
        if path.suffix.lower() not in wanted:
            others[path.suffix.lower() or path.name] += 1
            continue
        try:
            if path.stat().st_size > LARGEST:
                found.notes.append(f"{path} left alone: it has more than {LARGEST >> 20} MiB")
                continue
            text = text_of(path, encoding)
        except (ConfigurationError, OSError) as error:
            found.notes.append(f"left alone: {error}")
            continue
        passages = list(_cut(encodable(path.relative_to(root).as_posix()), text))
        found.passages += passages
        found.files += bool(passages)
    if others:
        found.notes.append(f"files left alone: {', '.join(f'{n:,} {name}' for name, n in others.most_common(5))}")
    if not found.passages:
        why = "; ".join(found.notes) or "it is empty"
        msg = f"{folder} has no notes and no code with text in them ({why}): name another folder"
        raise ConfigurationError(msg)
    return found


def _cut(name: str, text: str) -> Iterator[Passage]:
    place, line = 0, 1
    for each in passages_of(text, PASSAGE):
        start = text.index(each, place)
        line += text.count("\n", place, start)
        place = start
        yield Passage(name, line, each)

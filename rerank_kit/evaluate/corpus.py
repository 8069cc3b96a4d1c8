"""The documents of a dataset: a JSONL file with one a line, or a folder of notes, cut into passages."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.text_files import Object, Place, field_of, lines, objects, plain, text_of
from rerank_kit.texts import counted, encodable, is_blank

NOTES = (".adoc", ".markdown", ".md", ".org", ".rst", ".text", ".txt")
"""Endings of files that are read in a folder."""

_LEFT_OUT = {"__pycache__", "node_modules", "site-packages", "target", "venv"}
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*+")
_SENTENCE_END = re.compile(r"[.!?。！？]['\")\]”’]*\s|\n")  # noqa: RUF001 - full-width stops are meant


@dataclass(frozen=True)
class Corpus:
    """What can be found.

    Attributes:
        documents: Texts by id.
        sources: The whole texts that they were cut from, by id; the same where nothing was cut.
        notes: What was left out.
    """

    documents: Mapping[str, str]
    sources: Mapping[str, str]
    notes: tuple[str, ...] = ()


def read_corpus(path: Path, encoding: str, passages: int | None) -> Corpus:
    """Read documents.

    Args:
        path: A JSONL file of `{"id" or "_id": …, "text": …, "title": … or nothing}`, also `.gz`; or a folder, in which
            all files are read whose names end like those of `NOTES`, but for what is hidden and what tools put there.
        encoding: Of the files.
        passages: How many characters a passage of a note has at most; `None` keeps each file whole.

    Raises:
        ConfigurationError: There are none, an id comes twice, a file cannot be read, or it is a single note.
    """
    if path.is_file() and path.suffix.lower() in NOTES:
        _, begins = next(lines(path, encoding), (None, "{"))
        if not begins.lstrip().startswith("{"):
            msg = f"corpus={str(path)!r} is a note, and no JSONL with a document a line: name the folder of the notes"
            raise ConfigurationError(msg)
    return _read_notes(path, encoding, passages) if path.is_dir() else _read_lines(path, encoding)


def text_with_title(place: Place, row: Object) -> str:
    """A document's text, behind its title if it has one."""
    text = field_of(place, row, ("text",), "a document's text")
    title = row.get("title")
    return text if title is None else f"{plain(place, title, 'title')} {text}".strip()


def files_below(root: Path, notes: list[str]) -> Iterator[Path]:
    """The files below a folder, in order, without what is hidden and what tools put there.

    Args:
        root: The folder.
        notes: Where it is noted which folders cannot be read.
    """
    for here, folders, names in os.walk(root, onerror=lambda error: notes.append(f"left alone: {error}")):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and path.is_file():  # no pipe, on which reading would wait
                yield path


def passages_of(text: str, longest: int) -> Iterator[str]:
    """A text as passages of no more than so many characters: as many paragraphs as fit, and longer ones cut.

    They are cut behind a sentence where one ends in their second half, else at a space, else anywhere.
    """
    start = end = 0
    for first, after in _paragraphs(text):
        if end > start and after - start > longest:
            yield text[start:end]
            start = end = first
        elif end == start:
            start = first
        while after - start > longest:
            cut = _cut(text, start, start + longest)
            yield text[start:cut].rstrip()
            start = cut
            while text[start].isspace():
                start += 1
        end = after
    if end > start:
        yield text[start:end]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Where the paragraphs of a text begin and end, without the space around them."""
    start = 0
    for gap in [*_PARAGRAPHS.finditer(text), None]:
        end = len(text) if gap is None else gap.start()
        part = text[start:end]
        stripped = part.strip()
        if stripped:
            first = start + part.index(stripped[0])
            yield first, first + len(stripped)
        start = end if gap is None else gap.end()


def _cut(text: str, start: int, most: int) -> int:
    """Where to cut a text, at most there."""
    half = start + (most - start) // 2
    ends = [each.end() for each in _SENTENCE_END.finditer(text, half, most)]
    if ends:
        return ends[-1]
    space = max(text.rfind(" ", start + 1, most), text.rfind("\n", start + 1, most))
    return space if space > 0 else most


def _read_lines(path: Path, encoding: str) -> Corpus:
    documents: dict[str, str] = {}
    seen: dict[str, int] = {}
    for place, row in objects(path, encoding):
        name = field_of(place, row, ("_id", "id"), "a document's id")
        if name in documents:
            place.refuse(f"the id {name!r} is that of line {seen[name]:,} too: give each document its own")
        documents[name], seen[name] = text_with_title(place, row), place.line
    if not documents:
        msg = f"{path} is empty: a corpus has one JSON object a line, with an id and a text"
        raise ConfigurationError(msg)
    return Corpus(documents, documents, _blank(documents))


def _blank(documents: Mapping[str, str]) -> tuple[str, ...]:
    blank = sum(map(is_blank, documents.values()))
    return (f"{counted(blank, 'document')} without text",) if blank else ()


def _read_notes(folder: Path, encoding: str, passages: int | None) -> Corpus:
    root = folder.resolve()
    documents: dict[str, str] = {}
    sources: dict[str, str] = {}
    others: Counter[str] = Counter()
    notes: list[str] = []
    for path in files_below(root, notes):
        if path.suffix.lower() not in NOTES:
            others[path.suffix.lower() or path.name] += 1
            continue
        name = encodable(f"{root.name}/{path.relative_to(root).as_posix()}")
        text = text_of(path, encoding)
        if is_blank(text):
            others["empty"] += 1
            continue
        sources[name] = text
        cut = [text] if passages is None else passages_of(text, passages)
        documents |= {f"{name}#{place}" if passages else name: each for place, each in enumerate(cut, 1)}
    if not documents:
        msg = f"{folder} has no notes with text in them: a folder's files are read that end in {', '.join(NOTES)}"
        raise ConfigurationError(msg)
    left = ", ".join(f"{number:,} {ending}" for ending, number in others.most_common(5))
    kind = "passage" if passages else "document"
    read = f"{counted(len(sources), 'file')} of {folder} as {counted(len(documents), kind)}"
    return Corpus(documents, sources, (read, *notes, *((f"files left alone: {left}",) if left else ())))

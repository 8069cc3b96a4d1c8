"""`HeadingContext`: contexts without an LLM, from the headings above a chunk and the text beside it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rerank_kit.arguments import named
from rerank_kit.checks import check_whole
from rerank_kit.contextual.contexts import Context, Contexts, ContextSource
from rerank_kit.contextual.documents import ChunkedDocument, checked, places
from rerank_kit.flow import Flow, blocking
from rerank_kit.values import Deadline, Passage

_ATX = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*)")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,}|~{3,}|\^{3,})[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)")
_FRONT = "---"  # around YAML in front of a text
_DEPTHS = {"=": 1, "-": 2, "~": 3, "^": 4}
_LONGEST = 200  # characters of a heading; what is longer is none
_SEPARATOR = " › "  # noqa: RUF001 - as breadcrumbs are written


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document below one heading, without those below deeper ones.

    Attributes:
        path: The headings above it, from the first on, its own the last.
        begin: Where its heading begins, in characters.
        end: Where the next one begins.
    """

    path: tuple[str, ...]
    begin: int
    end: int


def sections(text: str) -> list[Section]:
    """The sections of a text with headings of Markdown or underlined ones; what stands before the first has no path."""
    starts: list[tuple[int, int, str]] = []
    lines = text.splitlines(keepends=True)
    fenced, at, before = _front(lines), 0, ""
    begun = 0  # where the line before begins
    for place, line in enumerate(lines):
        bare = line.rstrip()
        fence = _FENCE.match(bare)
        if fenced == _FRONT:
            fenced = "" if place and bare == _FRONT else fenced
        elif fenced:
            fenced = "" if fence and not fence[2] and fence[1].startswith(fenced) else fenced
        elif fence:
            fenced = fence[1]
        else:
            starts += _heading(bare, before, at, begun)
        before, begun = bare if not fenced else "", at
        at += len(line)
    return _nested(starts, len(text))


def _front(lines: Sequence[str]) -> str:
    """The mark of what stands in front of a text, if something does, and ends."""
    whole = bool(lines) and lines[0].rstrip() == _FRONT and any(each.rstrip() == _FRONT for each in lines[1:])
    return _FRONT if whole else ""


def _heading(line: str, before: str, at: int, begun: int) -> list[tuple[int, int, str]]:
    """Where a heading begins, its depth and its words, if this line makes one."""
    sharp = _ATX.match(line)
    if sharp:
        return [(at, len(sharp[1]), _words(sharp[2])[:_LONGEST])]
    rule = _UNDERLINE.match(line)
    named = before.strip()
    if rule and named and len(named) <= _LONGEST and not _UNDERLINE.match(before) and not _ATX.match(before):
        return [(begun, _DEPTHS[rule[1][0]], named)]
    return []


def _words(heading: str) -> str:
    """A heading without the number signs that may close it."""
    bare = heading.rstrip("#")
    return bare.rstrip() if bare != bare.rstrip() else heading


def _nested(starts: Sequence[tuple[int, int, str]], length: int) -> list[Section]:
    found = [Section((), 0, starts[0][0] if starts else length)]
    above: list[tuple[int, str]] = []
    for place, (begin, depth, heading) in enumerate(starts):
        above = [each for each in above if each[0] < depth] + [(depth, heading)]
        end = starts[place + 1][0] if place + 1 < len(starts) else length
        found.append(Section(tuple(words for _, words in above), begin, end))
    return [each for each in found if each.begin < each.end]


def section_at(parts: Sequence[Section], place: int) -> Section:
    """The section in which a place lies."""
    return parts[max(0, bisect_right(parts, place, key=lambda each: each.begin) - 1)]


@named
class HeadingContext(ContextSource):
    """Contexts made of what stands in the document: its title, the headings above a chunk, and the text beside it.

    They cost nothing, and are what contexts of an LLM have to be better than.

    Attributes:
        neighbours: Characters of the text on either side of a chunk that its context takes in; 0 takes none.
    """

    def __init__(self, *, neighbours: int = 0) -> None:
        """Choose how much of the neighbouring text is taken in.

        Args:
            neighbours: Characters, before the chunk and behind it.

        Raises:
            ConfigurationError: It is no whole number from 0 on.
        """
        self.neighbours = check_whole("neighbours", neighbours, least=0)

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        """Put documents into context."""
        return (yield from blocking(self._made, documents, deadline))

    def _made(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Contexts:
        found = checked(documents)
        rows: list[tuple[Context, ...]] = []
        for each in found:
            deadline.check()
            rows.append(tuple(self._contexts(each)))
        return Contexts(tuple(found), tuple(rows))

    def _contexts(self, document: ChunkedDocument) -> list[Context]:
        parts = sections(document.text)
        made: list[Context] = []
        for place in places(document):
            if place is None:
                made.append(Context(None))
                continue
            path = [*section_at(parts, place[0]).path]
            path = path if not document.title or path[:1] == [document.title] else [document.title, *path]
            written = [_SEPARATOR.join(path), *self._beside(document.text, place)]
            made.append(Context("\n".join(each for each in written if each) or None))
        return made

    def _beside(self, text: str, place: Passage) -> list[str]:
        """The text before a chunk and behind it, without halves of words."""
        begin, end = place
        before = text[max(0, begin - self.neighbours) : begin]
        behind = text[end : end + self.neighbours]
        if len(before) < begin:
            before = before.partition(" ")[2]
        if end + len(behind) < len(text):
            behind = behind.rpartition(" ")[0]
        return [" ".join(before.split()), " ".join(behind.split())]

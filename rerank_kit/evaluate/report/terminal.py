"""An evaluation as plain text for terminals, files and pipes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from rerank_kit.checks import check_whole
from rerank_kit.evaluate.report.given import Evaluated, plain
from rerank_kit.evaluate.report.sentences import sentences
from rerank_kit.evaluate.report.table import Table, headline, table

_BETWEEN = "  "
_NARROWEST = 40
_COLOURS = {"better": "32", "worse": "31", "equal": "36", "inconclusive": "33"}


def as_text(evaluation: Evaluated | Mapping[str, Any], width: int = 100, *, colour: bool = False) -> str:
    """The table, the verdicts and what stands out.

    Args:
        evaluation: What was measured.
        width: Columns of the terminal, 40 at least. What does not fit beside goes below, with the systems' names again.
        colour: Whether verdicts are coloured, by ANSI's codes.

    Raises:
        ConfigurationError: `evaluation` is something else, or `width` is too small.
    """
    given, width = plain(evaluation), check_whole("width", width, least=_NARROWEST)
    lines = [*textwrap.wrap(headline(given), width), ""]
    for part in _parts(table(given), width):
        lines += [*_drawn(part, colour=colour), ""]
    for title, texts in sentences(given):
        lines.append(f"{title}:")
        for each in texts:
            lines += textwrap.wrap(each, width, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
        lines.append("")
    return "\n".join(lines)


def _parts(whole: Table, width: int) -> list[Table]:
    """The table in as many parts as it takes, each with the names in front. No column is cut but the names."""
    names = [whole.header[0], *(row[0] for row in whole.rows)]
    others = list(zip(whole.header[1:], *(row[1:] for row in whole.rows), strict=True))
    widest = max(max(map(_width, column)) for column in others)
    room = max(12, width - widest - len(_BETWEEN))
    names = [_cut(name, room) for name in names]
    parts: list[list[Sequence[str]]] = []
    left = 0
    for column in others:
        taken = max(map(_width, column)) + len(_BETWEEN)
        if taken > left:
            parts.append([names])
            left = width - max(map(_width, names))
        parts[-1].append(column)
        left -= taken
    rows = [list(zip(*columns, strict=True)) for columns in parts]
    return [Table(header, below, whole.verdicts) for header, *below in rows]


def _drawn(part: Table, *, colour: bool) -> list[str]:
    """A part as lines: names to the left, all else to the right."""
    every = [part.header, *part.rows]
    widths = [max(_width(row[place]) for row in every) for place in range(len(part.header))]
    lines: list[str] = []
    for row, verdict in zip(every, ["", *part.verdicts], strict=True):
        first = row[0] + " " * (widths[0] - _width(row[0]))
        cells = [
            " " * (width - _width(cell)) + (_painted(cell, verdict) if colour else cell)
            for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        lines.append(_BETWEEN.join([first, *cells]).rstrip())
    rule = "─" * (sum(widths) + len(_BETWEEN) * (len(widths) - 1))
    return [lines[0], rule, *lines[1:]]


def _painted(cell: str, verdict: str) -> str:
    """A cell in the colour of its verdict, if it is one."""
    return f"\x1b[{_COLOURS[verdict]}m{cell}\x1b[0m" if verdict in _COLOURS and cell.endswith(verdict) else cell


def _cut(name: str, room: int) -> str:
    """A name in that many columns, without its middle where it is longer: what differs is at either end."""
    cut, kept = name, min(len(name), room)
    while _width(cut) > room:
        kept -= 1
        cut = f"{name[: kept - kept // 2]}…{name[len(name) - kept // 2 :]}"
    return cut


def _width(line: str) -> int:
    """The columns that a line takes on a terminal."""
    if line.isascii():
        return len(line)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in line)

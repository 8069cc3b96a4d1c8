"""`Explanation`: the table that says where each document of a ranking came from, and why it is there or is not."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from os.path import commonprefix
from unicodedata import east_asian_width

from rerank_kit.texts import encodable, is_blank
from rerank_kit.values import Document, Dropped, Hit, Span, Usage

_WIDTH = 60  # characters of a text or a reason on a line
_NARROW = 40  # where there are two texts on a line
_READ = 10  # times as many characters of a text are looked at, white space included
_MOST = 20  # documents that were not returned are shown

_SAID = {
    "truncated": "longer than the model reads",
    "query_truncated": "for a query longer than the model reads",
    "unread": "in a script that the model does not read",
    "unjudged": "without a verdict",
    "cached": "from the cache",
    "empty": "without text",
}
"""What is said of the documents that a usage counts."""

_MERGED = "merged into one that came before it"

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A ranking as a table. `print` shows it as text, a notebook as HTML.

    Attributes:
        header: The names of the columns.
        rows: One for each hit, best first.
        notes: What each stage did, in a line, and what went wrong.
        dropped: One for each document that is not among the hits, as far as they are known, in their order before.
    """

    header: Row
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    dropped: tuple[Row, ...] = ()

    @classmethod
    def of(
        cls,
        hits: Sequence[Hit],
        spans: Sequence[Span] = (),
        dropped: Sequence[Dropped] = (),
        documents: Sequence[Document | str] | None = None,
        *,
        scored: bool = True,
        places: Sequence[int] | None = None,
        before: bool = False,
    ) -> Explanation:
        """Explain a ranking.

        Args:
            hits: Its hits, best first.
            spans: Its spans, its own the last.
            dropped: What it tells of documents that are not among the hits.
            documents: What there was before it; with it the table shows how each begins.
            scored: Whether the scores mean anything.
            places: Where the documents that were ranked stand among these; by default they are these.
            before: Whether a column shows which document stood at the place of each hit before.
        """
        stages = [span for span in spans if span.stage is not None and span.hits]
        scores = [{hit.index: hit.score for hit in span.hits} for span in stages]
        place = range(_count(hits, spans, dropped)) if places is None else places
        left_out = _left_out(len(place), hits, spans, dropped)
        merged = sorted(set(range(len(documents or ()))) - set(place)) if places is not None else []
        reasons = bool(left_out or merged) or any(hit.why is not None for hit in hits)
        beside, width = before and documents is not None, _NARROW if before else _WIDTH
        shown = None if documents is None else _beginnings(documents, width)

        def row(rank: int | None, index: int | None, at: int, score: float | None, why: str | None) -> Row:
            cells = ["" if rank is None else str(rank)]
            text = [] if shown is None else [shown[at]]
            if beside and shown is not None:
                cells += ["" if rank is None else shown[rank - 1], *text]
            by_stage = ("" if index is None else _number(of_stage.get(index)) for of_stage in scores)
            cells += [str(at + 1), *by_stage, _number(score)]
            return (*cells, *([why or ""] if reasons else []), *([] if beside else text))

        names = [*(["before", "now"] if beside else []), "was", *(span.stage or "" for span in stages), "score"]
        last = ["text"] if documents is not None and not beside else []
        header = ["rank", *names, *(["why"] if reasons else []), *last]
        rows = [
            row(rank, hit.index, place[hit.index], hit.score if scored else None, hit.why)
            for rank, hit in enumerate(hits, 1)
        ]
        below: list[tuple[int, int | None, float | None, str]] = [(at, None, None, _MERGED) for at in merged]
        below += [(place[each.index], each.index, each.score, each.why) for each in left_out]
        ordered = tuple(row(None, index, at, score, why) for at, index, score, why in sorted(below, key=itemgetter(0)))
        return cls(tuple(header), tuple(rows), tuple(map(_note, spans)), ordered)

    @classmethod
    def of_moves(
        cls, before: Sequence[str], after: Sequence[tuple[int | None, float | None, str]], why: str
    ) -> Explanation:
        """Explain what somebody else's reranker did, of which no more is known than what went in and came out.

        Args:
            before: The texts that went in.
            after: What came out: where it stood, from 0, if it was there, its score, if it has one, and its text.
            why: Why the others did not come out.
        """
        header = ("rank", "before", "now", "was", "score", "why")
        rows: list[Row] = []
        shown = _beginnings([*before, *(text for _, _, text in after)], _NARROW)
        now = shown[len(before) :]
        for rank, (place, score, _) in enumerate(after, 1):
            there = shown[rank - 1] if rank <= len(before) else ""
            was = "" if place is None else str(place + 1)
            rows.append((str(rank), there, now[rank - 1], was, _number(score), ""))
        kept = {place for place, _, _ in after}
        left_out = [
            ("", "", shown[place], str(place + 1), "", why) for place in range(len(before)) if place not in kept
        ]
        return cls(header, tuple(rows), (), tuple(left_out))

    def with_notes(self, *notes: str, first: bool = False) -> Explanation:
        """The same with more notes, behind the others or before them."""
        return replace(self, notes=(*notes, *self.notes) if first else (*self.notes, *notes))

    def __str__(self) -> str:
        """The table, the notes, and then what was not returned."""
        cells = [[textwrap.wrap(_shown(cell), _WIDTH) or [""] for cell in row] for row in (self.header, *self.rows)]
        below = [[textwrap.wrap(_shown(cell), _WIDTH) or [""] for cell in row] for row in self.dropped[:_MOST]]
        all_cells = [*cells, *below]
        widths = [max(_width(line) for row in all_cells for line in row[place]) for place in range(len(self.header))]
        lines = [line for row in cells for line in _lines(row, widths)]
        lines += ["", *map(_shown, self.notes)] if self.notes else []
        if below:
            lines += ["", "not returned:", *(line for row in below for line in _lines(row, widths)), *self._more()]
        return "\n".join(lines)

    def _more(self) -> list[str]:
        """How many of those that were not returned are not shown."""
        more = len(self.dropped) - _MOST
        return [f"… and {more} more, in .dropped"] if more > 0 else []

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """The same as a table in HTML, with nothing in it that could be markup."""
        from html import escape  # only notebooks need it

        def cells(tag: str, row: Row) -> str:
            return "".join(f'<{tag} style="text-align:left">{escape(_shown(cell))}</{tag}>' for cell in row)

        head = f"<tr>{cells('th', self.header)}</tr>"
        rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in self.rows)
        notes = "".join(f"<li>{escape(_shown(note))}</li>" for note in self.notes)
        told = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><ul>{notes}</ul>"
        if not self.dropped:
            return told
        below = "".join(f"<tr>{cells('td', row)}</tr>" for row in self.dropped[:_MOST])
        more = "".join(f"<p>{each}</p>" for each in self._more())
        return f"{told}<p>not returned:</p><table><thead>{head}</thead><tbody>{below}</tbody></table>{more}"


def _lines(row: list[list[str]], widths: list[int]) -> list[str]:
    """A row of wrapped cells as lines."""
    deep = [
        [cell[depth] if depth < len(cell) else "" for cell in row]  # every cell has a line at least
        for depth in range(max(map(len, row)))
    ]
    return [
        "  ".join(part + " " * (width - _width(part)) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in deep
    ]


def _shown(text: str) -> str:
    """A text in a line, without what steers a terminal or turns the direction of writing."""
    return "".join(filter(str.isprintable, " ".join(encodable(text).split())))


def _width(line: str) -> int:
    """The columns that a line takes on a terminal."""
    return len(line) if line.isascii() else sum(2 if east_asian_width(each) in "WF" else 1 for each in line)


def _count(hits: Sequence[Hit], spans: Sequence[Span], dropped: Sequence[Dropped]) -> int:
    """How many documents were ranked, as far as the ranking tells."""
    indexes = [*(hit.index for hit in hits), *(each.index for each in dropped)]
    return max([index + 1 for index in indexes] + [span.documents_in for span in spans[-1:]], default=0)


def _left_out(count: int, hits: Sequence[Hit], spans: Sequence[Span], dropped: Sequence[Dropped]) -> list[Dropped]:
    """All that were ranked and are not among the hits, in the order before."""
    known = {each.index: each for each in dropped}
    there = {hit.index for hit in hits}
    name = spans[-1].backend if spans else "the reranker"
    return [known.get(index, Dropped(index, f"{name} left it out")) for index in range(count) if index not in there]


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.4g}"


def _beginnings(documents: Sequence[Document | str], width: int) -> list[str]:
    """How each text begins, without lines and folders that all of them begin with, such as where they are from."""
    texts = [each if isinstance(each, str) else each.text for each in documents]
    alike = commonprefix(texts)  # noqa: RUF071 - by characters, for not all of these are paths
    shared = max(alike.rfind(sign) for sign in "\n/\\") + 1
    if shared < width // 4 or len(set(texts)) == 1:
        shared = 0
    return [
        _beginning(text, width)
        if not shared or is_blank(text[shared:])
        else f"… {_beginning(text[shared:], width - 2)}"
        for text in texts
    ]


def _beginning(text: str, width: int) -> str:
    text = text.lstrip()
    start = " ".join(text[: _READ * width].split())
    if len(start) <= width and len(text) <= _READ * width:
        return start
    cut = start[: width - 2]
    whole = cut.rpartition(" ")[0] if len(start) > len(cut) and start[len(cut)] != " " else cut
    return f"{whole if len(whole) > width // 2 else cut} …"


def _note(span: Span) -> str:
    """A stage in a line."""
    name = span.backend if span.stage is None or span.stage == span.backend else f"{span.stage} ({span.backend})"
    model = "" if span.model is None else f" with {span.model}"
    cost = "" if not span.cost else f", cost ${span.cost:.4g}"
    problem = "" if span.problem is None else f" ({span.problem})"
    counts = f"{span.documents_in} → {span.documents_out}"
    inner = sum((each.usage for each in span.children), Usage())
    said = _said(span.usage, inner)
    return f"{name}{model}: {counts}, {span.outcome}, {span.seconds:.3f} s{cost}{said}{problem}"


def _said(usage: Usage, inner: Usage) -> str:
    """What a usage counts, a reader should know, and the stages inside do not tell."""
    counts = ((getattr(usage, name) - getattr(inner, name), meaning) for name, meaning in _SAID.items())
    return "".join(f", {count} {meaning}" for count, meaning in counts if count > 0)

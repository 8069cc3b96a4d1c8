"""`Ranking`: the answer of a reranker, and the table that says why each document is where it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.runs import falling
from rerank_kit.texts import encodable
from rerank_kit.values import Document, Hit, Span, Usage, finite, outermost, total_cost

T = TypeVar("T")

_WIDTH = 60  # characters of a text or a reason on a line


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer of a reranker: hits, best first. It has a length and can be looped over.

    Attributes:
        hits: Best first; equal scores are in the order of their logits, where there are any, and of the input.
        usage: What it took.
        spans: What each reranker involved did, inner ones first.
        failure: Why nothing was ranked, where a reranker keeps the documents all the same: what would have been an
            error. Whoever has something to fall back on takes it for one.
        ids: Those of the documents that were ranked, in the caller's order; empty where none has one.
    """

    hits: tuple[Hit, ...]
    usage: Usage = field(default_factory=Usage)
    spans: tuple[Span, ...] = ()
    failure: str | None = None
    ids: tuple[str | None, ...] = field(default=(), repr=False)

    @classmethod
    def by_score(cls, scores: Iterable[float], usage: Usage | None = None) -> Ranking:
        """Rank documents by their scores, one score for each in the order of the documents.

        Raises:
            InvalidResponse: A score is not a finite number.
        """
        hits = best_first(Hit(index, finite(score)) for index, score in enumerate(scores))
        return cls(hits, Usage() if usage is None else usage)

    @property
    def degraded(self) -> bool:
        """Whether any reranker involved did less than it was asked to; its span says what."""
        return self.failure is not None or any(span.outcome == "degraded" for span in self.spans)

    @property
    def problem(self) -> str | None:
        """What of it is not as it was asked for; `None` where all is."""
        return self.failure or (self.spans[-1].problem if self.degraded else None)

    @property
    def cost(self) -> float | None:
        """What it cost; `None` when that is not known of any part."""
        return total_cost(outermost(self.spans))

    def to_run(self, ids: Sequence[str | None] | None = None) -> dict[str, float]:
        """The hits as a run, for pytrec_eval, ir_measures, ranx and other tools: a score for each id.

        Those sort by score and break ties by id, in single precision. So the scores fall strictly, best first: each one
        that is not below the one before is moved there by the smallest step that such tools can tell.

        Args:
            ids: The ids of the documents that were ranked, in their order; by default those that the documents have.

        Raises:
            ConfigurationError: A hit has no id, or that of another one.
            InvalidResponse: A score is NaN.
        """
        return dict(zip(self._ids_of_hits(ids), falling([hit.score for hit in self.hits]), strict=True))

    def _ids_of_hits(self, given: Sequence[str | None] | None) -> list[str]:
        ids: Any = self.ids if given is None else given
        if given is None and self.hits and not ids:
            msg = "the documents have no ids: pass ids=, one for each of them, or rank Document(text, id=…)"
            raise ConfigurationError(msg)
        places: dict[str, int] = {}
        for index in (hit.index for hit in self.hits):
            if not _is_list(ids) or not 0 <= index < len(ids):
                msg = f"ids must be a list with one for each document, but {quoted(ids)} has none for [{index}]"
                raise ConfigurationError(msg)
            name = ids[index]
            if not isinstance(name, str):
                msg = f"the id of document [{index}] must be a str, as such tools want it, not {quoted(name)}"
                raise ConfigurationError(msg)
            if places.setdefault(name, index) != index:
                msg = f"documents [{places[name]}] and [{index}] have the same id {quoted(name)}: each needs its own"
                raise ConfigurationError(msg)
        return list(places)

    def explain(self, documents: Sequence[Document | str] | None = None) -> Explanation:
        """A table of where each document came from and why it is there: `print(ranking.explain(documents))`.

        Args:
            documents: What was ranked; with it the table shows how each text begins.
        """
        return Explanation.of(self, documents)

    def _repr_html_(self) -> str:
        """The table, where a notebook shows it."""
        return self.explain().to_html()

    def pick(self, documents: Sequence[T]) -> list[T]:
        """Return the caller's own objects in ranked order: `ranking.pick(documents)`."""
        return [documents[hit.index] for hit in self.hits]

    def __len__(self) -> int:
        """The number of hits."""
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        """Loop over the hits, best first."""
        return iter(self.hits)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def best_first(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Hits by score; those of the same score by logit, and then as they come."""
    return tuple(sorted(hits, key=lambda hit: height(hit.score, hit.logit), reverse=True))


def height(score: float, logit: float | None) -> tuple[float, float]:
    """What to compare, the higher the better: a logit tells scores apart that the sigmoid made the same."""
    return score, 0.0 if logit is None else logit


@dataclass(frozen=True, slots=True)
class Explanation:
    """A ranking as a table. `print` shows it as text, a notebook as HTML.

    Attributes:
        header: The names of the columns.
        rows: One for each hit, best first.
        notes: What each stage did, in a line, and what went wrong.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, ranking: Ranking, documents: Sequence[Document | str] | None = None) -> Explanation:
        """Explain a ranking; with the documents, show how each begins."""
        stages = [span for span in ranking.spans if span.stage is not None and span.hits]
        scores = [{hit.index: hit.score for hit in span.hits} for span in stages]
        names = [span.stage or "" for span in stages]
        reasons = any(hit.why is not None for hit in ranking)
        header = ["rank", "was", *names, "score", *(["why"] if reasons else []), *(["text"] if documents else [])]
        rows: list[tuple[str, ...]] = []
        for rank, hit in enumerate(ranking, start=1):
            row = [str(rank), str(hit.index + 1)]
            row += [_number(of_stage.get(hit.index)) for of_stage in scores]
            row += [_number(hit.score)]
            row += [_reason(hit)] if reasons else []
            row += [_beginning(documents[hit.index])] if documents else []
            rows.append(tuple(row))
        return cls(tuple(header), tuple(rows), tuple(map(_note, ranking.spans)))

    def __str__(self) -> str:
        """The table, then the notes."""
        cells = [[textwrap.wrap(cell, _WIDTH) or [""] for cell in row] for row in (self.header, *self.rows)]
        widths = [max(len(line) for row in cells for line in row[place]) for place in range(len(self.header))]
        lines: list[str] = []
        for row in cells:
            for depth in range(max(map(len, row))):
                parts = [cell[depth] if depth < len(cell) else "" for cell in row]
                lines.append("  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
        return "\n".join([*lines, "", *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """The same as a table in HTML, with nothing in it that could be markup."""
        from html import escape  # only notebooks need it

        head, *rows = (
            "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(cell)}</{tag}>' for cell in row) + "</tr>"
            for tag, row in [("th", self.header), *(("td", row) for row in self.rows)]
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table><ul>{notes}</ul>"


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.4g}"


def _reason(hit: Hit) -> str:
    return "" if hit.why is None else hit.why


def _beginning(document: Document | str) -> str:
    text = document if isinstance(document, str) else document.text
    return textwrap.shorten(encodable(text), _WIDTH, placeholder=" …")


def _note(span: Span) -> str:
    """A stage in a line."""
    name = span.backend if span.stage is None or span.stage == span.backend else f"{span.stage} ({span.backend})"
    model = "" if span.model is None else f" with {span.model}"
    cost = "" if not span.cost else f", cost {span.cost:.4g}"
    problem = "" if span.problem is None else f" ({span.problem})"
    counts = f"{span.documents_in} → {span.documents_out}"
    return f"{name}{model}: {counts}, {span.outcome}, {span.seconds:.3f} s{cost}{problem}"

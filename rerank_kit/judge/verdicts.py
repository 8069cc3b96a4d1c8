"""What a judge found out about every document, and the ranking that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rerank_kit.errors import InvalidResponse
from rerank_kit.ranking import Ranking
from rerank_kit.values import Hit, Span

_HALF = 0.5
_REASONS = 3  # that a span tells of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a document.

    Attributes:
        score: From 0 to 1.
        verdict: `"yes"` or `"no"`, or a grade; `None` of a document in an order.
        why: The reason.
    """

    score: float
    verdict: str | None = None
    why: str | None = None


VerdictOrReason: TypeAlias = Verdict | str
"""A verdict; or, as a plain text, why there is none."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts, one for each document in the order of the documents.

    Attributes:
        of_documents: The verdict of each document, or why it has none.
        span: What the model did.
    """

    of_documents: Sequence[VerdictOrReason]
    span: Span

    @property
    def unjudged(self) -> list[int]:
        """The places of the documents without a verdict."""
        return [place for place, each in enumerate(self.of_documents) if isinstance(each, str)]

    def ranking(self) -> Ranking:
        """All documents: first those with a verdict, the best score first, then the others, in their order."""
        return self._of(self._best_first())

    def filtered(self, min_keep: int, *, keep_order: bool) -> Ranking:
        """The documents that more than half of the votes are for, and those without a verdict.

        Args:
            min_keep: Where that is fewer, the best of the others fill up.
            keep_order: Keep the order of the documents, rather than put first what more votes are for.
        """
        hits = self._best_first()
        passed = [hit for hit in hits if hit.score > _HALF]
        others = [hit for hit in hits if hit.score <= _HALF]
        room = max(0, min_keep - len(passed) - len(self.unjudged))
        if keep_order:
            passed.sort(key=lambda hit: hit.index)
        return self._of([*passed, *others[:room]])

    def _best_first(self) -> list[Hit]:
        hits = [
            Hit(place, each.score, each.why, verdict=each.verdict)
            for place, each in enumerate(self.of_documents)
            if isinstance(each, Verdict)
        ]
        return sorted(hits, key=lambda hit: -hit.score)

    def _of(self, hits: Sequence[Hit]) -> Ranking:
        rest = [
            Hit(place, 0.0, f"not judged: {self.of_documents[place]}", verdict="unjudged") for place in self.unjudged
        ]
        failure = self.span.problem if len(self.unjudged) == len(self.of_documents) else None
        return Ranking((*hits, *rest), self.span.usage, (self.span,), failure)


def check_judged(reasons: Sequence[str], documents: int, backend: str) -> None:
    """Refuse that documents have no verdict.

    Raises:
        InvalidResponse: There are reasons why some of so many have none.
    """
    told = problem(reasons, documents)
    if told is not None:
        raise InvalidResponse(told, backend=backend)


def problem(reasons: Sequence[str], documents: int) -> str | None:
    """What kept some of so many documents from being judged, in a sentence; `None` if nothing did."""
    counts = Counter(reasons)
    if not counts:
        return None
    told = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common(_REASONS))
    told += f"; and {len(counts) - _REASONS} other reasons" if len(counts) > _REASONS else ""
    return f"{counts.total()} of {documents} documents could not be judged: {told}"

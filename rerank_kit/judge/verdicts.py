"""What a judge found out about every document, and the ranking that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

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
        return Ranking((*hits, *rest), self.span.usage, (self.span,))


def problem(found: Sequence[VerdictOrReason]) -> str | None:
    """What kept documents from being judged, in a sentence; `None` if nothing did."""
    reasons = Counter(each for each in found if isinstance(each, str))
    if not reasons:
        return None
    told = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(_REASONS))
    told += f"; and {len(reasons) - _REASONS} other reasons" if len(reasons) > _REASONS else ""
    return f"{reasons.total()} of {len(found)} documents could not be judged: {told}"

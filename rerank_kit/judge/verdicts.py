"""What a judge found out about every document, and the ranking that follows from it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rerank_kit.errors import NEVER_HIDDEN, InvalidResponse
from rerank_kit.judge.answers import Outcome
from rerank_kit.judge.spending import Spending
from rerank_kit.quoting import class_name
from rerank_kit.ranking import Ranking
from rerank_kit.values import UNJUDGED, Hit, Span, Usage

OnError: TypeAlias = Literal["keep", "raise"]
"""What a document without a verdict does: it is kept unjudged, or raises."""

WHY: Mapping[Outcome, str] = {
    "missing": "the model left it out of its answer",
    "duplicate": "the model gave two different verdicts",
    "refusal": "the model refused to answer",
    "unparsable": "the model's answer could not be read",
}
"""Why an answer is no verdict."""

_HALF = 0.5
_REASONS = 3  # that a span tells of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a document.

    Attributes:
        score: From 0 to 1.
        verdict: `"yes"` or `"no"`, or a grade; `None` of a document in an order.
        why: The reason.
        probabilities: Of each verdict that there could have been, from models that tell.
    """

    score: float
    verdict: str | None = None
    why: str | None = None
    probabilities: Mapping[str, float] | None = None


VerdictOrReason: TypeAlias = Verdict | str
"""A verdict; or, as a plain text, why there is none."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts, one for each document in the order of the documents.

    Attributes:
        of_documents: The verdict of each document, or why it has none.
        span: What the model did.
        answerable: How likely it is that any document answers; `None` where that is not known.
    """

    of_documents: Sequence[VerdictOrReason]
    span: Span
    answerable: float | None = None

    @classmethod
    def of(
        cls,
        found: Sequence[VerdictOrReason],
        model: object,
        spending: Spending,
        *,
        name: str | None,
        usage: Usage,
        started: float,
        answerable: float | None = None,
    ) -> Verdicts:
        """The verdicts with the span of the model that gave them.

        Args:
            found: What was found out about each document.
            model: The model, of which the span names the class.
            spending: What its calls have taken.
            name: The model's name.
            usage: What is to be counted besides calls and documents without a verdict.
            started: When it began, on `time.perf_counter`.
            answerable: How likely it is that any document answers.
        """
        reasons = [each for each in found if isinstance(each, str)]
        seconds = time.perf_counter() - started
        span = Span(
            backend=class_name(model),
            model=name,
            documents_in=len(found),
            documents_out=len(found) - len(reasons),
            seconds=seconds,
            usage=spending.usage + usage + Usage(unjudged=len(reasons)),
            outcome="degraded" if reasons else "ok",
            problem=problem(reasons, len(found)),
            cost=spending.cost,
            started=time.time() - seconds,
        )
        return cls(found, span, answerable)

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
            Hit(place, each.score, each.why, verdict=each.verdict, probabilities=each.probabilities)
            for place, each in enumerate(self.of_documents)
            if isinstance(each, Verdict)
        ]
        return sorted(hits, key=lambda hit: -hit.score)

    def _of(self, hits: Sequence[Hit]) -> Ranking:
        rest = [Hit(place, 0.0, f"not judged: {self.of_documents[place]}", verdict=UNJUDGED) for place in self.unjudged]
        failure = self.span.problem if len(self.unjudged) == len(self.of_documents) else None
        return Ranking((*hits, *rest), self.span.usage, (self.span,), failure, answerable=self.answerable)


def score_of(found: VerdictOrReason) -> float | None:
    """The score of a verdict; `None` where there is none."""
    return found.score if isinstance(found, Verdict) else None


def reason_of(error: Exception, on_error: OnError) -> str | None:
    """Why a call gave no verdicts; `None` where that has to be raised, as wrong settings always are."""
    if on_error == "raise" or isinstance(error, NEVER_HIDDEN):
        return None
    return f"{type(error).__name__}: {error}"


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

"""When nothing answers: how likely it is that something does, and what becomes of a ranking where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rerank_kit.checks import check_choice, is_number
from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.judge.verdicts import OnError
from rerank_kit.quoting import class_name, quoted
from rerank_kit.ranking import Ranking, likeliest
from rerank_kit.values import Dropped, Span

Unanswerable: TypeAlias = Literal["none", "flag"]
"""What becomes of a ranking in which probably no document answers: it has no hits, or says so."""

_UNKNOWN = "whether any document answers is not known"
_BLANK = "no document answers: none has text"


@dataclass(frozen=True, slots=True)
class Abstention:
    """When a ranking abstains, and how.

    Attributes:
        least: The least probability that any document answers; `None` is to rank whatever it is.
        unanswerable: What becomes of a ranking below it.
        on_error: Whether a ranking is kept or raises where it is not known.
    """

    least: float | None
    unanswerable: Unanswerable
    on_error: OnError

    def __post_init__(self) -> None:
        """Refuse what is no probability.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        if self.least is not None and not (is_number(self.least) and 0 < self.least <= 1):
            msg = f"min_answerable must be a probability above 0, or None to rank in any case, not {quoted(self.least)}"
            raise ConfigurationError(msg)
        check_choice("unanswerable", self.unanswerable, ("none", "flag"))

    def likeliest(self, answers: Iterable[float | None]) -> float | None:
        """The highest of several probabilities, or enough of it to know what becomes of the ranking."""
        return likeliest(answers) if self.least is None else likeliest(answers, self.least)

    def of_blanks(self, ranking: Ranking, asker: object, model: str | None) -> Ranking:
        """What becomes of a ranking of documents without text: none of them answers.

        Args:
            ranking: The ranking.
            asker: What would have been asked, of which the span of one that is flagged names the class.
            model: Its model.
        """
        ranking = replace(ranking, answerable=0.0)
        if self.least is None:
            return ranking
        if self.unanswerable == "flag":
            count = len(ranking)
            return _flagged(
                replace(ranking, spans=(Span(class_name(asker), model, count, count, 0.0, cost=0.0),)), _BLANK
            )
        dropped = tuple(Dropped(hit.index, "it has no text") for hit in ranking)
        return replace(ranking, hits=(), dropped=(*dropped, *ranking.dropped), abstained=True)

    def of(self, ranking: Ranking) -> Ranking:
        """What becomes of a ranking. One whose probability is not known says so, and so goes on.

        Raises:
            InvalidResponse: The probability is not known, and `on_error="raise"` was asked for.
        """
        if self.least is None or ranking.failure is not None:
            return ranking
        if ranking.answerable is None:
            if self.on_error == "raise":
                msg = (
                    f"{_UNKNOWN}, which min_answerable={self.least:g} needs: the model gave no answer to that question"
                )
                raise InvalidResponse(msg, backend=ranking.spans[-1].backend)
            return _flagged(ranking, _UNKNOWN)
        if ranking.answerable >= self.least:
            return ranking
        why = f"probably no document answers: {ranking.answerable:.2g} is below min_answerable={self.least:g}"
        if self.unanswerable == "flag":
            return _flagged(ranking, why)
        dropped = tuple(Dropped(hit.index, why, hit.score) for hit in ranking)
        return replace(ranking, hits=(), dropped=(*dropped, *ranking.dropped), abstained=True)


def _flagged(ranking: Ranking, why: str) -> Ranking:
    *inner, own = ranking.spans
    problem = why if own.problem is None else f"{own.problem}; {why}"
    return replace(ranking, spans=(*inner, replace(own, outcome="degraded", problem=problem)))

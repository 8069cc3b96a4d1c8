"""When nothing answers: how likely it is that something does, and what becomes of a ranking where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rerank_kit.checks import check_choice, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.ranking import Ranking
from rerank_kit.values import Dropped

Unanswerable: TypeAlias = Literal["none", "flag"]
"""What becomes of a ranking in which probably no document answers: it has no hits, or says so."""

_HALF = 0.5


def likeliest(answers: Iterable[float | None]) -> float | None:
    """The highest of several probabilities that something answers.

    It is `None` where one of them is not known and no other is above a half: what is not known may answer.
    """
    given = list(answers)
    known = [each for each in given if each is not None]
    best = max(known, default=None)
    return best if best is None or len(known) == len(given) or best > _HALF else None


@dataclass(frozen=True, slots=True)
class Abstention:
    """When a ranking abstains, and how.

    Attributes:
        least: The least probability that any document answers; `None` is to rank whatever it is.
        unanswerable: What becomes of a ranking below it.
    """

    least: float | None
    unanswerable: Unanswerable

    def __post_init__(self) -> None:
        """Refuse what is no probability.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        if self.least is not None and not (is_number(self.least) and 0 < self.least <= 1):
            msg = f"min_answerable must be a probability above 0, or None to rank in any case, not {quoted(self.least)}"
            raise ConfigurationError(msg)
        check_choice("unanswerable", self.unanswerable, ("none", "flag"))

    def of(self, ranking: Ranking) -> Ranking:
        """What becomes of a ranking. One whose probability is not known says so, and so goes on."""
        if self.least is None or ranking.failure is not None:
            return ranking
        if ranking.answerable is None:
            return _flagged(ranking, "whether any document answers is not known")
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

"""Blending preferences with the score that a model gave in the stage before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, TypeVar

from rerank_kit.arguments import named
from rerank_kit.checks import check_choice, is_number
from rerank_kit.combine.fusion import NORMALISATIONS, Normalisation, normalise, share
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.metadata import Odd, number
from rerank_kit.rules.quoting import shown
from rerank_kit.rules.rule import Missing
from rerank_kit.values import Document

N = TypeVar("N", float, Fraction)

_HEAVIEST = 1e100  # sums of weighted points have to stay what a float can hold


@named
@dataclass(frozen=True, kw_only=True)
class Weighted:
    """Adds the model's score, normalised over the candidates, times a weight, to what the preferences give.

    Attributes:
        weight: What the highest score counts.
        normalise: How scores become comparable, see `rerank_kit.combine.fusion`.
        missing: What becomes of a document without a score: it counts as the lowest, as the highest, or is left out.
    """

    weight: float = 1.0
    normalise: Normalisation = "min-max"
    missing: Missing = "last"

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)
        check_choice("normalise", self.normalise, list(NORMALISATIONS))
        check_choice("missing", self.missing, ("last", "first", "drop"))

    def points(self, scores: Mapping[int, float | None]) -> dict[int, float]:
        """What the score of each document adds."""
        known = {place: score for place, score in scores.items() if score is not None}
        points = dict(zip(known, normalise(known.values(), self.normalise), strict=True))
        otherwise = (min if self.missing == "last" else max)(points.values(), default=0.0)
        return {place: self.weight * points.get(place, otherwise) for place in scores}


@named
@dataclass(frozen=True, kw_only=True)
class Fused:
    """Fuses the order of the preferences with the order of the model's scores, by place: `1 / (k + place)` for each.

    This is reciprocal rank fusion, see `rerank_kit.combine.fusion`; inside a tier, if there are tiers.

    Attributes:
        weight: What the model's order counts, where that of the preferences counts 1.
        k: How little the first places stand out.
        missing: What becomes of a document without a score: it has no place in the model's order, the first place, or
            is left out.
    """

    weight: float = 1.0
    k: float = 60.0
    missing: Missing = "last"

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)
        if not is_number(self.k) or self.k < 0:
            msg = f"k must be a finite number of 0 or more, not {shown(self.k)}: 60 is usual"
            raise ConfigurationError(msg)
        check_choice("missing", self.missing, ("last", "first", "drop"))

    def points(self, place: int) -> Fraction:
        """What a place counts, from 1."""
        return share(place, self.k)


Blend: TypeAlias = Weighted | Fused


def model_score(document: Document) -> float | None:
    """The score of the stage before, where there is one."""
    try:
        return number(document.score, "score")
    except Odd:
        return None


def standings(values: Sequence[N]) -> list[int]:
    """The place of each value among all, from 1 for the highest; equal values share the better place."""
    first: dict[N, int] = {}
    for place, value in enumerate(sorted(values, reverse=True), start=1):
        first.setdefault(value, place)
    return [first[value] for value in values]


def check_weight(name: str, weight: object) -> None:
    """Refuse what cannot be a weight."""
    if not is_number(weight) or not 0 < weight <= _HEAVIEST:
        msg = f"{name} must be a finite number above 0, and at most {_HEAVIEST:g}, not {shown(weight)}"
        raise ConfigurationError(msg)

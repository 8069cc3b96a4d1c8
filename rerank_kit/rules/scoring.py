"""The second half of a ranking by rules: the points of all documents together, and how a hit explains them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from rerank_kit.rules.blending import Blend, Fused, Weighted, standings
from rerank_kit.rules.matcher import Matched
from rerank_kit.rules.rule import Missing


@dataclass(frozen=True, slots=True)
class Scored:
    """A document with its points.

    Attributes:
        matched: What the rules find of it.
        above: How many tiers it stands above having none.
        within: Its points inside its tier, exactly: rounding must not change an order.
        clauses: Why, each with its points.
    """

    matched: Matched
    above: int
    within: Fraction
    clauses: tuple[str, ...]


def by_preference(matched: Sequence[Matched], weights: Sequence[float] | None) -> list[list[Fraction]]:
    """The points that each preference gives to each document.

    With weights they are value times weight. Without, the first preference decides, and each other one only between
    documents that are alike in all those before it: its points are less than the smallest difference they make.
    """
    if weights is not None:
        return [
            [Fraction(match.points) * Fraction(weight) for match, weight in zip(each.matches, weights, strict=True)]
            for each in matched
        ]
    points: list[list[Fraction]] = [[] for _ in matched]
    smallest = Fraction(1)
    for values in zip(*([match.points for match in each.matches] for each in matched), strict=True):
        levels = sorted({0.0, *values}, key=lambda value: (float(value), value))  # most differ as floats, and fast
        smallest /= max(2, len(levels))
        nothing = levels.index(0.0)
        worth = {level: (place - nothing) * smallest for place, level in enumerate(levels)}
        for mine, value in zip(points, values, strict=True):
            mine.append(worth[value])
    return points


def scored(
    matched: Sequence[Matched], weights: Sequence[float] | None, blend: Blend | None, tiers: int, without_tier: Missing
) -> list[Scored]:
    """Give all documents their points."""
    points = by_preference(matched, weights)
    if isinstance(blend, Fused):
        inside = _fused(matched, points, blend)
    else:
        inside = [
            [(match.says, given) for match, given in zip(each.matches, mine, strict=True)]
            for each, mine in zip(matched, points, strict=True)
        ]
    if isinstance(blend, Weighted):
        added = blend.points({each.index: each.score for each in matched})
        for each, mine in zip(matched, inside, strict=True):
            mine.append((_of_model(each), Fraction(added[each.index])))
    nowhere = tiers + 1 if without_tier == "first" else 0
    return [
        Scored(
            each,
            nowhere if each.tier is None else tiers - each.tier,
            sum((given for _, given in mine), Fraction(0)),
            tuple(f"{says} ({plus(given)})" for says, given in mine),
        )
        for each, mine in zip(matched, inside, strict=True)
    ]


def _fused(
    matched: Sequence[Matched], points: Sequence[Sequence[Fraction]], blend: Fused
) -> list[list[tuple[str, Fraction]]]:
    """Points by place in two orders, among the documents of the same tier."""
    found: dict[int, list[tuple[str, Fraction]]] = {}
    tiers: defaultdict[int | None, list[tuple[Matched, Fraction]]] = defaultdict(list)
    for each, mine in zip(matched, points, strict=True):
        tiers[each.tier].append((each, sum(mine, Fraction(0))))
    for members in tiers.values():
        preferred = standings([total for _, total in members])
        known = [each.score for each, _ in members if each.score is not None]
        places = dict(zip(known, standings(known), strict=True))
        for (each, _), place in zip(members, preferred, strict=True):
            reasons = [match.says for match in each.matches]
            says = f"{ordinal(place)} by preference" + (f", as {', '.join(reasons)}" if reasons else "")
            parts = [(says, blend.points(place))]
            model = places.get(each.score) if each.score is not None else 1 if blend.missing == "first" else None
            theirs = Fraction(blend.weight) * blend.points(model) if model is not None else Fraction(0)
            standing = "" if model is None else f"{ordinal(model)} by the model, "
            found[each.index] = [*parts, (f"{standing}{_of_model(each)}", theirs)]
    return [found[each.index] for each in matched]


def _of_model(each: Matched) -> str:
    return "no model has scored it" if each.score is None else f"the model's score is {each.score:.3g}"


def step(results: Sequence[Scored], weights: Sequence[float] | None, blend: Blend | None) -> int:
    """What a tier counts: a power of ten that no points inside a tier can reach."""
    totals = [each.within for each in results]
    bound = (0.0 if weights is None else sum(weights)) + (blend.weight if isinstance(blend, Weighted) else 0.0)
    widest = max(Fraction(bound), max(totals, default=Fraction(0)) - min(totals, default=Fraction(0)))
    found = 1
    while found <= widest:
        found *= 10
    return found


def told_apart(points: Sequence[Fraction]) -> list[float]:
    """Points as floats that have the same order: equal where the points are equal, and only there.

    Each is what its points round to. Where different points round to the same, the others give way to the one that is
    exact, by the least that floats can differ.

    Args:
        points: Highest first.
    """
    runs = [(each, len(list(same))) for each, same in groupby(points)]
    scores = [float(each) for each, _ in runs]
    for place in range(1, len(runs)):
        if scores[place] >= scores[place - 1] and runs[place][0] < scores[place]:
            scores[place] = math.nextafter(scores[place - 1], -math.inf)
    for place in reversed(range(len(runs) - 1)):
        if scores[place] <= scores[place + 1]:
            scores[place] = math.nextafter(scores[place + 1], math.inf)
    return [score for score, (_, length) in zip(scores, runs, strict=True) for _ in range(length)]


def plus(points: Fraction | float) -> str:
    """Points with their sign, to six digits."""
    return f"{float(points):+.6g}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"

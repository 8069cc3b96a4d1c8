"""How far two rankings of the same documents agree, and between which bounds a share is."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959963984540054  # of the standard normal distribution, at 97.5 %


@dataclass(frozen=True, slots=True)
class Share:
    """A share, or a mean of numbers from 0 to 1, with the bounds between which it is with 95 % confidence.

    Attributes:
        value: The share.
        low: The lower bound.
        high: The upper bound.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Share | None:
        """That of some numbers from 0 to 1, by Wilson's interval; `None` of none.

        From Wilson, "Probable inference, the law of succession, and statistical inference", 1927
        (https://doi.org/10.1080/01621459.1927.10502953). It is for shares of yes and no; numbers between vary less than
        these, so that for their mean it is wider than need be, never narrower.
        """
        count = len(values)
        if not count:
            return None
        mean = math.fsum(values) / count
        middle = (mean + Z**2 / (2 * count)) / (1 + Z**2 / count)
        half = Z / (1 + Z**2 / count) * math.sqrt(max(0.0, mean * (1 - mean)) / count + Z**2 / (4 * count**2))
        return cls(mean, max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half)))

    def __str__(self) -> str:
        """Such as `0.82 (0.74 to 0.88)`."""
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def overlap(one: Sequence[int], other: Sequence[int], depth: int) -> float:
    """The share of the first so many that both have; of fewer, where one is shorter."""
    depth = min(depth, len(one), len(other))
    return len(set(one[:depth]) & set(other[:depth])) / depth


def rank_biased_overlap(one: Sequence[int], other: Sequence[int], p: float = 0.9) -> float:
    """How alike two orders are, the first places counting most: 1 is equal, 0 has nothing in common.

    The extrapolated one of Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", 2010
    (https://doi.org/10.1145/1852102.1852106), equation 30, down to the depth that both have.
    """
    depth = min(len(one), len(other))
    seen: set[int] = set()
    common, total = 0, 0.0
    for place in range(1, depth + 1):
        for each in (one[place - 1], other[place - 1]):
            common += each in seen
            seen.add(each)
        total += common / place * p**place
    return common / depth * p**depth + (1 - p) / p * total


def kendalls_tau(one: Sequence[int], other: Sequence[int]) -> float | None:
    """Kendall's tau of the documents that both have: 1 is the same order, -1 the opposite; `None` of fewer than two.

    From Kendall, "A new measure of rank correlation", 1938 (https://doi.org/10.1093/biomet/30.1-2.81).
    """
    places = {each: place for place, each in enumerate(other)}
    ranks = [places[each] for each in one if each in places]
    pairs = len(ranks) * (len(ranks) - 1) // 2
    if not pairs:
        return None
    seen: list[int] = []
    turned = 0
    for each in ranks:
        turned += len(seen) - bisect_right(seen, each)
        insort(seen, each)
    return 1 - 2 * turned / pairs


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which a share of them is, between two neighbours in proportion; `None` of none."""
    if not values:
        return None
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)

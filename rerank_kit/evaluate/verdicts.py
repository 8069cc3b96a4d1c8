"""What a comparison says: better, worse, equal within a margin, or inconclusive and how many more queries would tell.

- **Too few queries** say nothing: with five, even five wins can be chance at a level of 95 %.
- **Equal** is decided by the interval alone, first: where all of it lies within the margin, a difference that there may
  be is too small to matter.
- **Better and worse** are decided by `p`, adjusted for all comparisons made at once, since its share of false alarms is
  what the level says whatever the number of queries. The interval has to agree: it does not suppose, as `p` does, that
  differences are spread evenly around nothing. So nothing is called better of which the interval says it may be worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from rerank_kit.checks import check_whole, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.comparing import TIE, Comparison, Values, check_pair, gains
from rerank_kit.quoting import quoted

Verdict = Literal["better", "worse", "equal", "inconclusive"]

POWER = 0.8  # how often the number of queries that is promised tells
FEWEST_EQUAL = 30  # if so many are all alike, so are 9 in 10 of all queries, at a level of 95 %
HOPELESS = 10_000  # nobody labels more queries for one question


def holm(values: Sequence[float], *, of: int | None = None) -> list[float]:
    """Values of `p` for comparisons made at once, adjusted after Holm: each can be held against the level by itself.

    Args:
        values: One for each comparison.
        of: How many comparisons might have been made, where these were picked for what the data show.

    Raises:
        ConfigurationError: A value is not from 0 to 1, or `of` is less than there are values.
    """
    for place, value in enumerate(values):
        _check_p(f"values[{place}]", value)
    count = len(values) if of is None else check_whole("of", of, least=len(values))
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (count - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def _check_p(name: str, value: object) -> None:
    if not is_number(value) or not 0 <= value <= 1:
        msg = f"{name} must be a probability from 0 to 1, not {quoted(value)}"
        raise ConfigurationError(msg)


def verdict(comparison: Comparison, p_adjusted: float) -> Verdict:
    """Which of the four it is.

    Args:
        comparison: What was compared, with the margin and the level.
        p_adjusted: Its `p`, adjusted for all comparisons made at once; `comparison.p` if it is the only one.

    Raises:
        ConfigurationError: `p_adjusted` is not from 0 to 1.
    """
    _check_p("p_adjusted", p_adjusted)
    if comparison.queries < fewest(comparison.level):
        return "inconclusive"
    inside = -comparison.margin - TIE <= comparison.low and comparison.high <= comparison.margin + TIE
    if inside and comparison.queries >= FEWEST_EQUAL:
        return "equal"
    if p_adjusted <= 1 - comparison.level:
        if comparison.low > 0:
            return "better"
        if comparison.high < 0:
            return "worse"
    return "inconclusive"


def fewest(level: float) -> int:
    """The fewest queries that can tell anything: with fewer, it is chance often enough that all of them win."""
    return math.ceil(1 - math.log2(1 - level))


def more_queries(comparison: Comparison, p_adjusted: float | None = None, *, among: int = 1) -> int | None:
    """About how many more queries would tell, if the difference and the spread seen so far are the true ones.

    Four times in five, that many lead to a verdict: better or worse, or equal where the difference is within the
    margin.

    Args:
        comparison: What was compared.
        p_adjusted: Its `p`, adjusted; by default, it is the only comparison.
        among: How many comparisons are made at once.

    Returns:
        The number, rounded up to two digits. `None` where it is told already, and where it would take more than 10,000:
        then no number of queries that anybody labels is likely to tell.
    """
    if verdict(comparison, comparison.p if p_adjusted is None else p_adjusted) != "inconclusive":
        return None
    among = check_whole("among", among)
    enough = min(_to_differ(comparison, among), _to_be_equal(comparison))
    more = max(1.0, enough - comparison.queries)
    return _two_digits(more) if more <= HOPELESS else None


def _to_differ(comparison: Comparison, among: int) -> float:
    """How many queries show that there is a difference."""
    if not comparison.difference:
        return math.inf
    errors = _quantile(1 - (1 - comparison.level) / (2 * among)) + _quantile(POWER)
    few = fewest(1 - (1 - comparison.level) / among)
    return max(few, (errors * comparison.spread / comparison.difference) ** 2)


def _to_be_equal(comparison: Comparison) -> float:
    """How many queries show that a difference is within the margin."""
    room = comparison.margin - abs(comparison.difference)
    if room <= 0:
        return math.inf
    errors = _quantile((1 + comparison.level) / 2) + _quantile((1 + POWER) / 2)  # neither end may stick out
    return max(FEWEST_EQUAL, (errors * comparison.spread / room) ** 2)


def _quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _two_digits(number: float) -> int:
    whole = math.ceil(number)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return math.ceil(whole / step) * step


def harmed(before: Values, after: Values, *, least: float = 0.2) -> dict[str, float]:
    """The queries that lose most, the worst first, each with what it loses.

    Args:
        before: What is compared with, such as the first stage.
        after: What may harm, on the same queries.
        least: Queries that lose less are left out.

    Raises:
        ConfigurationError: The queries differ, a value is no number from 0 to 1, or `least` is not above 0.
    """
    if not is_number(least) or not 0 < least <= 1:
        msg = f"least must be a number above 0 and up to 1, such as 0.2, not {quoted(least)}"
        raise ConfigurationError(msg)
    check_pair(before, after)
    losses = {query: -gain for query, gain in gains(before, after).items() if gain < 0}
    return {query: loss for query, loss in sorted(losses.items(), key=lambda each: -each[1]) if loss >= least - TIE}

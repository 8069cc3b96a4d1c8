"""Two systems on the same queries: the difference, the interval around it, and how likely chance alone makes it.

The interval is a bootstrap over queries: percentiles, moved out as far as Student's t is wider than the normal
distribution. Plain percentiles, and BCa too, are too narrow for the numbers of queries that people label. Where most
queries are ties, below 50 queries, so are these, a little.

`p` is that of a randomisation: were the systems the same, each difference could as well have had the other sign. All
ways to give out the signs are counted where they are no more than twice the resamples, else as many are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from rerank_kit.checks import check_whole, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.optional import optional
from rerank_kit.quoting import class_name, quoted

Values = Mapping[str, float]
"""What a measure says of one system: for each query's id a number from 0 to 1, higher is better."""

MARGIN, LEVEL, RESAMPLES = 0.01, 0.95, 10_000
TIE = 1e-9  # values closer than this differ by how they were added up
_AT_ONCE = 2_000_000  # numbers drawn at once, to bound the memory


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one system's values differ from another's on the same queries.

    Attributes:
        before: The mean of what is compared with.
        after: The mean of what is judged.
        difference: `after - before`: above 0 is better.
        low: The lower end of the interval around the difference.
        high: Its upper end. One query alone says nothing: its interval is from -1 to 1.
        p: How likely so large a difference is, either way, if there is none.
        wins: Queries that are better.
        ties: Queries that are the same.
        losses: Queries that are worse.
        queries: How many there are.
        spread: The standard deviation of the queries' differences; 0 for one query.
        margin: Differences up to this make no odds to the user.
        level: The confidence of the interval; `1 - level` is the share of false alarms that is allowed.
    """

    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int
    queries: int
    spread: float
    margin: float
    level: float


def compare(
    before: Values,
    after: Values,
    *,
    margin: float = MARGIN,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two systems query by query. The order of the queries does not matter.

    Args:
        before: What is compared with, such as the first stage.
        after: What is judged, on the same queries.
        margin: Differences up to this make no odds to the user.
        level: The confidence of the interval.
        seed: Where the random numbers start; the same seed gives the same numbers.
        resamples: How many samples are drawn, at least 100.

    Raises:
        ConfigurationError: The queries differ, there are none, a value is no number from 0 to 1, or an option is wrong.
        MissingExtra: NumPy or SciPy is not installed.
    """
    check_options(margin, level)
    resamples = check_whole("resamples", resamples, least=100)
    seed = check_whole("seed", seed, least=0)
    differences = _differences(before, after)
    moved = [each for each in differences if each]
    queries = len(differences)
    numpy = optional("numpy", extra="eval", why="Comparing systems")
    random = numpy.random.default_rng(seed)
    low, high = _interval(numpy.array(differences), level, random, resamples, numpy)
    return Comparison(
        before=math.fsum(before.values()) / queries,
        after=math.fsum(after.values()) / queries,
        difference=_gain(math.fsum(differences) / queries),
        low=low,
        high=high,
        p=_chance(numpy.array(moved), random, resamples, numpy) if moved else 1.0,
        wins=sum(each > 0 for each in moved),
        ties=queries - len(moved),
        losses=sum(each < 0 for each in moved),
        queries=queries,
        spread=float(numpy.std(differences, ddof=1)) if queries > 1 else 0.0,
        margin=margin,
        level=level,
    )


def check_options(margin: object, level: object) -> None:
    """Refuse a margin that is not from 0 to below 1, and a level that is not between the two.

    Raises:
        ConfigurationError: One of them is wrong.
    """
    if not is_number(margin) or not 0 <= margin < 1:
        msg = f"margin must be a number from 0 to below 1, such as {MARGIN}, not {quoted(margin)}"
        raise ConfigurationError(msg)
    if not is_number(level) or not 0 < level < 1:
        msg = f"level must be a number between 0 and 1, such as {LEVEL}, not {quoted(level)}"
        raise ConfigurationError(msg)


def _differences(before: Values, after: Values) -> list[float]:
    """The queries' differences, smallest first; exactly 0 where they are ties."""
    check_pair(before, after)
    return sorted(gains(before, after).values())


def check_pair(before: Values, after: Values, names: tuple[str, str] = ("before", "after")) -> None:
    """Refuse values that cannot be compared.

    Args:
        before: What is compared with.
        after: What is judged.
        names: What errors call them.

    Raises:
        ConfigurationError: The queries differ, there are none, or a value is no number from 0 to 1.
    """
    for name, values in zip(names, (before, after), strict=True):
        _check_values(name, values)
    if alone := sorted(before.keys() ^ after.keys()):
        msg = (
            f"{names[0]} and {names[1]} must have the same queries: {len(alone)} are in one of them only, such as "
            f"{quoted(alone[0])}. A query for which a system found nothing counts as 0"
        )
        raise ConfigurationError(msg)


def _check_values(name: str, values: Values) -> None:
    given: object = values
    if not isinstance(given, Mapping):
        msg = f"{name} must map each query's id to its value, not {class_name(given)}: pass dict(zip(ids, values))"
        raise ConfigurationError(msg)
    if not values:
        msg = f"{name} is empty: there has to be at least one query to compare on"
        raise ConfigurationError(msg)
    for query, value in values.items():
        if not is_number(value) or not -TIE <= value <= 1 + TIE:
            msg = (
                f"{name}[{quoted(query)}] must be a number from 0 to 1, as nDCG and the like are, not {quoted(value)}. "
                "A query for which a system found nothing counts as 0"
            )
            raise ConfigurationError(msg)


def gains(before: Values, after: Values) -> dict[str, float]:
    """What each query gains, in the order of `before`; exactly 0 where it is a tie."""
    return {query: _gain(after[query] - value) for query, value in before.items()}


def _gain(difference: float) -> float:
    """A difference; exactly 0 where it is one of adding up only."""
    return 0.0 if abs(difference) <= TIE else float(difference)


def _interval(differences: Any, level: float, random: Any, resamples: int, numpy: Any) -> tuple[float, float]:
    """The middle part of the means of resampled queries."""
    queries = len(differences)
    if queries == 1:
        return -1.0, 1.0
    tail = tail_of(queries, level)
    parts = [
        differences[random.integers(0, queries, (size, queries), dtype=numpy.int32)].mean(axis=1)
        for size in _parts(resamples, queries)
    ]
    low, high = numpy.quantile(numpy.concatenate(parts), [tail, 1 - tail])
    return _gain(low), _gain(high)


def tail_of(queries: int, level: float) -> float:
    """The share of resampled means on each side of the interval: the fewer queries, the less of half of `1 - level`.

    The means of resamples are spread less than those of samples, and the spread is itself a guess. Both are made good
    by taking as many standard errors as Student's t does, in percentiles.
    """
    special = optional("scipy.special", extra="eval", why="Comparing systems")
    errors = float(special.stdtrit(queries - 1, (1 + level) / 2)) * math.sqrt(queries / (queries - 1))
    return NormalDist().cdf(-errors)


def _chance(moved: Any, random: Any, resamples: int, numpy: Any) -> float:
    """The share of ways to give out signs that make a difference as large, either way. Ties have no sign."""
    count = len(moved)
    least = abs(moved.sum()) - TIE
    if count <= resamples.bit_length():
        ways = 2 ** (count - 1)  # the last one's sign is left alone: with all signs turned, the size is the same
        turned = numpy.arange(ways)[:, None] >> numpy.arange(count) & 1
        return float((abs((1 - 2 * turned) @ moved) >= least).mean())
    as_large = 0
    for size in _parts(resamples, count):
        turned = random.integers(0, 2, (size, count), dtype=numpy.int8)
        as_large += int((abs((1 - 2 * turned) @ moved) >= least).sum())
    return (as_large + 1) / (resamples + 1)  # what was seen is one of the ways


def _parts(resamples: int, width: int) -> Iterator[int]:
    """How many samples are drawn at a time."""
    most = max(1, _AT_ONCE // width)
    for start in range(0, resamples, most):
        yield min(most, resamples - start)

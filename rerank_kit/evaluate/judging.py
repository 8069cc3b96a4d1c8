"""All comparisons of a run at once: which are made, their verdicts, and a plain sentence for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Literal

from rerank_kit.checks import check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.comparing import (
    LEVEL,
    MARGIN,
    RESAMPLES,
    Comparison,
    Values,
    check_options,
    check_pair,
    compare,
)
from rerank_kit.evaluate.verdicts import Verdict, fewest, holm, more_queries, verdict
from rerank_kit.quoting import quoted

_DRAWN = 4  # samples for each of the smallest chances that matter

Role = Literal["first stage", "best", "best first stage"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison with its verdict.

    Attributes:
        system: What is judged.
        against: What it is compared with.
        role: What `against` is to it: its own first stage, the best first stage where that is another one, or the best
            of all systems.
        measure: Of which measure the values are.
        comparison: The numbers.
        p_adjusted: Its `p`, adjusted for all comparisons.
        verdict: One of the four.
        more_queries: About how many more would tell; see `verdicts.more_queries`.
        among: How many comparisons are allowed for.
        text: All of it in one sentence.
    """

    system: str
    against: str
    role: Role
    measure: str
    comparison: Comparison
    p_adjusted: float
    verdict: Verdict
    more_queries: int | None
    among: int
    text: str

    @property
    def harms(self) -> bool:
        """Whether a reranker makes its own first stage worse."""
        return self.verdict == "worse" and self.role == "first stage"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a report."""
        numbers = self.comparison
        return {
            "system": self.system,
            "against": self.against,
            "role": self.role,
            "measure": self.measure,
            "difference": numbers.difference,
            "low": numbers.low,
            "high": numbers.high,
            "level": numbers.level,
            "margin": numbers.margin,
            "p": numbers.p,
            "p_adjusted": self.p_adjusted,
            "wins": numbers.wins,
            "ties": numbers.ties,
            "losses": numbers.losses,
            "verdict": self.verdict,
            "more_queries": self.more_queries,
            "text": self.text,
        }


def judged(
    values: Mapping[str, Values],
    first_stages: Mapping[str, str | None],
    *,
    measure: str = "nDCG@10",
    margin: float = MARGIN,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Judged]:
    """Compare each system with its first stage, with the best system, and with the best first stage.

    The best are known from the same numbers only, so that every pair of systems might have been compared with each
    other; as many are allowed for.

    Args:
        values: For each system, each query's value.
        first_stages: For each system that stands on another one, that one's name; the others are first stages.
        measure: What sentences call the values.
        margin: Differences up to this make no odds to the user.
        level: The confidence of the intervals; `1 - level` is the share of runs in which any alarm is false.
        seed: Where the random numbers start.
        resamples: How many samples are drawn, at least 100; more where so many comparisons need more.

    Returns:
        One for each pair: first those with the own first stage.

    Raises:
        ConfigurationError: A first stage is no system, or what `compare` refuses.
        MissingExtra: NumPy or SciPy is not installed.
    """
    check_options(margin, level)
    _check(values, first_stages)
    pairs = _pairs(values, first_stages)
    among = max(1, len(list(combinations(values, 2))))
    drawn = max(check_whole("resamples", resamples, least=100), math.ceil(_DRAWN * among / (1 - level)))
    made = [
        compare(values[against], values[system], margin=margin, level=level, seed=seed, resamples=drawn)
        for system, against in pairs
    ]
    adjusted = holm([each.p for each in made], of=among)
    return [
        judge(pair, role, comparison, p_adjusted=p, measure=measure, among=among)
        for (pair, role), comparison, p in zip(pairs.items(), made, adjusted, strict=True)
    ]


def _check(values: Mapping[str, Values], first_stages: Mapping[str, str | None]) -> None:
    for one, other in pairwise(values):
        check_pair(values[one], values[other], (f"values[{quoted(one)}]", f"values[{quoted(other)}]"))
    for system, first in first_stages.items():
        if system not in values or not (first is None or first in values):
            unknown = first if system in values else system
            msg = f"first_stages names {quoted(unknown)}, which values does not have: it has {', '.join(values)}"
            raise ConfigurationError(msg)


def _pairs(values: Mapping[str, Values], first_stages: Mapping[str, str | None]) -> dict[tuple[str, str], Role]:
    """What is compared, each pair once."""
    upper = {system: first for system, first in first_stages.items() if first is not None}
    best_first = _best({system: values[system] for system in values if system not in upper})
    wanted: list[tuple[Role, Mapping[str, str | None]]] = [
        ("first stage", {system: upper.get(system) for system in values}),
        ("best first stage", dict.fromkeys(upper, best_first)),
        ("best", dict.fromkeys(values, _best(values))),
    ]
    pairs: dict[tuple[str, str], Role] = {}
    for role, against in wanted:
        for system, other in against.items():
            if other is not None and other != system and (other, system) not in pairs:
                pairs.setdefault((system, other), role)
    return pairs


def _best(values: Mapping[str, Values]) -> str | None:
    """The system with the highest mean, which is that with the highest sum; the first of equals."""
    return max(values, key=lambda name: sum(values[name].values()), default=None)


def judge(
    pair: tuple[str, str], role: Role, comparison: Comparison, *, p_adjusted: float, measure: str, among: int
) -> Judged:
    """One comparison with its verdict.

    Args:
        pair: What is judged, and what it is compared with.
        role: What the second is to the first.
        comparison: The numbers.
        p_adjusted: Its `p`, adjusted for all comparisons.
        measure: What sentences call the values.
        among: How many comparisons are allowed for.
    """
    system, against = pair
    decided = verdict(comparison, p_adjusted)
    more = more_queries(comparison, p_adjusted, among=among)
    numbers = f"{measure} {comparison.after:.3f} instead of {comparison.before:.3f}, {interval(comparison)}"
    text = {
        "better": f"{system} is better than {against}: {numbers}, {_count(comparison)}",
        "worse": f"{system} is worse than {against}: {numbers}, {_lost(comparison, against, role)}",
        "equal": f"{system} equals {against} within {comparison.margin:g}: {numbers}, {_count(comparison)}",
        "inconclusive": f"{system} against {against} is inconclusive: {numbers}, {_count(comparison)}; "
        f"{what_would_tell(comparison, more, among)}",
    }[decided]
    return Judged(system, against, role, measure, comparison, p_adjusted, decided, more, among, text)


def interval(comparison: Comparison) -> str:
    """The difference and the interval around it, as `+0.082 (0.031 to 0.133)`."""
    return f"{comparison.difference:+z.3f} ({comparison.low:z.3f} to {comparison.high:z.3f})"


def _count(comparison: Comparison) -> str:
    return f"{_queries(comparison.wins)} better, {comparison.losses} worse"


def _queries(count: int, more: str = "") -> str:
    return f"{count} {more}quer{'y' if count == 1 else 'ies'}"


def _lost(comparison: Comparison, against: str, role: Role) -> str:
    lost = f"{comparison.losses} of {_queries(comparison.queries)} lose"
    if role == "first stage":
        return f"it harms: {lost}"
    return f"{lost}; {against} alone does more than reranking" if role == "best first stage" else lost


def what_would_tell(comparison: Comparison, more: int | None, among: int) -> str:
    """Why a comparison is inconclusive, and how many more queries would change that."""
    least = fewest(comparison.level)
    if comparison.queries < least:
        return f"fewer than {least} queries tell nothing"
    promise = (
        "no number of queries that one can label is likely to tell"
        if more is None
        else f"about {_queries(more, 'more ')} would tell"
    )
    apart = comparison.low > 0 or comparison.high < 0
    if among > 1 and (apart or comparison.p <= 1 - comparison.level):
        return f"one such difference among {among} comparisons can be chance, {promise}"
    return promise

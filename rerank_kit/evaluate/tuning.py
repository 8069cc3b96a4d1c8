"""`tune`: the settings that are best on one's own labels, and what they gain on queries that the choice did not see."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist, fmean
from typing import Any, Generic, TypeVar

from rerank_kit.arguments import named
from rerank_kit.checks import check_whole
from rerank_kit.combine.stages import Budget
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.comparing import LEVEL, MARGIN, Comparison, Values, compare
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.replaying import Replay, Setting
from rerank_kit.evaluate.setting_costs import takes, within
from rerank_kit.evaluate.verdicts import Verdict, more_queries, verdict
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted

S = TypeVar("S")

_FEWEST = 10  # queries
_ROUNDING = 1e-12
_WIDER = math.sqrt(1 + 1 / math.pi)


@dataclass(frozen=True, slots=True)
class Tried:
    """A setting, and what it comes to on all queries.

    Attributes:
        setting: It.
        value: The mean of the measure, on the queries that settings are chosen on: the best of many is too high.
        seconds: About how long a query takes; `None` is unknown.
        dollars: What a query costs at most; `None` is unknown.
    """

    setting: Setting
    value: float
    seconds: float | None
    dollars: float | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of tuning.

    Attributes:
        best: The setting that is best on all queries.
        against: The plain setting that it is held to.
        measure: By which.
        comparison: What choosing in this way gains on queries that the choice did not see.
        verdict: Whether it is better than the plain setting, on those.
        chosen: What each half chose for the other.
        tried: All settings, the best first.
        excluded: How many were left out by the budget, or because their time or price is not known.
        text: All of it in a sentence.
    """

    best: Setting
    against: Setting
    measure: str
    comparison: Comparison
    verdict: Verdict
    chosen: Sequence[Setting]
    tried: Sequence[Tried]
    excluded: int
    text: str

    @property
    def setting(self) -> Setting:
        """What to use: the best one where that is sure, else the plain one."""
        return self.best if self.verdict == "better" else self.against

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "use": str(self.setting),
            "text": self.text,
            "verdict": self.verdict,
            "measure": self.measure,
            "best": asdict(self.best),
            "against": asdict(self.against),
            "held_out": asdict(self.comparison),
            "chosen": [str(each) for each in self.chosen],
            "excluded": self.excluded,
            "tried": [
                {"setting": str(each.setting), "value": each.value, "seconds": each.seconds, "dollars": each.dollars}
                for each in self.tried
            ],
        }

    def __str__(self) -> str:
        """The sentence, and the ten best settings."""
        rows = [f"  {each.value:.3f}  {each.setting}" for each in self.tried[:10]]
        return "\n".join(
            [self.text, "", f"{self.measure} of the best settings, on the queries they are chosen on:", *rows]
        )


@named
def tune(
    evaluation: Evaluation,
    *,
    against: str | None = None,
    budget: Budget | None = None,
    margin: float = MARGIN,
    level: float = LEVEL,
    seed: int = 0,
) -> Tuned:
    """Search for settings that rank better than plain reranking.

    Tried are the first stage alone, fewer candidates, cascades, and mixtures with the first stage.

    Nothing is asked for: all rankings are made of scores that the evaluation has. The best of many settings looks
    better than it is, so what is reported is measured on other queries than those it is chosen on: each half of the
    queries is ranked by the setting that is best on the other half. Gain, interval and verdict are of these. As the
    halves choose for each other, their gains go together, by as much as `(E max(x, 0))^2` for a normal `x` of a half;
    with one alternative that makes the variance 1 + 1/pi times that of queries that have nothing to do with each other,
    with more alternatives less. The interval is widened by the root of that, and `p` by as much.

    Args:
        evaluation: What `evaluate` found, by the measure that is tuned for.
        against: The name of the system that settings are held to, as it is; by default the first one with a reranker.
        budget: Seconds and US dollars that a query may take. What is not known to keep within is left out.
        margin: Two settings are equal where they differ by no more than this.
        level: The confidence of the interval.
        seed: By which the halves are drawn.

    Raises:
        ConfigurationError: An argument is wrong, or there are too few queries.
        MissingExtra: NumPy or SciPy is not installed.
    """
    able = _able(evaluation)
    plain = _named(able, against)
    seed = check_whole("seed", seed, least=0)
    names = sorted(evaluation.asked)
    check_enough(len(names))
    replay = Replay(evaluation)
    every = _every(replay, _first(plain, able))
    costs = {each: takes(each, evaluation) for each in every}
    allowed = [each for each in every if each == every[0] or within(costs[each], budget)]
    values = {each: replay.values(each, evaluation.measure) for each in allowed}
    halves = chosen_by_halves(values, names, margin=margin, level=level, seed=seed)
    comparison = halves.comparison
    found, best = verdict(comparison, comparison.p), _best(values, names)
    tried = [Tried(each, fmean(scores.values()), *costs[each]) for each, scores in values.items()]
    return Tuned(
        best=best,
        against=allowed[0],
        measure=evaluation.measure,
        comparison=comparison,
        verdict=found,
        chosen=halves.chosen,
        tried=sorted(tried, key=lambda each: -each.value),
        excluded=len(every) - len(allowed),
        text=_told(best, allowed[0], evaluation.measure, comparison, found) + _of_alone(tried, found),
    )


def check_enough(queries: int) -> None:
    """Refuse to tune on so many queries that have an answer, where they are too few.

    Raises:
        ConfigurationError: They are.
    """
    if queries < _FEWEST:
        number = counted(queries, "query", "queries")
        msg = (
            f"{number} with a relevant document: too few to tune on. Label {_FEWEST} or more; a hundred tell something"
        )
        raise ConfigurationError(msg)


@dataclass(frozen=True, slots=True)
class Halves(Generic[S]):
    """What came of choosing by halves.

    Attributes:
        chosen: What each half is ranked by, which is what is best on the other one.
        comparison: What that gains over the first setting.
    """

    chosen: Sequence[S]
    comparison: Comparison


def chosen_by_halves(
    values: Mapping[S, Values], names: Sequence[str], *, margin: float, level: float, seed: int
) -> Halves[S]:
    """Rank each half of the queries by the setting that is best on the other half.

    Args:
        values: What each setting comes to for each query, first the one that it is held to.
        names: The queries.
        margin: Two settings are equal where they differ by no more than this.
        level: The confidence of the interval.
        seed: By which the halves are drawn.
    """
    shuffled = random.Random(seed).sample(names, len(names))  # noqa: S311 - no secret
    halves = shuffled[0::2], shuffled[1::2]
    chosen = [_best(values, other) for other in reversed(halves)]
    unseen = {name: values[each][name] for half, each in zip(halves, chosen, strict=True) for name in half}
    plain = values[next(iter(values))]
    before = {name: plain[name] for name in unseen}
    return Halves(chosen, _widened(compare(before, unseen, margin=margin, level=level, seed=seed)))


def _able(evaluation: object) -> list[SystemResult]:
    """The systems with a reranker."""
    if not isinstance(evaluation, Evaluation):
        msg = f"evaluation must be what evaluate(…) gives, not {quoted(evaluation)}"
        raise ConfigurationError(msg)
    able = [each for each in evaluation.systems if each.reranker is not None]
    if not able:
        msg = "evaluation has no system with a reranker: there is nothing to tune"
        raise ConfigurationError(msg)
    return able


def _named(able: Sequence[SystemResult], name: str | None) -> SystemResult:
    found = next((each for each in able if name is None or each.name == name), None)
    if found is None:
        known = ", ".join(repr(each.name) for each in able)
        msg = f"against={quoted(name)} is no system with a reranker; those are {known}"
        raise ConfigurationError(msg)
    return found


def _first(plain: SystemResult, able: Sequence[SystemResult]) -> list[SystemResult]:
    return [plain, *(each for each in able if each is not plain)]


def _every(replay: Replay, able: Sequence[SystemResult]) -> list[Setting]:
    """All settings: first the one that the others are held to, then the first stages alone."""
    plain, *others = (each for system in able for each in replay.settings(system, able))
    alone = dict.fromkeys(Setting(str(system.first_stage), 0) for system in able)
    return [plain, *alone, *others]


def _widened(known: Comparison) -> Comparison:
    """The same, with what halves that choose for each other have in common."""
    if not 0 < known.p < 1:
        return known
    middle, normal = known.difference, NormalDist()
    low, high = (middle + _WIDER * (end - middle) for end in (known.low, known.high))
    return replace(known, low=low, high=high, p=2 * normal.cdf(normal.inv_cdf(known.p / 2) / _WIDER))


def _best(values: Mapping[S, Values], names: Sequence[str]) -> S:
    """The setting with the highest mean over some queries; of equal ones the plainest, which comes first."""
    return max(values, key=lambda each: round(fmean(values[each][name] for name in names), 12))


def _of_alone(tried: Sequence[Tried], found: Verdict) -> str:
    """That a first stage alone ranks no lower than the plain setting, which comes first and is kept all the same."""
    alone = max((each for each in tried if not each.setting.recall), key=lambda each: each.value, default=None)
    if found == "better" or alone is None or alone.value < tried[0].value - _ROUNDING:
        return ""
    values = f"{alone.value:.3f} and {tried[0].value:.3f}"
    told = f"{alone.setting} ranks no lower than that, {values}: nothing shows that the reranker earns its cost"
    return f". On all queries {told}"


def _told(best: Setting, plain: Setting, measure: str, known: Comparison, found: Verdict) -> str:
    """What to do, in a sentence."""
    numbers = (
        f"{measure} {known.after:.3f} instead of {known.before:.3f} on queries that the choice did not see, "
        f"{known.difference:+.3f} ({known.low:+.3f} to {known.high:+.3f})"
    )
    if found == "better":
        return f"use {best}: it is better than {plain}: {numbers}"
    if best == plain:
        return f"keep {plain}: nothing that was tried is better: {numbers}"
    why = {
        "worse": "choosing by these labels makes it worse",
        "equal": "the best of the others is no better",
        "inconclusive": "it is not sure that the best of the others is better",
    }[str(found)]
    more = more_queries(known) if found == "inconclusive" else None
    end = "" if more is None else f"; about {more} more queries would tell"
    return f"keep {plain}: {why} ({best}): {numbers}{end}"

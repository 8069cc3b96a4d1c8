"""`tune`: the settings that are best on one's own labels, and what they gain on queries that the choice did not see."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean
from typing import Generic, TypeVar

from rerank_kit.arguments import named
from rerank_kit.checks import check_whole
from rerank_kit.combine.stages import Budget
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.comparing import LEVEL, MARGIN, Comparison, Values, compare
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.replaying import Replay, Setting
from rerank_kit.evaluate.setting_costs import check_some_within, reads, takes, within
from rerank_kit.evaluate.tuned import Tried, Tuned, advice, of_alone, of_budget, of_first_stage, unlabelled
from rerank_kit.evaluate.verdicts import verdict
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted

S = TypeVar("S")

_FEWEST = 10  # queries
_WIDER = math.sqrt(1 + 1 / math.pi)


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
        against: The name of the system that settings are held to, as it is: a first stage, or one with a reranker, by
            default the first of those. What is chosen is held to the first stage alone as well.
        budget: Seconds and US dollars that a query may take. What is not known to keep within is left out, `against`
            too: then the plainest setting that is known to stands in its place.
        margin: Two settings are equal where they differ by no more than this.
        level: The confidence of the interval.
        seed: By which the halves are drawn.

    Raises:
        ConfigurationError: An argument is wrong, there are too few queries, or nothing keeps within the budget.
        MissingExtra: NumPy or SciPy is not installed.
    """
    able = _able(evaluation)
    plain = _plain(evaluation, able, against)
    seed = check_whole("seed", seed, least=0)
    names = sorted(evaluation.asked)
    check_enough(len(names))
    replay = Replay(evaluation)
    every = _distinct(replay, _every(replay, plain, able), evaluation)
    costs = {each: takes(each, evaluation) for each in every}
    check_some_within(every, costs, budget)
    values = {each: replay.values(each, evaluation.measure) for each in every if within(costs[each], budget)}
    halves = chosen_by_halves(values, names, margin=margin, level=level, seed=seed)
    held, first = next(iter(values)), _alone(plain, evaluation)
    beside = None
    if first != held and set(halves.chosen) != {first}:
        known = replay.values(first, evaluation.measure)
        beside = _held_out({each: known[each] for each in names}, halves.unseen, margin=margin, level=level, seed=seed)
    found, best = verdict(halves.comparison, halves.comparison.p), _best(values, names)
    bare = unlabelled(replay, [held, best, first, *halves.chosen]) if evaluation.dataset.pooled() else ""
    found = "inconclusive" if bare else found
    tried = [Tried(each, fmean(scores.values()), *costs[each]) for each, scores in values.items()]
    over = None if budget is None or plain in values else of_budget(plain, costs[plain], budget)
    keeps = "keep" if over is None else "use"
    text = f"{keeps} {held}: no verdict can be had: {bare}"
    if not bare:
        text = advice(
            best, held, evaluation.measure, halves.comparison, found, keeps=keeps, only=len(values) == 1 < len(every)
        )
        text += over or ""
        text += of_alone(tried, found)
        if beside is not None:
            text += of_first_stage(first, evaluation.measure, beside, verdict(beside, beside.p))
    return Tuned(
        best=best,
        against=held,
        measure=evaluation.measure,
        comparison=halves.comparison,
        verdict=found,
        alone=beside,
        over_budget=None if over is None else plain,
        chosen=halves.chosen,
        tried=sorted(tried, key=lambda each: -each.value),
        excluded=len(every) - len(values),
        text=text,
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
        unseen: What each query comes to, ranked so.
    """

    chosen: Sequence[S]
    comparison: Comparison
    unseen: Values


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
    return Halves(chosen, _held_out(plain, unseen, margin=margin, level=level, seed=seed), unseen)


def _held_out(plain: Values, unseen: Values, *, margin: float, level: float, seed: int) -> Comparison:
    """What queries come to that are ranked by what others chose, held to one setting."""
    before = {name: plain[name] for name in unseen}
    return _widened(compare(before, unseen, margin=margin, level=level, seed=seed))


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


def _plain(evaluation: Evaluation, able: Sequence[SystemResult], name: str | None) -> Setting:
    """What the others are held to: a system as it is."""
    found = next((each for each in [*able, *evaluation.systems] if name is None or each.name == name), None)
    if found is None:
        known = ", ".join(repr(each.name) for each in evaluation.systems)
        msg = f"against={quoted(name)} is no system of this evaluation; those are {known}"
        raise ConfigurationError(msg)
    return Setting(found.name, 0 if found.reranker is None else found.recall or 0)


def _alone(plain: Setting, evaluation: Evaluation) -> Setting:
    """The first stage of a setting, alone."""
    return Setting(str(evaluation[plain.system].first_stage or plain.system), 0)


def _every(replay: Replay, plain: Setting, able: Sequence[SystemResult]) -> list[Setting]:
    """All settings: first the one that the others are held to, then the first stages alone."""
    ordered = sorted(able, key=lambda each: each.name != plain.system)
    alone = (Setting(str(system.first_stage), 0) for system in ordered)
    others = (each for system in ordered for each in replay.settings(system, ordered))
    return list(dict.fromkeys([plain, *alone, *others]))


def _distinct(replay: Replay, settings: Sequence[Setting], evaluation: Evaluation) -> list[Setting]:
    """The same without those that read what one before them reads, and rank the same: these are one setting."""
    found: dict[Hashable, Setting] = {}
    for each in settings:
        rankings = replay.rankings(each)
        work = tuple(
            (system.first_stage, system.fingerprint, reads(system, count or 0))
            for system, count in _read(each, evaluation)
        )
        found.setdefault((work, tuple(map(tuple, rankings.values()))), each)
    return list(found.values())


def _read(setting: Setting, evaluation: Evaluation) -> list[tuple[SystemResult, int | None]]:
    """Whose rerankers a setting asks, with how many documents each reads at most."""
    first = evaluation[setting.system], setting.recall
    return [first] if setting.then is None else [first, (evaluation[setting.then], setting.top_n)]


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

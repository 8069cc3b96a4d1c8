"""What a setting takes for a query, as far as an evaluation tells, and whether that is within a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import TypeAlias

from rerank_kit.combine.stages import Budget
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.replaying import Setting

Taken: TypeAlias = tuple[float | None, float | None]
"""Seconds and US dollars of a query; `None` is unknown."""


def takes(setting: Setting, evaluation: Evaluation) -> Taken:
    """Seconds and dollars of a query: those of the evaluation, in proportion to what is read for local models."""
    if not setting.recall:
        alone = evaluation[setting.system]
        took = alone.seconds()
        return None if took is None else took["p50"], _dollars(alone)
    seconds, dollars = _reranking(evaluation[setting.system], setting.recall, evaluation)
    if setting.then is not None:
        more = _reranking(evaluation[setting.then], setting.top_n or 0, evaluation)
        seconds, dollars = _sum(seconds, more[0]), _sum(dollars, more[1])
    first = evaluation[str(evaluation[setting.system].first_stage)].seconds()
    return _sum(seconds, None if first is None else first["p50"]), dollars


def reads(system: SystemResult, count: int) -> tuple[int, ...]:
    """How many documents a system's reranker reads for each query, where it gets so many at most."""
    return tuple(min(count, len(outcome.candidates)) for outcome in system.outcomes.values())


def _reranking(system: SystemResult, count: int, evaluation: Evaluation) -> Taken:
    """Seconds and dollars of one reranker for some candidates; an API's time hardly depends on how many there are."""
    whole, first = system.seconds(), evaluation[str(system.first_stage)].seconds()
    dollars = _dollars(system)
    if whole is None or first is None:
        return None, dollars
    own = max(0.0, whole["p50"] - first["p50"])
    every = fmean(reads(system, system.recall or 0))
    return own * (fmean(reads(system, count)) / every if dollars == 0 and every else 1.0), dollars


def _dollars(system: SystemResult) -> float | None:
    return None if system.cost_per_1000 is None else system.cost_per_1000 / 1000


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def within(took: Taken, budget: Budget | None) -> bool:
    """Whether a setting is known to keep within a budget."""
    limits = (None, None) if budget is None else (budget.seconds, budget.money)
    return all(most is None or (value is not None and value <= most) for value, most in zip(took, limits, strict=True))


def taken(took: Taken) -> str:
    """What a setting takes, in words."""
    seconds, dollars = took
    time = "an unknown time" if seconds is None else f"{seconds:.3g} s"
    return f"{time} and {'an unknown price' if dollars is None else f'${dollars:.3g}'} a query"


def kept_within(budget: Budget) -> str:
    """A budget in words, such as "0.5 s and $0.001 a query"."""
    parts = [] if budget.seconds is None else [f"{budget.seconds:g} s"]
    parts += [] if budget.money is None else [f"${budget.money:g}"]
    return f"{' and '.join(parts)} a query"


def check_some_within(settings: Iterable[Setting], costs: Mapping[Setting, Taken], budget: Budget | None) -> None:
    """Refuse a budget that nothing is known to keep within.

    Raises:
        ConfigurationError: Nothing is.
    """
    if budget is None or any(within(took, budget) for took in costs.values()):
        return
    limit = 1 if budget.seconds is None else 0
    known = {each: amount for each in settings if (amount := costs[each][limit]) is not None}
    least = min(known, key=lambda each: known[each], default=None)
    told = "of none is it known" if least is None else f"least takes {least}, {taken(costs[least])}"
    msg = f"nothing that was tried keeps within {kept_within(budget)}: {told}. Allow more, or name other systems"
    raise ConfigurationError(msg)

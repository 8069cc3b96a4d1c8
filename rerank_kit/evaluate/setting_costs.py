"""What a setting takes for a query, as far as an evaluation tells, and whether that is within a budget."""

from __future__ import annotations

from rerank_kit.combine.stages import Budget
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.replaying import Setting


def takes(setting: Setting, evaluation: Evaluation) -> tuple[float | None, float | None]:
    """Seconds and dollars of a query: those of the evaluation, in proportion to the candidates for local models."""
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


def _reranking(system: SystemResult, count: int, evaluation: Evaluation) -> tuple[float | None, float | None]:
    """Seconds and dollars of one reranker for some candidates; an API's time hardly depends on how many there are."""
    whole, first = system.seconds(), evaluation[str(system.first_stage)].seconds()
    dollars = _dollars(system)
    if whole is None or first is None:
        return None, dollars
    own = max(0.0, whole["p50"] - first["p50"])
    return own * (count / system.recall if dollars == 0 and system.recall else 1.0), dollars


def _dollars(system: SystemResult) -> float | None:
    return None if system.cost_per_1000 is None else system.cost_per_1000 / 1000


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def within(taken: tuple[float | None, float | None], budget: Budget | None) -> bool:
    """Whether a setting is known to keep within a budget."""
    limits = (None, None) if budget is None else (budget.seconds, budget.money)
    return all(most is None or (value is not None and value <= most) for value, most in zip(taken, limits, strict=True))

"""Whether a score tells that nothing among the candidates answers: each query beside its twin without the answers."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rerank_kit.evaluate.evaluation import SystemResult

KEPT = 0.9  # of the queries that have an answer, of which the threshold is


@dataclass(frozen=True, slots=True)
class Abstaining:
    """What a threshold on the best score of a query is worth.

    Attributes:
        system: Which one's scores.
        queries: How many there are, with an answer among the candidates and with other candidates too.
        auroc: How often the best score of a query is higher than that of a query's twin, from which the relevant
            documents were taken away: 0.5 is chance, 1.0 is always. `None` without queries.
        threshold: The highest that the best score of 90 % of the queries reaches.
        false_accepts: The share of twins whose best score reaches it, too: nothing there answers, as far as labels say.
    """

    system: str
    queries: int
    auroc: float | None
    threshold: float | None
    false_accepts: float | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate of a query.

    Attributes:
        score: Its score.
        relevant: Whether the labels say that it answers.
    """

    score: float
    relevant: bool


def scored(system: SystemResult) -> dict[str, list[Scored]]:
    """The candidates of each query that was ranked as it should be, best first; also of those that nothing answers."""
    return {
        query: [
            Scored(score, system.judgements.get(query, {}).get(outcome.candidates[place].id, 0) > 0)
            for place, score in zip(outcome.order, outcome.scores, strict=True)
        ]
        for query, outcome in (*system.outcomes.items(), *system.unanswered.items())
        if outcome.problem is None
    }


def abstaining(system: SystemResult) -> Abstaining:
    """What a threshold on the best score of one system is worth."""
    pairs = list(_twins(scored(system)))
    if not pairs:
        return Abstaining(system.name, 0, None, None, None)
    answered = sorted(best for best, _ in pairs)
    twins = sorted(twin for _, twin in pairs)
    threshold = answered[len(answered) - math.ceil(KEPT * len(answered))]
    accepted = len(twins) - bisect_left(twins, threshold)
    return Abstaining(system.name, len(pairs), _auroc(answered, twins), threshold, accepted / len(twins))


def _twins(queries: Mapping[str, Sequence[Scored]]) -> Iterable[tuple[float, float]]:
    """The best score of each query, and of its twin."""
    for candidates in queries.values():
        others = [each.score for each in candidates if not each.relevant]
        if others and len(others) < len(candidates):
            yield max(each.score for each in candidates), max(others)


def _auroc(above: Sequence[float], below: Sequence[float]) -> float:
    """The share of pairs in which the first is higher, ties counting half: Mann and Whitney's U, scaled to 1."""
    wins = sum(bisect_left(below, each) + bisect_right(below, each) for each in above)
    return wins / (2 * len(above) * len(below))

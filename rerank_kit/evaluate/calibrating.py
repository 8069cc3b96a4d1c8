"""`calibrate`: what scores mean on one's own data, chosen on half of the queries and reported on the others."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import accumulate
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_choice, check_count, check_whole, is_number
from rerank_kit.combine.agreement import Share
from rerank_kit.combine.calibrated import NEAREST, Calibration, Method
from rerank_kit.combine.fusion import log_odds
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.abstaining import Scored, abstaining, scored
from rerank_kit.evaluate.comparing import LEVEL, tail_of
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.fitting import logistic, steps
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted

METHODS = ("platt", "isotonic")
_FEWEST = 10  # queries in a half, below which nothing that is reported says anything
_RESAMPLES = 2_000
_ROUNDING = 1e-9
_FEWEST_STEPS = 200  # relevant documents below which steps follow chance

Queries = Mapping[str, Sequence[Scored]]


@named
def calibrate(
    evaluation: Evaluation,
    system: str | None = None,
    *,
    precision: float | None = None,
    recall: float | None = None,
    top_n: int | None = None,
    method: Method = "platt",
    seed: int = 0,
) -> Calibration:
    """Find what the scores of a reranker mean, and the threshold for a wanted precision or recall.

    Half of the queries, drawn by `seed`, are what probabilities and threshold are fitted to; `told` of the result has
    what they come to on the other half. Documents that nobody labelled count as irrelevant: where labels are few, the
    true precision is higher than what is told.

    Queries of which labels say that nothing answers them count too, where they were asked, as by
    `evaluate(…, unanswered=True)`: whatever passes of theirs is wrong. `told["without_answer"]` counts them, and
    `told["left_out"]` those of the dataset that were not asked. Precision holds where users ask as many of them. Where
    only what systems found was labelled, and none of it is relevant, it is not known whether nothing answers a query:
    `told["unfound"]` counts those among `left_out`, which `evaluate(…, unanswered="unfound")` asks too.

    Args:
        evaluation: What `evaluate` found.
        system: The name of a system with a reranker; by default the only one, or else the one that is best.
        precision: Of the documents that pass the threshold, so many are to be relevant: from 0 to 1.
        recall: Of the relevant documents among the candidates, so many are to pass: from 0 to 1. In place of precision.
        top_n: How many documents of a query pass at most; as many count. `None` is all.
        method: `"platt"`, a logistic function (Platt, "Probabilistic outputs for support vector machines", 1999, with
            the targets of Lin, Lin and Weng, 2007), or `"isotonic"`, steps that never fall, for many labels.
        seed: By which the halves are drawn.

    Raises:
        ConfigurationError: An argument is wrong; there are too few queries; all documents are relevant, or none; scores
            say nothing of relevance; or no threshold reaches what is wanted.
        MissingExtra: SciPy is not installed.
    """
    goal, wanted = check_goal(precision, recall)
    check_choice("method", method, METHODS)
    chosen = _chosen(evaluation, system)
    check_count("top_n", top_n)
    queries = {query: each[:top_n] for query, each in scored(chosen).items() if each}
    seed = check_whole("seed", seed, least=0)
    first, second = _halves(queries, chosen, seed)
    nothing = {query for query in queries if query in chosen.unanswered}
    raw = any(not 0 <= each.score <= 1 for candidates in queries.values() for each in candidates)
    knots = _knots(first, method, chosen.name, raw=raw)
    fitted = Calibration(str(chosen.fingerprint), str(chosen.reranker), method, knots, 0.0, goal, wanted, raw)
    threshold = _threshold(fitted, first, chosen.name)
    told = {
        "dataset": evaluation.dataset.name,
        "system": chosen.name,
        "top_n": top_n,
        "candidates": chosen.recall,
        "without_answer": len(nothing),
        "left_out": len(set(evaluation.dataset.unanswered()).difference(chosen.unanswered)),
        "unfound": len(set(evaluation.dataset.unfound()).difference(chosen.unanswered)),
        "seed": seed,
        "made": dict(evaluation.made),
        "chosen_on": _measured(fitted, threshold, first, nothing, seed),
        "held_out": _measured(fitted, threshold, second, nothing, seed),
        "nothing_relevant": asdict(abstaining(chosen)),
    }
    return replace(fitted, threshold=threshold, told=told)


def check_goal(precision: object, recall: object) -> tuple[Any, float]:
    """What is wanted, and how much of it.

    Raises:
        ConfigurationError: It is neither, or both, or no share.
    """
    given = {name: value for name, value in (("precision", precision), ("recall", recall)) if value is not None}
    if len(given) != 1:
        msg = "pass either precision= or recall=, a share from 0 to 1: what the threshold is for"
        raise ConfigurationError(msg)
    ((name, value),) = given.items()
    if not is_number(value) or not 0 < value <= 1:
        msg = f"{name} must be a number above 0, up to 1, not {quoted(value)}: 0.8, say"
        raise ConfigurationError(msg)
    return name, float(value)


def check_enough(queries: int) -> None:
    """Refuse to calibrate on so many queries that have an answer, where they are too few.

    Raises:
        ConfigurationError: They are.
    """
    if queries < 2 * _FEWEST:
        msg = (
            f"{counted(queries, 'query', 'queries')} with a relevant document: too few to calibrate on one half and to "
            f"report on the other. Label {2 * _FEWEST} or more; a hundred tell something"
        )
        raise ConfigurationError(msg)


def _chosen(evaluation: object, name: str | None) -> SystemResult:
    """The system of which the scores are."""
    if not isinstance(evaluation, Evaluation):
        msg = f"evaluation must be what evaluate(…) gives, not {quoted(evaluation)}"
        raise ConfigurationError(msg)
    able = {each.name: each for each in evaluation.systems if each.reranker is not None}
    if name is None and able:
        return max(able.values(), key=lambda each: each.mean(evaluation.measure))
    if not able:
        told = ", ".join(each.name for each in evaluation.systems)
        msg = f"evaluation has no system with a reranker, of which scores could be calibrated: it has {told}"
        raise ConfigurationError(msg)
    if name not in able:
        known = ", ".join(map(repr, able))
        msg = f"system={quoted(name)} has no reranker to calibrate; those that have: {known}"
        raise ConfigurationError(msg)
    return able[name]


def _halves(queries: Queries, system: SystemResult, seed: int) -> tuple[Queries, Queries]:
    """The queries in two halves, at random, with half of those that nothing answers in each."""
    answered = sorted(query for query in queries if query not in system.unanswered)
    check_enough(len(answered))
    halves: tuple[dict[str, Sequence[Scored]], dict[str, Sequence[Scored]]] = ({}, {})
    for names in (answered, sorted(query for query in queries if query in system.unanswered)):
        random.Random(seed).shuffle(names)  # noqa: S311 - no secret
        cut = len(names) // 2
        for half, part in zip(halves, (names[:cut], names[cut:]), strict=True):
            half.update({each: queries[each] for each in part})
    return halves


def _knots(queries: Queries, method: Method, system: str, *, raw: bool) -> tuple[tuple[float, float], ...]:
    """What turns scores into probabilities."""
    found = sorted((each.score, each.relevant) for candidates in queries.values() for each in candidates)
    relevant = sum(label for _, label in found)
    if found and found[0][0] == found[-1][0]:
        msg = (
            f"{system}: it gives all of the {len(found)} documents of one half of the queries the same score, "
            f"{found[0][0]:g}: no threshold on that means anything. Look at what it computes"
        )
        raise ConfigurationError(msg)
    if relevant in {0, len(found)}:
        some = "none" if relevant == 0 else "all"
        msg = (
            f"{system}: {some} of the {len(found)} documents that were reranked for one half of the queries are "
            "relevant by the labels: there have to be both kinds"
        )
        raise ConfigurationError(msg)
    if method == "isotonic":
        if relevant < _FEWEST_STEPS:
            msg = (
                f'method="isotonic" follows chance with {relevant} relevant documents: it wants {_FEWEST_STEPS} or '
                'more. Pass method="platt"'
            )
            raise ConfigurationError(msg)
        knots = steps(found)
        if len(knots) == 1:
            raise _says_nothing(system, "steps: none")
        return knots
    at = [score if raw else log_odds(score, NEAREST) for score, _ in found]
    slope, offset = logistic(at, [label for _, label in found])
    if not slope > 0:
        raise _says_nothing(system, f"slope {slope:.3g}")
    return ((slope, offset),)


def _says_nothing(system: str, told: str) -> ConfigurationError:
    msg = (
        f"{system}: higher scores are no more often relevant ({told}): no threshold on them means anything. Look at "
        "the evaluation: this reranker harms, or labels and candidates do not belong together"
    )
    return ConfigurationError(msg)


def _threshold(fitted: Calibration, queries: Queries, system: str) -> float:
    """The lowest probability that reaches the wanted precision, or the highest that reaches the wanted recall."""
    found = sorted(
        ((fitted.probability(each.score), each.relevant) for candidates in queries.values() for each in candidates),
        key=lambda each: -each[0],
    )
    if fitted.goal == "recall":
        relevant = [probability for probability, label in found if label]
        return relevant[math.ceil(fitted.wanted * len(relevant) - _ROUNDING) - 1]
    sums = list(accumulate(probability for probability, _ in found))
    reached = {
        probability: total / place for place, (total, (probability, _)) in enumerate(zip(sums, found, strict=True), 1)
    }
    enough = [probability for probability, mean in reached.items() if mean >= fitted.wanted]
    if not enough:
        msg = (
            f"{system}: no threshold reaches precision {fitted.wanted:g}: the document with the highest score is "
            f"relevant with a probability of {max(reached.values()):.3g}. Ask for less, or for recall="
        )
        raise ConfigurationError(msg)
    return min(enough)


def _measured(
    fitted: Calibration, threshold: float, queries: Queries, nothing: Collection[str], seed: int
) -> dict[str, Any]:
    """What a threshold comes to on some queries: each share with an interval over resampled queries.

    Where all samples have the same share, as where all is right, the interval is Wilson's for as many queries.

    Args:
        fitted: What scores mean.
        threshold: The lowest probability that passes.
        queries: Their candidates.
        nothing: Those that nothing answers.
        seed: Of what is drawn.
    """
    numpy = optional("numpy", extra="eval", why="Calibrating")
    rows: list[tuple[int, ...]] = []
    for query, candidates in queries.items():
        passed = [each.relevant for each in candidates if fitted.probability(each.score) >= threshold]
        relevant, answered = sum(each.relevant for each in candidates), query not in nothing
        empty, false = answered and not passed, not answered and bool(passed)
        rows.append((sum(passed), len(passed), relevant, empty, answered, false, not answered))
    table = numpy.array(rows)
    drawn = numpy.random.default_rng(seed).integers(0, len(rows), (_RESAMPLES, len(rows)))
    sums = numpy.vstack([table.sum(axis=0), *(table[each].sum(axis=0) for each in drawn)])
    tail = tail_of(len(rows), LEVEL)

    def share(part: int, whole: int) -> dict[str, float] | None:
        if not sums[0, whole]:
            return None
        known = sums[sums[:, whole] > 0]
        shares = known[:, part] / known[:, whole]
        if shares.min() == shares.max():  # of which samples vary by nothing, however few queries there are
            some = Share.of([float(shares[0])] * int((table[:, whole] > 0).sum()))
            return None if some is None else asdict(some)
        low, high = numpy.quantile(shares[1:], [tail, 1 - tail]) if len(shares) > 1 else (0.0, 1.0)
        return {"value": float(shares[0]), "low": float(low), "high": float(high)}

    return {
        "queries": int(sums[0, 4]),
        "without_answer": int(sums[0, 6]),
        "precision": share(0, 1),
        "recall": share(0, 2),
        "nothing_passes": share(3, 4),
        "passes_without_answer": share(5, 6),
    }

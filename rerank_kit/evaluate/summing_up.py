"""From the results of systems to an `Evaluation`: comparisons, ceilings, and sentences on what stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rerank_kit.evaluate.ceiling import DEPTHS, Ceiling, ceiling
from rerank_kit.evaluate.dataset import Dataset, Judgements
from rerank_kit.evaluate.earning import UpTo, earns
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult, made_now
from rerank_kit.evaluate.judging import Judged, judged
from rerank_kit.evaluate.verdicts import harmed

_WORST = 20  # queries that a finding names
_UNJUDGED = 0.5  # of the best documents: below this, labels say little about a ranking


def summed_up(
    data: Dataset,
    asked: Dataset,
    results: Sequence[SystemResult],
    judgements: Judgements,
    measures: Sequence[str],
    *,
    seed: int,
    margin: float,
) -> Evaluation:
    """All of it.

    Args:
        data: The whole dataset.
        asked: The part of it that was asked.
        results: Of each system.
        judgements: The labels, quotes resolved.
        measures: All of them; verdicts are on the first.
        seed: Of the statistics.
        margin: Systems are equal where they differ by no more.
    """
    measure = measures[0]
    values = {each.name: each.values[measure] for each in results}
    first_stages = {each.name: each.first_stage for each in results}
    comparisons = judged(values, first_stages, measure=measure, margin=margin, seed=seed) if len(results) > 1 else []
    ceilings = {each.name: _ceiling(each, judgements) for each in results if each.first_stage is None}
    findings = [
        *_harms(comparisons, values),
        *_recalls(results, ceilings),
        *_first_stages(comparisons),
        *_stages(results, measure, seed, margin),
        *_labels(results, measures),
        *_failures(results),
    ]
    return Evaluation(
        dataset=data,
        notes=asked.notes,
        asked=asked.queries,
        judgements=judgements,
        measure=measure,
        measures=measures,
        systems=sorted(results, key=lambda each: each.first_stage is not None),
        comparisons=comparisons,
        ceilings=ceilings,
        findings=findings,
        seed=seed,
        made=made_now(),
    )


def _finding(kind: str, text: str, queries: Sequence[str] = ()) -> dict[str, Any]:
    return {"kind": kind, "text": text, "queries": list(queries)}


def _ceiling(first: SystemResult, judgements: Judgements) -> Ceiling:
    rankings = {query: outcome.ids for query, outcome in first.outcomes.items()}
    return ceiling(rankings, judgements, depths=DEPTHS)


def _harms(comparisons: Sequence[Judged], values: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Rerankers that make their first stage worse, with the queries that they harm most."""
    found: list[dict[str, Any]] = []
    for each in comparisons:
        if each.harms:
            lost = list(harmed(values[each.against], values[each.system]))
            found.append(_finding("harm", f"{each.text}. Do not ship it", lost[:_WORST]))
    return found


def _recalls(results: Sequence[SystemResult], ceilings: Mapping[str, Ceiling]) -> list[dict[str, Any]]:
    """What the number of candidates allows, for each reranker that sees too few."""
    found: list[dict[str, Any]] = []
    for each in results:
        known = ceilings.get(each.first_stage or "")
        sees = each.recall or 0
        if known is not None and sees in known.by_depth and sees < (known.enough or 0):
            found.append(_finding("recall", f"{each.name}: {known.text(sees)}"))
    return found


def _first_stages(comparisons: Sequence[Judged]) -> list[dict[str, Any]]:
    """Rerankers that a better first stage beats alone."""
    return [
        _finding("first stage", f"{each.against} without a reranker is the better choice: {each.text}")
        for each in comparisons
        if each.role == "best first stage" and each.verdict == "worse"
    ]


def _stages(results: Sequence[SystemResult], measure: str, seed: int, margin: float) -> list[dict[str, Any]]:
    """What each reranker adds to its first stage, for what time and money."""
    by_name = {each.name: each for each in results}
    found: list[dict[str, Any]] = []
    for each in results:
        if each.first_stage is not None:
            stages = [_up_to(one, measure) for one in (by_name[each.first_stage], each)]
            found += [_finding("cost", one.text) for one in earns(stages, measure=measure, seed=seed, margin=margin)]
    return found


def _up_to(result: SystemResult, measure: str) -> UpTo:
    seconds = result.seconds()
    return UpTo(result.name, result.values[measure], None if seconds is None else seconds["p50"], result.cost_per_1000)


def _labels(results: Sequence[SystemResult], measures: Sequence[str]) -> list[dict[str, Any]]:
    """Rankings of which most of the best documents were never judged."""
    found: list[dict[str, Any]] = []
    for each in results:
        for measure in measures:
            if measure.startswith("Judged") and each.mean(measure) < _UNJUDGED:
                share = f"{each.mean(measure):.0%}"
                told = f"{each.name}: only {share} of its best documents were judged ({measure})"
                found.append(_finding("labels", f"{told}; the others count as not relevant, whatever they are"))
    return found


def _failures(results: Sequence[SystemResult]) -> list[dict[str, Any]]:
    """Systems of which some rankings are not what was asked for."""
    return [
        _finding(
            "failed",
            f"{each.name}: {len(each.failed)} of {len(each.outcomes)} rankings are not what was asked for, such as: "
            f"{next(iter(each.failed.values()))}",
            list(each.failed)[:_WORST],
        )
        for each in results
        if each.failed
    ]

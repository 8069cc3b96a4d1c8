"""The answer to what an evaluation is made for, in one sentence: does a reranker help, which one, and for what time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rerank_kit.evaluate.report.table import against_first_stage, money, seconds

System = Mapping[str, Any]


def answer(evaluation: Mapping[str, Any]) -> str | None:
    """The sentence; `None` where there is nothing to compare."""
    measure = evaluation["measure"]
    known = [each for each in evaluation["systems"] if each["values"].get(measure) is not None]
    if len(known) < 2:  # noqa: PLR2004 - one is compared with another
        return None
    named = {each["name"]: each for each in known}
    compared = {each["name"]: against_first_stage(evaluation, each) for each in known}
    rerankers = [each for each in known if compared[each["name"]] and each["first_stage"] in named]
    if not rerankers:
        best = _best(known, measure)
        return f"{best['name']} has the highest {measure}, {_value(best, measure)}"
    better = [each for each in rerankers if compared[each["name"]]["verdict"] == "better"]
    chosen = _best(better or rerankers, measure)
    alone = _best([each for each in known if each["first_stage"] is None], measure)
    told = f"{measure} {_value(chosen, measure)} instead of"
    if alone["values"][measure] > chosen["values"][measure] and (better or alone["name"] != chosen["first_stage"]):
        ahead = f"{alone['name']} alone is ahead of {chosen['name']}, the best reranker"
        return f"No: {ahead}: {measure} {_value(alone, measure)} instead of {_value(chosen, measure)}"
    verdict = compared[chosen["name"]]
    first = named[chosen["first_stage"]]
    return _said(chosen, first, verdict, f"{told} {_value(first, measure)}", evaluation["dataset"]["queries"])


def _said(chosen: System, first: System, compared: Mapping[str, Any], told: str, queries: int) -> str:
    """The answer by the verdict on the best reranker against its own first stage."""
    names = f"{chosen['name']} is better than {first['name']} alone"
    if compared["verdict"] == "better":
        return f"Yes: {names}: {told}{_for(chosen, first)}"
    if compared["verdict"] == "worse":
        return f"No: {chosen['name']}, the best reranker, is worse than {first['name']} alone: {told}"
    if compared["verdict"] == "equal":
        return f"No: {chosen['name']} and {first['name']} alone are equal ({told}): keep the cheaper one"
    more = compared.get("more_queries")
    would = "" if more is None else f"; about {more:,} more would"
    return f"Not known yet: {queries:,} queries do not tell whether {names} ({told}){would}"


def _for(chosen: System, first: System) -> str:
    """What the reranker takes, as far as it is known."""
    parts: list[str] = []
    if chosen["seconds"] is not None and first["seconds"] is not None:
        after, before = (seconds(each["seconds"]["p50"]) for each in (chosen, first))
        parts.append(f"{after} instead of {before} a query")
    if chosen["cost_per_1000"]:
        parts.append(f"{money(chosen['cost_per_1000'])} per 1,000 queries")
    return f", for {' and '.join(parts)}" if parts else ""


def _best(systems: Sequence[System], measure: str) -> System:
    return max(systems, key=lambda each: each["values"][measure])


def _value(system: System, measure: str) -> str:
    return f"{system['values'][measure]:.3f}"

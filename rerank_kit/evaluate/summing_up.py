"""From the results of systems to an `Evaluation`: comparisons, ceilings, and sentences on what stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from rerank_kit.evaluate.ceiling import Ceiling, ceiling
from rerank_kit.evaluate.comparing import TIE
from rerank_kit.evaluate.dataset import Dataset, Judgements
from rerank_kit.evaluate.earning import UpTo, earned
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult, made_now
from rerank_kit.evaluate.judging import Judged, judged
from rerank_kit.evaluate.kinship import kin
from rerank_kit.evaluate.origin import PERSON
from rerank_kit.evaluate.outcomes import said_of_failures
from rerank_kit.evaluate.systems import RECALLS
from rerank_kit.evaluate.verdicts import harmed
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted

_WORST = 20  # queries that a finding lists
_NAMED = 5  # and those that its sentence names
_FEW = 5  # labels a query: below this, most of the best ten cannot be judged
_UNJUDGED = 0.5  # of the best documents: below this, labels say little about a ranking


def summed_up(
    data: Dataset,
    asked: Dataset,
    results: Sequence[SystemResult],
    measures: Sequence[str],
    *,
    seed: int,
    margin: float,
    notes: Sequence[str],
) -> Evaluation:
    """All of it.

    Args:
        data: The whole dataset.
        asked: The part of it that was asked.
        results: Of each system.
        measures: All of them; verdicts are on the first.
        seed: Of the statistics.
        margin: Systems are equal where they differ by no more.
        notes: What was left out, mended, guessed, drawn or kept from before.
    """
    measure = measures[0]
    values = {each.name: each.values[measure] for each in results}
    first_stages = {each.name: each.first_stage for each in results}
    same = _same(results)
    apart = {name: each for name, each in values.items() if name not in same}
    known = {name: first_stages[name] for name in apart}
    comparisons = judged(apart, known, measure=measure, margin=margin, seed=seed) if len(apart) > 1 else []
    shared = [(each, name) for name, first in same.items() for each in comparisons if each.system == first]
    comparisons += [_of_another(each, name) for each, name in shared]
    ceilings = {each.name: _ceiling(each, measure) for each in results if each.first_stage is None and not each.reranks}
    findings = [
        *_failures(results),
        *_harms(comparisons, values),
        *_first_stages(comparisons),
        *_alike(same),
        *_ceilings(results, ceilings),
        *_missing(results, asked.queries),
        *_losses(results, values, asked.queries),
        *_stages(results, comparisons, measure),
        *_labels(results, measures),
        *_origin(data, results),
    ]
    return Evaluation(
        dataset=data,
        notes=[*notes, *_seen_whole(results), *_few_labels(results, measures)],
        asked=asked.queries,
        judgements=_all_judgements(results),
        measure=measure,
        measures=measures,
        systems=sorted(results, key=lambda each: each.first_stage is not None),
        comparisons=comparisons,
        ceilings=ceilings,
        findings=findings,
        seed=seed,
        made=made_now(),
    )


def _finding(
    kind: str, text: str, queries: Sequence[str] = (), *, system: str | None = None, against: str | None = None
) -> dict[str, Any]:
    """A sentence, the queries that it is of, and the systems to look at."""
    return {"kind": kind, "text": text, "queries": list(queries), "system": system, "against": against}


def _ceiling(first: SystemResult, measure: str) -> Ceiling:
    rankings = {query: outcome.ids for query, outcome in first.outcomes.items()}
    return ceiling(rankings, first.judgements, measure=measure)


def _all_judgements(results: Sequence[SystemResult]) -> Judgements:
    """The labels for all that was found, whatever the chunks."""
    found: dict[str, dict[str, int]] = {}
    for each in results:
        for query, grades in each.judgements.items():
            found.setdefault(query, {}).update(grades)
    return found


def _harms(comparisons: Sequence[Judged], values: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Rerankers that make their first stage worse, with the queries that they harm most."""
    found: list[dict[str, Any]] = []
    for each in comparisons:
        if each.harms:
            lost = list(harmed(values[each.against], values[each.system], least=TIE))
            told = f"{each.text}. Do not ship it"
            found.append(_finding("harm", told, lost[:_WORST], system=each.system, against=each.against))
    return found


def _ceilings(results: Sequence[SystemResult], ceilings: Mapping[str, Ceiling]) -> list[dict[str, Any]]:
    """How many candidates are enough, and who sees fewer."""
    found: list[dict[str, Any]] = []
    for first, known in ceilings.items():
        if known.enough is None:
            found.append(_finding("recall", f"{first}: {known.text(max(known.by_depth))}", system=first))
            continue
        found.append(_finding("recall", _enough(first, known, known.enough), system=first))
        seen = ((each.name, each.recall or 0) for each in results if each.first_stage == first)
        few = [(name, sees) for name, sees in seen if sees in known.by_depth and sees < (known.enough or 0)]
        texts = ((name, f"{name}: {known.text(sees)}") for name, sees in few)
        found += [_finding("recall", text, system=name, against=first) for name, text in texts]
    return found


def _enough(first: str, known: Ceiling, enough: int) -> str:
    """How many candidates of a first stage are enough, or that all of them are needed."""
    *fewer, most = sorted(known.by_depth)
    reached = f"a perfect reranker reaches {known.by_depth[enough]:.2f} of {known.measure}"
    if enough < most:
        told = f"{enough} candidates of {first} are enough: with them {reached}"
        return f"{told}, and {known.by_depth[most]:.2f} with {most}"
    if not fewer:
        return f"with the {most} candidates of {first} {reached}"
    less = f"{known.by_depth[fewer[-1]]:.2f} of {known.measure}, and {known.by_depth[most]:.2f} with {most}"
    return f"{fewer[-1]} candidates of {first} are not enough: with them a perfect reranker reaches {less}"


def _same(results: Sequence[SystemResult]) -> dict[str, str]:
    """Rerankers whose rankings are those of an earlier one throughout: they are compared once."""
    found: dict[str, str] = {}
    known: dict[tuple[object, ...], str] = {}
    for each in results:
        if each.first_stage is not None:
            rankings = (each.first_stage, *(tuple(outcome.ids) for outcome in each.outcomes.values()))
            first = known.setdefault(rankings, each.name)
            if first != each.name:
                found[each.name] = first
    return found


def _of_another(known: Judged, name: str) -> Judged:
    """A comparison of the system that ranks alike, for this one."""
    return replace(known, system=name, text=f"{name}{known.text.removeprefix(known.system)}")


def _alike(same: Mapping[str, str]) -> list[dict[str, Any]]:
    """Systems of which one is not needed."""
    told = "ranks exactly as"
    return [
        _finding("same", f"{name} {told} {first} does, in every query: leave one out", system=name, against=first)
        for name, first in same.items()
    ]


def _missing(results: Sequence[SystemResult], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Queries for which a first stage brings nothing that answers, so that no reranker can help."""
    found: list[dict[str, Any]] = []
    for each in results:
        if each.first_stage is None:
            lost = [query for query in each.outcomes if not _brings(each, query)]
            if lost:
                told = f"{each.name} brings nothing that answers {len(lost)} of {len(each.outcomes)} queries"
                why = "what it reranks is not seen here" if each.reranks else "so that no reranker can"
                found.append(_finding("missing", f"{told}, {why}: {_some(lost, texts)}", lost, system=each.name))
    return found


def _brings(first: SystemResult, query: str) -> bool:
    grades = first.judgements.get(query, {})
    return any(grades.get(each, 0) > 0 for each in first.outcomes[query].ids)


def _losses(
    results: Sequence[SystemResult], values: Mapping[str, Mapping[str, float]], texts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Queries that a reranker makes much worse, whatever it does on average."""
    found: list[dict[str, Any]] = []
    for each in results:
        lost = list(harmed(values[each.first_stage], values[each.name])) if each.first_stage is not None else []
        if lost:
            told = f"{each.name} makes {len(lost)} of {len(each.outcomes)} queries much worse: {_some(lost, texts)}"
            found.append(_finding("losses", told, lost[:_WORST], system=each.name, against=each.first_stage))
    return found


def _some(queries: Sequence[str], texts: Mapping[str, str]) -> str:
    """The first of some queries' ids, and the very first one's text."""
    first, *others = queries[:_NAMED]
    told = ", ".join([f"{first} ({quoted(texts[first])})", *others])
    return told + (f" and {len(queries) - _NAMED} more" if len(queries) > _NAMED else "")


def _first_stages(comparisons: Sequence[Judged]) -> list[dict[str, Any]]:
    """Rerankers that a better first stage beats alone."""
    return [
        _finding(
            "first stage",
            f"{each.against} without a reranker is the better choice: {each.text}",
            system=each.system,
            against=each.against,
        )
        for each in comparisons
        if each.role == "best first stage" and each.verdict == "worse"
    ]


def _stages(results: Sequence[SystemResult], comparisons: Sequence[Judged], measure: str) -> list[dict[str, Any]]:
    """What each reranker adds to its first stage, for what time and money."""
    by_name = {each.name: _up_to(each, measure) for each in results}
    with_first = (each for each in comparisons if each.role == "first stage")
    told = ((each, earned(by_name[each.against], by_name[each.system], each).price) for each in with_first)
    return [_finding("cost", text, system=each.system, against=each.against) for each, text in told]


def _up_to(result: SystemResult, measure: str) -> UpTo:
    seconds, dollars = result.seconds(), result.cost_per_1000
    if result.first_stage is None:
        dollars = 0.0  # what reranking costs is compared with none
    return UpTo(result.name, result.values[measure], None if seconds is None else seconds["p50"], dollars)


def _labels(results: Sequence[SystemResult], measures: Sequence[str]) -> list[dict[str, Any]]:
    """Rankings of which most of the best documents were never judged, though many are labelled."""
    told = _unjudged(results, measures)
    if told is None or _labelled(results) < _FEW:
        return []
    remedy = "label the best few of each system too, those that do not answer with 0"
    return [_finding("labels", f"only {told}; the others count as not relevant, whatever they are: {remedy}")]


def _few_labels(results: Sequence[SystemResult], measures: Sequence[str]) -> list[str]:
    """The same where a question has a label or two, as with quotes: then it is so by design."""
    told, labelled = _unjudged(results, measures), _labelled(results)
    if told is None or labelled >= _FEW:
        return []
    some = "a label" if labelled < 2 else f"{labelled:.2g} labels"  # noqa: PLR2004 - one, or a little more
    why = f"that is normal with {some} a question; the others count as not relevant"
    return [f"{told}: {why}. Where several documents answer a question, label each of them"]


def _unjudged(results: Sequence[SystemResult], measures: Sequence[str]) -> str | None:
    """How much of the best documents was judged; `None` where it is enough, or was not measured."""
    for measure in measures:
        if measure.startswith("Judged"):
            few = [each.mean(measure) for each in results if each.mean(measure) < _UNJUDGED]
            if few:
                share = f"{min(few):.0%}" if min(few) == max(few) else f"{min(few):.0%} to {max(few):.0%}"
                told = f"{share} of the best documents of {len(few)} of {len(results)} systems were judged"
                return f"{told} ({measure})"
    return None


def _labelled(results: Sequence[SystemResult]) -> float:
    """How many documents are labelled for a query, on average."""
    return fmean(len(grades) for grades in results[0].judgements.values())


def _seen_whole(results: Sequence[SystemResult]) -> list[str]:
    """First stages that bring so little that a reranker with more candidates would see no more."""
    most = {
        each.name: max(len(outcome.candidates) for outcome in each.outcomes.values())
        for each in results
        if each.first_stage is None and not each.reranks
    }
    told = "systems that rerank more see the same, and are left out where no system is named"
    return [
        f"no query has more than {counted(number, 'candidate')} of {name}: {told}"
        for name, number in most.items()
        if number <= sorted(RECALLS)[-2]
    ]


def _origin(data: Dataset, results: Sequence[SystemResult]) -> list[dict[str, Any]]:
    """Queries that no user asked, and labels by a model that is related to what they are to judge."""
    found: list[dict[str, Any]] = []
    if data.pooled():
        found.append(_finding("pooled", _pooled(data)))
    if data.synthetic is not None:
        told = f"the questions were written by {data.synthetic}, each from the document that answers it: they flatter"
        found.append(_finding("flattering", f"{told}. Compare systems by them, and believe no number by itself"))
    judges = sorted({who for by in data.labelled_by.values() for who in by.values()} - {PERSON})
    related = kin(judges, [each.name for each in results])
    return found if related is None else [*found, _finding("family", related)]


def _pooled(data: Dataset) -> str:
    """That what nobody had labelled is missing from the labels of `label`."""
    told = (
        "recall and ceilings are over the labels alone, which are of what the labelled systems found: what they missed"
    )
    told += " has no label, and counts as not relevant"
    unfound = data.unfound()
    if not unfound:
        return told
    do = "does 1 query" if len(unfound) == 1 else f"do {len(unfound):,} queries"
    return f"{told}; nor {do} count for which they found nothing: {_some(unfound, data.queries)}"


def _failures(results: Sequence[SystemResult]) -> list[dict[str, Any]]:
    """Systems of which some rankings are not what was asked for."""
    return [
        _finding(
            "failed",
            said_of_failures(each.name, [*each.failed.values()], len(each.outcomes)),
            list(each.failed)[:_WORST],
            system=each.name,
            against=each.first_stage,
        )
        for each in results
        if each.failed
    ]

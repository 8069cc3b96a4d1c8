"""`evaluate`: systems measured on a dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Literal

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_positive
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.ceiling import DEPTHS
from rerank_kit.evaluate.comparing import LEVEL, check_options
from rerank_kit.evaluate.dataset import Dataset, Judgements
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.labels import Passages
from rerank_kit.evaluate.measures import MEASURES, check_measures
from rerank_kit.evaluate.outcomes import Brought, Outcome, Outcomes, Timing
from rerank_kit.evaluate.planning import ROUNDED, Plan, agree, dollars, stop
from rerank_kit.evaluate.reading import read_dataset
from rerank_kit.evaluate.store import RunStore
from rerank_kit.evaluate.summing_up import summed_up
from rerank_kit.evaluate.systems import Spec, System, systems_of
from rerank_kit.quoting import quoted

_TRIED = 10  # queries of which one is chosen to try all systems with
_TIMED = 20  # queries of which the time is measured anew where scores came from a deeper run on this machine


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is.

    Attributes:
        system: What is asked; `time of …` where it is asked once more, to measure how long it takes.
        done: How many queries it has answered.
        queries: Of how many.
        spent: What was paid so far in this run, in US dollars, as far as it is known.
    """

    system: str
    done: int
    queries: int
    spent: float


@named
def evaluate(
    dataset: Dataset | str | Path,
    systems: Mapping[str, Spec] | Sequence[Spec] | None = None,
    *,
    measure: str = "nDCG@10",
    measures: Sequence[str] = MEASURES,
    queries: int | None = None,
    seed: int = 0,
    margin: float = 0.01,
    store: str | Path | None = None,
    max_cost: float | None = None,
    confirm: Callable[[Plan], bool] | None = None,
    progress: Callable[[Progress], None] | None = None,
    unanswered: bool | Literal["unfound"] = False,
) -> Evaluation:
    """Measure systems on a dataset: which is better, whether that is sure, how slow each is, and what it costs.

    All systems are asked one query first: an error names each that is broken, before anything is spent on the others.
    What is found out is kept in `store`: a run that was interrupted goes on there, and no score is paid for twice.

    Args:
        dataset: A `Dataset`, or the path of one: see `read_dataset`.
        systems: By name, such as `"bm25@50 > onnx:embedded"`, or by object: a `Reranker`, a function from a query and
            texts to scores, a retriever of LangChain or LlamaIndex, or a pair `(retriever, reranker)`. A mapping gives
            them names. By default BM25, and the embedded model on 10, 50 and 100 of its candidates.
        measure: The one that verdicts are on.
        measures: What else is shown, as ir-measures writes it.
        queries: How many queries at most, drawn by `seed`; `None` is all.
        seed: Of what is drawn, and of the statistics.
        margin: Two systems are equal where they differ by no more than this.
        store: A file; `None` keeps nothing.
        max_cost: What the run may cost, in US dollars: it ends before the query that would be too dear, told by the
            dearest one so far. Without it, nothing that has a price is asked beyond the first query.
        confirm: Asked with the plan before the run; `False` ends it. Without `max_cost`, `True` agrees to any price.
        progress: Told after each query.
        unanswered: Ask also the queries of which labels say that nothing answers them. No measure counts them;
            `calibrate` does. `"unfound"` takes those for such too for which `label` had what systems found labelled,
            and none of it is relevant: say so where you know that no other document answers them.

    Raises:
        ConfigurationError: An argument is wrong, or a system is broken.
        BudgetExceeded: The run would cost more than `max_cost`. What was found out is kept.
        MissingExtra: A package is not installed.
    """
    data = dataset if isinstance(dataset, Dataset) else read_dataset(dataset)
    check_options(margin, LEVEL)
    wanted = list(dict.fromkeys([measure, *measures]))
    check_measures(wanted)
    chosen = data.answerable()
    if check_count("queries", queries, none="for all of them") is not None:
        chosen = chosen.sampled(queries or 1, seed)
    others = _unanswered(unanswered)
    asked = chosen.and_also(data, seed, unfound=others == "unfound") if others else chosen
    with_store = RunStore(store)
    try:
        most = check_positive("max_cost", max_cost)
        run = Run(asked, systems_of(systems, data), Outcomes(with_store), progress, most)
        agree(run.tried(), run.spent, most, confirm)
        outcomes = {system.name: run.ran(system) for system in run.in_order()}
        results = run.results(outcomes, wanted, chosen.queries)
        notes = [*chosen.notes, *run.told_of_kept(store)]
    finally:
        with_store.close()
    return summed_up(data, chosen, results, wanted, seed=seed, margin=margin, notes=notes)


def _unanswered(value: object) -> object:
    """Which queries without an answer are asked."""
    if isinstance(value, bool) or (isinstance(value, str) and value == "unfound"):
        return value
    msg = f'unanswered must be True, False or "unfound", not {quoted(value)}'
    raise ConfigurationError(msg)


class Run:
    """One evaluation at work."""

    def __init__(
        self,
        data: Dataset,
        systems: Sequence[System],
        outcomes: Outcomes,
        progress: Callable[[Progress], None] | None,
        budget: float | None,
    ) -> None:
        self.data, self.systems, self._outcomes, self._progress = data, systems, outcomes, progress
        self.spent = 0.0
        self._budget = math.inf if budget is None else budget
        self._dearest: dict[str, float] = {}
        self._depths = {
            id(each.first_stage): max(
                [max(DEPTHS), *(other.recall or 0 for other in systems if other.first_stage is each.first_stage)]
            )
            for each in systems
        }

    def in_order(self) -> list[System]:
        """Deep ones first, so that the others find their scores."""
        return sorted(self.systems, key=lambda each: -(each.recall or 0))

    def results(
        self, outcomes: Mapping[str, Mapping[str, Outcome]], measures: Sequence[str], measured: Collection[str]
    ) -> list[SystemResult]:
        """The results of all systems, in the order in which they were named.

        Args:
            outcomes: What each system made of all queries.
            measures: What they are measured by.
            measured: The queries that are; the others have no answer.
        """
        found: list[SystemResult] = []
        parts = {name: {query: each[query] for query in measured} for name, each in outcomes.items()}
        judgements = {id(each.first_stage): self._judgements(parts[each.name]) for each in self._alone()}
        for system in self.systems:
            part, judged = parts[system.name], judgements[id(system.first_stage)]
            result = SystemResult.of(system, part, self.times(system, part), measures, judged)
            others = {query: each for query, each in outcomes[system.name].items() if query not in part}
            found.append(replace(result, unanswered=others))
        return found

    def told_of_kept(self, store: object) -> list[str]:
        """What of the results may be old: what was kept of rerankers of which it cannot be told if they changed."""
        return [
            f"{name}: {len(queries)} of {len(self.data.queries)} rankings are those that were kept in {store}. It is "
            "known by its name, source and model alone: where anything else of it has changed, name another store"
            for name, queries in self._outcomes.kept.items()
        ]

    def _alone(self) -> list[System]:
        """The first stages by themselves."""
        return [each for each in self.systems if each.reranker is None]

    def _judgements(self, outcomes: Mapping[str, Outcome]) -> Judgements:
        """The labels for what one first stage finds: quotes are resolved among its own chunks.

        Those among the documents of the dataset are in its judgements already. A quote that no chunk holds counts as a
        document that was not found.
        """
        documents = self.data.documents
        found = {each.id: each.shown for outcome in outcomes.values() for each in outcome.candidates}
        chunks = {each: text for each, text in found.items() if each not in documents}
        judged = {query: dict(self.data.judgements.get(query, {})) for query in outcomes}
        if not self.data.quotes or (documents and not chunks):
            return judged
        passages = Passages(chunks)
        for query, quotes in self.data.quotes.items():
            grades = {each: grade for each, grade in judged[query].items() if each in found or each not in documents}
            for quote in quotes:
                holding = list(passages.holding(quote).documents)
                if not holding and not any(each in documents for each in grades):
                    holding = [f"nothing that was found says: {quote}"]
                for each in holding:
                    grades.setdefault(each, 1)
            judged[query] = grades
        return judged

    def tried(self) -> Plan:
        """Ask every system one query.

        Raises:
            ConfigurationError: Some are broken; all of these are named.
            BudgetExceeded: This alone costs too much.
        """
        broken: dict[str, list[str]] = {}
        plans: list[Plan] = []
        for system in self.in_order():
            query_id = self._telling(system)
            known = self._has(system, query_id)
            outcome = self._outcome(system, query_id)
            if outcome.problem is not None and not outcome.order:
                broken.setdefault(outcome.problem, []).append(system.name)
                continue
            took = self._outcomes.timed(system, self.data.queries[query_id], outcome) or Timing(outcome.took, 0.0)
            plans.append(self._planned(system, outcome, took, known=known))
        if broken:
            told = "; ".join(f"{', '.join(names)}: {problem}" for problem, names in broken.items())
            count = sum(map(len, broken.values()))
            msg = f"{count} of {len(self.systems)} systems cannot be asked: {told}"
            raise ConfigurationError(msg)
        unknown = tuple(name for each in plans for name in each.unknown)
        cost, seconds = sum(each.cost for each in plans), sum(each.seconds for each in plans)
        return Plan(cost, unknown, seconds, sum(each.pairs for each in plans))

    def _planned(self, system: System, outcome: Outcome, took: Timing, *, known: bool) -> Plan:
        """What a system will take for all queries but the one that it was asked.

        Args:
            system: It.
            outcome: What it made of that query.
            took: How long that took, without loading a model.
            known: Whether the store knew that, and may know of others.
        """
        rest, reranker = len(self.data.queries) - 1, system.reranker
        if reranker is None:
            return Plan(0.0, (), took.seconds * rest)
        if known or outcome.price != 0:
            rest = self._rest(system)
        first = list(islice(self.data.queries, _TRIED))
        seen = len(outcome.candidates) or 1
        share = fmean(len(self._brought(system, each).found[: system.recall]) for each in first) / seen
        whole = outcome.usage.pairs + outcome.usage.cached or seen
        unknown = outcome.price is None and rest and (outcome.usage.requests or outcome.usage.calls)
        measured = rest if outcome.usage.cached == 0 else min(rest, _TIMED)  # all else is known from other systems
        pairs = whole * measured + outcome.usage.pairs * (rest - measured)
        seconds = took.seconds * (measured + (rest - measured) * outcome.usage.pairs / whole)
        names = (system.name,) if unknown else ()
        return Plan((outcome.price or 0.0) * rest, names, seconds * share, round(pairs * share))

    def _telling(self, system: System) -> str:
        """The query to try a system with: of the first few, the one for which its first stage brings most."""
        return max(islice(self.data.queries, _TRIED), key=lambda each: len(self._brought(system, each).found))

    def _rest(self, system: System) -> int:
        """How many queries a reranker has to be asked that the store does not know."""
        return sum(not self._has(system, each) for each in self.data.queries)

    def _has(self, system: System, query_id: str) -> bool:
        """Whether the store knows what a system's reranker makes of a query."""
        candidates = self._brought(system, query_id).found[: system.recall]
        query, reranker = self.data.queries[query_id], system.reranker
        return reranker is not None and self._outcomes.has(system, reranker, query, candidates)

    def _brought(self, system: System, query_id: str) -> Brought:
        stage = system.first_stage
        return self._outcomes.first(stage, query_id, self.data.queries[query_id], self._depths[id(stage)])

    def ran(self, system: System) -> dict[str, Outcome]:
        """What a system makes of all queries.

        Raises:
            BudgetExceeded: It would cost too much.
        """
        found: dict[str, Outcome] = {}
        for done, query_id in enumerate(self.data.queries, 1):
            found[query_id] = self._outcome(system, query_id, timing=done <= _TIMED)
            self._tell(system.name, done, len(self.data.queries))
        return found

    def _tell(self, what: str, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress(Progress(what, done, of, self.spent))

    def times(self, system: System, outcomes: Mapping[str, Outcome]) -> list[Timing]:
        """How long a system takes for a query, the first stage included.

        The first call of each does not count, which loads a model or connects. Where scores came from a deeper run, and
        from no API, the reranking of some queries is measured by itself.
        """
        found: list[Timing] = []
        for query_id, outcome in outcomes.items():
            brought = self._brought(system, query_id)
            first = brought.timing
            if brought.cold and len(outcomes) > 1:
                continue
            if system.reranker is None:
                found.append(first)
            elif outcome.problem is None and (outcome.timing is not None or len(found) < _TIMED):
                second = self._outcomes.timed(system, self.data.queries[query_id], outcome)
                if outcome.timing is None:
                    self._tell(f"time of {system.name}", len(found) + 1, min(_TIMED, len(outcomes)))
                if second is not None:
                    found.append(Timing(first.seconds + second.seconds, first.waiting + second.waiting))
        return found

    def _outcome(self, system: System, query_id: str, *, timing: bool = False) -> Outcome:
        """What a system makes of a query, if there is money left for it.

        Raises:
            BudgetExceeded: There is not.
        """
        dearest = self._dearest.get(system.name, 0.0)
        if self.spent + dearest > self._budget * ROUNDED and not self._has(system, query_id):
            told = f"the run has cost {dollars(self.spent)}, and {system.name} {dollars(dearest)} for one query"
            raise stop(told, self._budget, "found out")
        brought = self._brought(system, query_id)
        outcome = self._outcomes.reranked(system, self.data.queries[query_id], brought, timing=timing)
        self.spent += outcome.paid
        self._dearest[system.name] = max(dearest, outcome.price or 0.0)
        return outcome

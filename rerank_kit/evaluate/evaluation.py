"""`Evaluation`: what systems made of a dataset, in numbers, verdicts and sentences."""

from __future__ import annotations

import html
import json
import math
import platform
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rerank_kit.combine.identity import identity_of
from rerank_kit.evaluate.ceiling import Ceiling
from rerank_kit.evaluate.dataset import Dataset, Judgements
from rerank_kit.evaluate.judging import Judged
from rerank_kit.evaluate.known_scores import has_own_scores
from rerank_kit.evaluate.measures import measured
from rerank_kit.evaluate.outcomes import Outcome, Timing
from rerank_kit.evaluate.report import as_csv, as_html, as_latex, as_markdown, as_text, to_pandas
from rerank_kit.evaluate.systems import System

SHOWN = 20  # results of each query that a report shows


@dataclass(frozen=True)
class SystemResult:
    """What one system made of the queries.

    Attributes:
        name: What tables call it.
        first_stage: The name of what brought its candidates; `None` of a first stage itself.
        recall: How many candidates were reranked at most.
        reranker: What it is, in a line.
        values: For each measure the value of each query.
        timings: How long queries took, those that were measured.
        tokens: What was read for a query, on average of those that were timed; `None` where it is not known.
        cost_per_1000: What reranking for 1,000 queries costs, in US dollars, or finding for a first stage; `None` where
            it is not known.
        failed: Queries of which the ranking is not what was asked for, and why.
        outcomes: What it made of each query.
        judgements: Which of what its first stage finds answers each query.
        unanswered: What it made of queries that nothing answers, where they were asked; no measure counts them.
        fingerprint: What tells its reranker from others, for a calibration.
        own_scores: Whether its reranker gives each document a score that depends on no other.
        reranks: Whether it is a first stage that reranks by itself, so that not all of its candidates are seen.
    """

    name: str
    first_stage: str | None
    recall: int | None
    reranker: str | None
    values: Mapping[str, Mapping[str, float]]
    timings: Sequence[Timing] = ()
    tokens: float | None = None
    cost_per_1000: float | None = None
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    outcomes: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome], repr=False)
    judgements: Judgements = field(default_factory=dict[str, Mapping[str, int]], repr=False)
    unanswered: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome], repr=False)
    fingerprint: str | None = None
    own_scores: bool = False
    reranks: bool = False

    @classmethod
    def of(
        cls,
        system: System,
        outcomes: Mapping[str, Outcome],
        timings: Sequence[Timing],
        measures: Sequence[str],
        judgements: Judgements,
    ) -> SystemResult:
        """The result of a system's outcomes."""
        alone = system.reranker is None
        answered = [each for each in outcomes.values() if each.problem is None or each.order]
        read = [each.usage.tokens or each.usage.input_tokens for each in answered if each.timing is not None]
        return cls(
            name=system.name,
            first_stage=None if alone else system.first_stage.name,
            recall=system.recall,
            reranker=None if alone else repr(system.reranker),
            values=measured(measures, judgements, {query: each.ids for query, each in outcomes.items()}),
            timings=timings,
            tokens=statistics.mean(read) if any(read) else None,
            cost_per_1000=_cost_per_1000(answered),
            failed={query: each.problem for query, each in outcomes.items() if each.problem is not None},
            outcomes=outcomes,
            judgements=judgements,
            reranks=alone and getattr(system.first_stage, "reranks", False),
            fingerprint=None if system.reranker is None else identity_of(system.reranker),
            own_scores=system.reranker is not None and has_own_scores(system.reranker),
        )

    def candidates(self) -> float:
        """How many candidates there were for a query, on average."""
        return statistics.mean(len(each.candidates) for each in self.outcomes.values())

    def mean(self, measure: str) -> float:
        """The mean of a measure over the queries."""
        return statistics.mean(self.values[measure].values())

    def seconds(self) -> dict[str, float] | None:
        """The median and the 95th percentile of a query's seconds, and the median of those that were waiting."""
        if not self.timings:
            return None
        whole = sorted(each.seconds for each in self.timings)
        waiting = sorted(each.waiting for each in self.timings)
        return {"p50": _rank(whole, 0.5), "p95": _rank(whole, 0.95), "waiting_p50": _rank(waiting, 0.5)}


def _cost_per_1000(outcomes: Collection[Outcome]) -> float | None:
    """The mean cost of a query, times a thousand; 0.0 where nobody else was asked."""
    known = [each.cost for each in outcomes if each.cost is not None]
    return statistics.mean(known) * 1000 if known and len(known) == len(outcomes) else None


def _rank(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Evaluation:
    """What systems made of a dataset.

    Attributes:
        dataset: What they were measured on.
        asked: The queries that were asked, by id.
        judgements: Which documents answer each of them.
        measure: The one that verdicts are on.
        measures: All that were measured.
        systems: What each system made of it, first stages first.
        notes: What was left out, mended or guessed while reading, and what was drawn.
        comparisons: Each reranker with its first stage, and each system with the best, with a verdict.
        ceilings: What a perfect reranker could make of the candidates of each first stage.
        findings: Sentences on what stands out.
        seed: Of what was drawn.
        made: When, by which version, on what machine.
    """

    dataset: Dataset = field(repr=False)
    asked: Mapping[str, str] = field(repr=False)
    judgements: Judgements = field(repr=False)
    measure: str
    measures: Sequence[str]
    systems: Sequence[SystemResult]
    notes: Sequence[str] = ()
    comparisons: Sequence[Judged] = ()
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict[str, Ceiling])
    findings: Sequence[Mapping[str, Any]] = ()
    seed: int = 0
    made: Mapping[str, str] = field(default_factory=dict[str, str])

    def __getitem__(self, name: str) -> SystemResult:
        """The result of a system.

        Raises:
            KeyError: There is none of that name.
        """
        found = next((each for each in self.systems if each.name == name), None)
        if found is None:
            msg = f"{name!r} is no system of this evaluation: it has {', '.join(each.name for each in self.systems)}"
            raise KeyError(msg)
        return found

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON: the format of reports.

        A result is a document's id, its score, the reason, and its place in the first stage's order, counted from 1.
        """
        queries = list(self.asked)
        shown: dict[str, str] = {}
        systems: list[dict[str, Any]] = []
        for each in self.systems:
            results: list[list[list[Any]]] = []
            for query in queries:
                outcome = each.outcomes[query]
                best = list(zip(outcome.order, outcome.scores, outcome.why, strict=True))[:SHOWN]
                results.append([[outcome.candidates[place].id, score, why, place + 1] for place, score, why in best])
                shown |= {outcome.candidates[place].id: outcome.candidates[place].shown for place, _, _ in best}
            systems.append(
                {
                    "name": each.name,
                    "first_stage": each.first_stage,
                    "recall": each.recall,
                    "candidates": each.candidates(),
                    "reranker": each.reranker,
                    "values": {measure: each.mean(measure) for measure in self.measures},
                    "per_query": {
                        measure: [each.values[measure].get(query) for query in queries] for measure in self.measures
                    },
                    "seconds": each.seconds(),
                    "tokens": each.tokens,
                    "cost_per_1000": each.cost_per_1000,
                    "failed": dict(each.failed),
                    "results": results,
                }
            )
        return {
            "version": 1,
            "dataset": {
                "name": self.dataset.name,
                "queries": len(queries),
                "of": len(self.dataset.queries),
                "documents": len(self.dataset.documents) or None,
                "notes": list(self.notes),
                "seed": self.seed,
            },
            "measure": self.measure,
            "measures": list(self.measures),
            "made": dict(self.made),
            "systems": systems,
            "comparisons": [each.to_dict() for each in self.comparisons],
            "ceilings": [self._ceiling(first, each) for first, each in self.ceilings.items()],
            "findings": [dict(each) for each in self.findings],
            "queries": [
                {"id": query, "text": text, "relevant": dict(self.judgements.get(query, {}))}
                for query, text in self.asked.items()
            ],
            "documents": shown,
        }

    def _ceiling(self, first_stage: str, known: Ceiling) -> dict[str, Any]:
        now = [
            {"system": each.name, "recall": each.recall, "value": each.mean(self.measure)}
            for each in self.systems
            if each.first_stage == first_stage
        ]
        return {
            "first_stage": first_stage,
            "measure": known.measure,
            "by_depth": {str(depth): value for depth, value in known.by_depth.items()},
            "now": now,
            "enough": known.enough,
        }

    def __str__(self) -> str:
        """The table, the verdicts and the findings, for a terminal."""
        return as_text(self)

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks."""
        height = 'style="width:100%;height:900px;border:0"'
        return f'<iframe title="evaluation" {height} srcdoc="{html.escape(as_html(self))}"></iframe>'

    def to_html(self, path: str | Path | None = None) -> str:
        """One page with all of it, for a browser, without anything from a network; also written to a file."""
        return _written(as_html(self), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The table, the verdicts and the findings in Markdown, also written to a file if there is a path."""
        return _written(as_markdown(self), path)

    def to_latex(self, path: str | Path | None = None) -> str:
        """The table in LaTeX, also written to a file if there is a path."""
        return _written(as_latex(self), path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """The table as comma-separated values, also written to a file if there is a path."""
        return _written(as_csv(self), path)

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`, one row for each system.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return to_pandas(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """All of it as JSON, also written to a file if there is a path."""
        return _written(json.dumps(self.to_dict(), ensure_ascii=False), path)


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, "utf-8", errors="backslashreplace")
    return text


def made_now() -> dict[str, str]:
    """When, by which version, on what machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rerank_kit": version("rerank-kit"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }

"""`plan`: what every back end would cost in a month, by each vendor's own rules, and which one to begin with."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.pricing.advice import Advice, Change, advised, best_local, changes, fine_tuned, unknown_cost
from rerank_kit.pricing.backends import Speed, all_backends, check_local
from rerank_kit.pricing.bills import points
from rerank_kit.pricing.break_evens import BreakEven, break_even, compared, told
from rerank_kit.pricing.plan_notes import notes
from rerank_kit.pricing.plan_page import page
from rerank_kit.pricing.plan_text import as_markdown, as_text
from rerank_kit.pricing.prices import Prices, check_day, known_prices
from rerank_kit.pricing.rows import Row, Stage, no_row, row_of, speeds_by_backend, stages
from rerank_kit.pricing.workload import Workload

VERSION = 1
_CURVES = 5  # lines of the page's chart
_FAR = 50  # times the volume, beyond which no break-even is drawn


@dataclass(frozen=True, slots=True)
class Plan:
    """What every back end would cost. `print` shows it. What is not known is `None`, and never 0.

    Attributes:
        workload: What was planned for.
        rows: The back ends: those that will do first, the cheapest first.
        stages: What is paid for besides, and is in every row.
        advice: What to begin with, and why.
        break_evens: Where the local model to begin with and those of other kinds cost the same.
        changes: What fewer candidates would change.
        fine_tune: What a fine-tune would change; `None` where that is not known.
        notes: What was assumed, what is not known, and how old prices are.
        date: The day of the plan.
    """

    workload: Workload
    rows: tuple[Row, ...]
    stages: tuple[Stage, ...]
    advice: Advice
    break_evens: tuple[BreakEven, ...]
    changes: tuple[Change, ...]
    fine_tune: str | None
    notes: tuple[str, ...]
    date: dt.date

    def row(self, backend: str) -> Row:
        """The row of a back end.

        Raises:
            ConfigurationError: There is none of that name.
        """
        found = next((each for each in self.rows if each.backend == backend), None)
        if found is None:
            raise no_row(backend, [each.backend for each in self.rows])
        return found

    def unknown_cost(self, backend: str) -> str | None:
        """Why it is not known what a back end costs, and what to do; `None` where it is.

        Raises:
            ConfigurationError: There is none of that name.
        """
        return unknown_cost(self.row(backend))

    def break_even(self, one: str, other: str) -> BreakEven | None:
        """Where two back ends cost the same, by their names; `None` where what one costs is not known.

        Raises:
            ConfigurationError: There is none of that name.
        """
        return break_even(self.row(one), self.row(other))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, with the break-even volumes of any two, and the lines of the page's chart."""
        pairs = (break_even(one, other) for one, other in combinations(self.rows, 2))
        return {
            "version": VERSION,
            "date": self.date.isoformat(),
            "workload": self.workload.given(),
            "recommended": self.advice.backend,
            "compared_with": self.advice.other,
            "reasons": list(self.advice.reasons),
            "rows": [each.to_dict() for each in self.rows],
            "stages": [each.to_dict() for each in self.stages],
            "break_evens": told(self.break_evens),
            "break_even_volumes": [each.to_dict() for each in pairs if each is not None and each.queries is not None],
            "changes": [{**each.to_dict(), "text": str(each)} for each in self.changes],
            "fine_tune": self.fine_tune,
            "notes": list(self.notes),
            "curves": self._curves(),
        }

    def to_json(self) -> str:
        """All of it as JSON in one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_markdown(self) -> str:
        """It in Markdown, with a table of all back ends."""
        return as_markdown(self.to_dict())

    def to_html(self) -> str:
        """One page for a browser, which loads nothing, with a chart of dollars against volume."""
        return page(self.to_dict())

    def __str__(self) -> str:
        """It as text for terminals."""
        return as_text(self.to_dict())

    def _curves(self) -> list[dict[str, Any]]:
        """The lines of the chart: what is advised, what it is compared with, and the cheapest of each vendor.

        Those that cost the same are one line.
        """
        names = [each for each in (self.advice.backend, self.advice.other) if each is not None]
        vendors = {self.row(each).vendor for each in names}
        for row in self.rows:
            if row.fits and row.dollars is not None and row.kind == "api" and row.vendor not in vendors:
                vendors.add(row.vendor)
                names.append(row.backend)
        drawn = [row for row in map(self.row, names) if row.dollars is not None][:_CURVES]
        evens = (break_even(one, other) for one, other in combinations(drawn[:2], 2))
        near = [each.queries for each in evens if each is not None and each.queries is not None]
        queries = self.workload.queries
        most = max([2.0 * queries, *(1.5 * each for each in near if each < _FAR * queries)])
        same: dict[tuple[tuple[float, float], ...], list[str]] = {}
        for row in drawn:
            same.setdefault(tuple(points(row.bill or (), most)), []).append(row.backend)
        return [{"backends": names, "points": [*line]} for line, names in same.items()]


@named
def plan(
    queries: int,
    *,
    candidates: int = 50,
    tokens_per_document: int | Sequence[int] = 300,
    query_tokens: int = 20,
    language: str = "en",
    data_must_stay: bool = False,
    latency: float | None = None,
    vendor: str | Sequence[str] | None = None,
    peak: float = 5.0,
    hardware: str | None = None,
    machine_price: float | None = None,
    cores: int | None = None,
    pairs_per_second: Mapping[str, float] | None = None,
    speeds: Iterable[Speed] = (),
    judge: str | None = None,
    judged: int = 10,
    decision: str | None = None,
    decided: int = 30,
    contextual: str | None = None,
    corpus_tokens: int | None = None,
    document_tokens: int = 8_000,
    changed: float = 0.0,
    prices: Prices | None = None,
    today: dt.date | None = None,
) -> Plan:
    """What every back end would cost in a month, by each vendor's own units and rules, and which to begin with.

    Args:
        queries: How many there are in a month.
        candidates: How many documents of a query are reranked.
        tokens_per_document: The mean, or the lengths of some documents, of which candidates are then taken evenly: a
            vendor that counts pieces of 500 tokens is dearer for a mixture than for its mean.
        query_tokens: Of a query.
        language: Of the documents, as a code; `"several"` for many.
        data_must_stay: Whether questions and documents may not go to a vendor.
        latency: How many seconds reranking may take.
        vendor: The one vendor that may be used besides your own machines, such as `"Anthropic"`, or several.
        peak: How many times the mean the busiest hour has.
        hardware: What your machine is called. Where it is named without `cores`, no speed of it is known.
        machine_price: What it costs a month, in US dollars.
        cores: Its CPU cores; the measured speeds are taken in proportion.
        pairs_per_second: What you know of it, by back end: `{"onnx:embedded": 400}`, for pairs of these lengths.
        speeds: The same with where it is from, such as what `rerank-kit plan --measure` found.
        judge: An LLM that judges the last few, such as `"claude-haiku-5-5"`.
        judged: How many.
        decision: A decision model behind the reranker, such as `"jev-latest"`.
        decided: How many documents it gets.
        contextual: An LLM that writes a context for each chunk when it is indexed (Contextual Retrieval).
        corpus_tokens: Of all documents together, for `contextual`.
        document_tokens: Of the whole document that a chunk is from.
        changed: The part of the documents that is new or changes in a month, from 0 to 1.
        prices: The price list; by default the rows that come with the package.
        today: The day, by which prices are old.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    work = Workload(
        queries,
        candidates,
        tokens_per_document,
        query_tokens,
        language,
        data_must_stay,
        latency,
        vendor,
        peak,
        hardware,
        machine_price,
        cores,
        judge,
        judged,
        decision,
        decided,
        contextual,
        corpus_tokens,
        document_tokens,
        changed,
    )
    check_instance("prices", prices, (Prices, type(None)), "a rerank_kit.pricing.Prices, or None for ours")
    if today is not None:
        check_day("today", today)
    check_instance("pairs_per_second", pairs_per_second, (Mapping, type(None)), "a mapping of back ends to numbers")
    for name in pairs_per_second or ():
        check_local(name)
    rates = [Speed(name, pairs) for name, pairs in (pairs_per_second or {}).items()]
    given = [*speeds, *rates]
    for each in given:
        check_instance("speeds", each, Speed, "some rerank_kit.pricing.Speed")
    listed = known_prices() if prices is None else prices
    return _Planning(listed, given).planned(work, today or dt.datetime.now(dt.UTC).date())


@dataclass(frozen=True, slots=True)
class _Planning:
    """Plans with some prices and speeds."""

    prices: Prices
    given: Sequence[Speed]

    def planned(self, work: Workload, today: dt.date) -> Plan:
        """The plan for a workload."""
        rows = sorted(self.rows(work), key=lambda row: _order(row, work.queries))
        behind = stages(self.prices, work)
        advice = advised(rows, behind, work)
        by_name = {each.backend: each for each in rows}
        names = [each for each in (advice.backend, advice.other) if each is not None]
        said = notes(rows, behind, self.prices, work, today)
        tuned = fine_tuned([each for each in rows if not _only_slow(each)])
        changed = changes(by_name, names, work, lambda name, fewer: self.row(name, replace(work, candidates=fewer)))
        return Plan(
            workload=work,
            rows=tuple(rows),
            stages=behind,
            advice=advice,
            break_evens=tuple(compared(best_local(rows, work), rows)),
            changes=tuple(changed),
            fine_tune=tuned,
            notes=tuple(said),
            date=today,
        )

    def rows(self, work: Workload) -> list[Row]:
        """All back ends with a workload, in the order of the table."""
        speeds, behind = speeds_by_backend(self.given, work), stages(self.prices, work)
        return [row_of(each, self.prices, speeds, work, behind) for each in all_backends(self.prices, self.given)]

    def row(self, name: str, work: Workload) -> Row:
        """One of them."""
        return next(each for each in self.rows(work) if each.backend == name)


def _order(row: Row, queries: int) -> tuple[bool, bool, float]:
    dollars = row.known_dollars(queries)
    return not row.fits, dollars is None, dollars or 0.0


def _only_slow(row: Row) -> bool:
    """Whether it is left out for another reason than its time: one that a smaller model would not mend."""
    return any(not each.startswith("takes ") for each in row.against)

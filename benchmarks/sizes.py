"""Pairs a second of rerankers of different sizes on this machine's CPU, int8 and fp32, in one run.

    python benchmarks/sizes.py                      # what docs/performance.md shows
    python benchmarks/sizes.py --models folder      # keeps the models there, which take longest to make
    python benchmarks/sizes.py --only Ettin-17M MiniLM-L12

The weights are random (`shapes.py`). Every system runs in a process of its own and all take turns, query by query; a
large model gets fewer candidates of each query, since what counts is pairs a second.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shapes import SHAPES
from speed import QUESTIONS, SIZES, Worker, candidates, tokens
from speed_report import machine, table, versions
from systems import EMBEDDED, SIZED

from rerank_kit.export import export_model

CANDIDATES = 50
LARGE = 200 << 20  # bytes of weights: from here on, a tenth of the candidates
KINDS = ("short", "long")
END = "<!-- end of sizes -->"
PACKAGES = ("onnxruntime", "torch", "transformers", "sentence-transformers")
_PASSAGES = [f"A passage of {number} words, more or less, on some subject" for number in range(20)]
_HEADING = """
## Sizes of models

Written by `python benchmarks/sizes.py` on {date}: {machine}, {versions}.

Pairs a second, with **random weights** of the sizes of these models, since the real ones were not at hand; a model
takes as long whatever it has learned. Only the last row has weights that were trained. All read the same tokens, up to
512, by the embedded model's tokenizer: {tokens}. int8 and fp32 are what `rerank-kit export` makes, run by
`OnnxCrossEncoder`; PyTorch is `sentence_transformers.CrossEncoder.predict`, in fp32. All took turns. Cells are the
median of {repetitions} queries, the range, and how many times that of the embedded model it is.
"""


def made(models: Path, name: str) -> Path:
    """The folder of a model: `original` for PyTorch, and `exported`."""
    folder = models / name
    if not (folder / "exported").is_dir():
        print(f"  making {name}", file=sys.stderr, flush=True)
        SHAPES[name](folder / "original")
        export_model(folder / "original", folder / "exported", texts=_PASSAGES, min_correlation=-1.0)
    return folder


def measure(models: Path, names: Sequence[str], repetitions: int) -> dict[str, dict[str, list[float]]]:
    """Pairs a second of each system on each kind of passages."""
    cores = len(os.sched_getaffinity(0))
    systems = {f"{name}, {way}": (way, made(models, name)) for name in names for way in SIZED}
    systems[EMBEDDED] = EMBEDDED, models
    found: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in systems}
    workers = {name: Worker(way, folder, cores) for name, (way, folder) in systems.items()}
    counts = {name: CANDIDATES // 10 if _is_large(folder) else CANDIDATES for name, (_, folder) in systems.items()}
    for kind in KINDS:
        queries = candidates(kind, CANDIDATES)
        for repetition in range(repetitions):
            query, texts = queries[repetition % len(queries)]
            for name, worker in workers.items():
                some = texts[:: CANDIDATES // counts[name]]
                found[name][kind].append(len(some) / worker.score([(query, some)])["seconds"])
            print(f"  {kind}, query {repetition + 1}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.stop()
    return found


def _is_large(folder: Path) -> bool:
    weights = folder / "exported" / "model_int8.onnx"
    return weights.exists() and weights.stat().st_size > LARGE


def report(found: Mapping[str, Mapping[str, Sequence[float]]], models: Path, names: Sequence[str]) -> str:
    """The section of the page."""
    ours = {kind: statistics.median(found[EMBEDDED][kind]) for kind in KINDS}
    columns = ["MB", *(f"{way}, {kind}" for kind in KINDS for way in SIZED)]
    rows: dict[str, list[str]] = {}
    for name in names:
        files = [models / name / "exported" / file for file in ("model_int8.onnx", "model.onnx")]
        size = " / ".join(f"{sum(each.stat().st_size for each in _parts(file)) / 1e6:,.0f}" for file in files)
        rows[name] = [size, *(_cell(found[f"{name}, {way}"][kind], ours[kind]) for kind in KINDS for way in SIZED)]
    embedded = {kind: _cell(found[EMBEDDED][kind], ours[kind]) for kind in KINDS}
    rows["MiniLM-L12, embedded"] = [
        "34",
        *(embedded[kind] if way == "int8" else "" for kind in KINDS for way in SIZED),
    ]
    return "\n".join(table(columns, rows))


def _parts(file: Path) -> list[Path]:
    return list(file.parent.glob(f"{file.name}*"))


def _cell(rates: Sequence[float], ours: float) -> str:
    middle = statistics.median(rates)
    return f"{middle:,.1f} ({min(rates):,.1f}–{max(rates):,.1f}), {middle / ours:.2f}×"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="keep the models in this folder")
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES), help="these sizes alone")
    parser.add_argument("--repetitions", type=int, default=len(QUESTIONS), help="queries of each kind")
    parser.add_argument("--write", type=Path, help="write the section into this page too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models: Path = arguments.models or Path(folder)
        found = measure(models, arguments.only, arguments.repetitions)
        rows = report(found, models, arguments.only)
    heading = _HEADING.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
        versions=versions(PACKAGES),
        tokens=_tokens(),
        repetitions=arguments.repetitions,
    )
    text = f"{heading}\n{rows}\n"
    print(text)
    if arguments.write is not None:
        page = arguments.write.read_text("utf-8").partition(SIZES)[0].rstrip()
        arguments.write.write_text(f"{page}\n\n{SIZES}\n{text}{END}\n", "utf-8")


def _tokens() -> str:
    counted = tokens([(kind, CANDIDATES) for kind in KINDS])
    means = {kind: statistics.mean(counted[f"{kind}, {CANDIDATES}"]) / CANDIDATES for kind in KINDS}
    return ", ".join(f"{mean:.0f} on average in a {kind} pair" for kind, mean in means.items())


if __name__ == "__main__":
    main()

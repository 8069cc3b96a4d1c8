"""Pairs a second of rerankers of different sizes on this machine's CPU, int8 and fp32, in one run.

    python benchmarks/sizes.py                      # what docs/performance.md shows
    python benchmarks/sizes.py --models folder      # keeps the models there, which take longest to make
    python benchmarks/sizes.py --only Ettin-17M MiniLM-L12

The weights are random (`shapes.py`). Every system runs in a process of its own and all take turns, query by query. The
large models take turns with the embedded one alone, on fewer candidates, since what counts is pairs a second.
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
from speed import SIZES, Worker, candidates, tokens
from speed_report import machine, table, versions
from systems import EMBEDDED, SIZED

from rerank_kit.export import export_model

CANDIDATES = 50
LARGE = ("bge-reranker",)  # a tenth of the candidates, and one of them at a time, for all of them are much memory
KINDS = ("short", "long")
Rates = dict[str, list[float]]
"""Pairs a second, by the kind of passages."""

END = "<!-- end of sizes -->"
PACKAGES = ("onnxruntime", "torch", "transformers", "sentence-transformers")
_PASSAGES = [f"A passage of {number} words, more or less, on some subject" for number in range(20)]
_HEADING = """
## Sizes of models

Written by `python benchmarks/sizes.py` on {date}: {machine}, {versions}.

Pairs a second, with **random weights** of the sizes of these models, since the real ones were not at hand; a model
takes as long whatever it has learned. Only the last row has weights that were trained. All read the same tokens, up to
512, by the embedded model's tokenizer: {tokens}.
int8 and fp32 are what `rerank-kit export` makes, run by `OnnxCrossEncoder`; PyTorch is
`sentence_transformers.CrossEncoder.predict`, in fp32. They took turns; the BGE sizes did so with the embedded model
alone, on 5 candidates of a query instead of 50. Cells are the median of {repetitions} queries, the range, and how many
times that of the embedded model it is.
"""


def made(models: Path, name: str) -> Path:
    """The folder of a model: `original` for PyTorch, and `exported`."""
    folder = models / name
    if not (folder / "exported").is_dir():
        print(f"  making {name}", file=sys.stderr, flush=True)
        SHAPES[name](folder / "original")
        export_model(folder / "original", folder / "exported", texts=_PASSAGES, min_correlation=-1.0)
    return folder


def measure(models: Path, names: Sequence[str], repetitions: int) -> dict[str, Rates]:
    """Pairs a second of some models in each way, and of the embedded one, on each kind of passages."""
    cores = len(os.sched_getaffinity(0))
    systems = {_row(name, way): (way, made(models, name)) for name in names for way in SIZED}
    systems[EMBEDDED] = EMBEDDED, models
    found: dict[str, Rates] = {name: {kind: [] for kind in KINDS} for name in systems}
    workers = {name: Worker(way, folder, cores) for name, (way, folder) in systems.items()}
    for kind in KINDS:
        queries = candidates(kind, CANDIDATES)
        for repetition in range(repetitions):
            query, texts = queries[repetition % len(queries)]
            for name, worker in workers.items():
                some = texts[::10] if name.startswith(LARGE) else texts
                found[name][kind].append(len(some) / worker.score([(query, some)])["seconds"])
            print(f"  {', '.join(names)}: {kind}, query {repetition + 1}", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.stop()
    return found


def _row(name: str, way: str) -> str:
    return f"{name}, {way}"


def report(groups: Sequence[Mapping[str, Rates]], models: Path) -> str:
    """The table. Each group is compared with the embedded model as it was between the group's."""
    columns = ["MB, int8 and fp32", *(_row(way, kind) for kind in KINDS for way in SIZED)]
    rows: dict[str, list[str]] = {}
    for group in groups:
        ours = {kind: statistics.median(group[EMBEDDED][kind]) for kind in KINDS}
        for name in SHAPES:
            if _row(name, "int8") in group:
                cells = (_cell(group[_row(name, way)][kind], ours[kind]) for kind in KINDS for way in SIZED)
                rows[name] = [_sizes(models / name / "exported"), *cells]
    first = groups[0][EMBEDDED]
    own = {kind: _cell(first[kind], statistics.median(first[kind])) for kind in KINDS}
    rows["MiniLM-L12, embedded"] = ["34", *(own[kind] if way == "int8" else "" for kind in KINDS for way in SIZED)]
    return "\n".join(table(columns, rows))


def _sizes(folder: Path) -> str:
    """Megabytes of both graphs, with the weights beside them."""
    files = (folder.glob(f"{name}*") for name in ("model_int8.onnx", "model.onnx"))
    return " / ".join(f"{sum(each.stat().st_size for each in found) / 1e6:,.0f}" for found in files)


def _cell(rates: Sequence[float], ours: float) -> str:
    middle = statistics.median(rates)
    return f"{middle:,.1f} ({min(rates):,.1f}–{max(rates):,.1f}), {middle / ours:.2f}×"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="keep the models in this folder")
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES), help="these sizes alone")
    parser.add_argument("--repetitions", type=int, default=3, help="queries of each kind")
    parser.add_argument("--write", type=Path, help="write the section into this page too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models: Path = arguments.models or Path(folder)
        small = [name for name in arguments.only if not name.startswith(LARGE)]
        alone = [[name] for name in arguments.only if name.startswith(LARGE)]
        groups = [measure(models, each, arguments.repetitions) for each in (small, *alone) if each]
        rows = report(groups, models)
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

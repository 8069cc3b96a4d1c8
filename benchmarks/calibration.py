"""Whether calibrated thresholds hold, and what tuning gains, on test collections with the embedded model's scores.

    python benchmarks/blending.py --data FOLDER --keep scores.json
    python benchmarks/calibration.py --data FOLDER --keep scores.json

The scores are those that `blending.py` keeps: BM25's candidates, each scored once. For each collection and several
draws of its halves, thresholds are chosen on one half; a cell tells what they come to on the other half, and in how
many of the draws the 95 % interval there has what was wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from rerank_kit import Deadline
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate import Dataset, Evaluation, calibrate, evaluate, read_dataset, tune
from rerank_kit.evaluate.abstaining import abstaining
from rerank_kit.evaluate.first_stages import Found
from rerank_kit.local import CrossEncoder

GOALS = (("precision", 0.3), ("precision", 0.5), ("precision", 0.7), ("recall", 0.8), ("recall", 0.9))
DRAWS = 40
FEWEST = 20  # queries with candidates


class Kept(CrossEncoder):
    """The scores in the file."""

    model = "embedded"
    fingerprint = "kept"

    def __init__(self, rows: dict[str, list[Any]], texts: dict[str, str]) -> None:
        self._scores = {(query, texts[each[0]]): each[2] for query, found in rows.items() for each in found}

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
        """Look them up."""
        return [self._scores[pair] for pair in pairs]


class Brought:
    """The candidates in the file."""

    name, free = "bm25", True

    def __init__(self, rows: dict[str, list[Any]], texts: dict[str, str]) -> None:
        self._found = {
            query: [Found(each[0], texts[each[0]], each[1]) for each in found] for query, found in rows.items()
        }

    def find(self, query_id: str, query: str, depth: int) -> list[Found]:
        """Look them up."""
        return self._found[query][:depth]


def evaluated(data: Dataset, kept: dict[str, list[Any]]) -> Evaluation:
    """An evaluation of what was kept of a collection."""
    asked = {each: data.queries[each] for each in kept if kept[each]}
    by_text = {data.queries[each]: kept[each] for each in asked}
    some = Dataset(data.name, asked, {each: data.judgements[each] for each in asked}, data.documents)
    texts = dict(data.documents)
    return evaluate(some, {"embedded": (Brought(by_text, texts), Kept(by_text, texts))})


def cell(found: Evaluation, goal: str, wanted: float) -> str:
    """What thresholds come to on the halves that they were not chosen on."""
    values: list[float] = []
    held, options = 0, cast("dict[str, Any]", {goal: wanted})
    for seed in range(DRAWS):
        try:
            told = calibrate(found, seed=seed, **options).told["held_out"][goal]
        except ConfigurationError as error:
            if "no threshold reaches" in str(error):
                return "not reached"
            raise
        if told is not None:
            values.append(told["value"])
            held += told["low"] <= wanted <= told["high"]
    return f"{statistics.mean(values):.2f}, {held} of {len(values)}" if values else "nothing passes"


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--keep", type=Path, required=True, help="file of scores that blending.py wrote")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    known: dict[str, dict[str, list[Any]]] = json.loads(arguments.keep.read_text("utf-8"))
    print(f"| collection | {' | '.join(f'{goal} {wanted:g}' for goal, wanted in GOALS)} | AUROC | false accepts |")
    tuned: list[str] = []
    for name, kept in known.items():
        data = read_dataset(Path(arguments.data) / name)
        if sum(map(bool, kept.values())) < FEWEST:
            print(f"| {name}: fewer than {FEWEST} queries have candidates |")
            continue
        found = evaluated(data, kept)
        nothing = abstaining(found["embedded"])
        ends = [f"{each:.2f}" if each is not None else "?" for each in (nothing.auroc, nothing.false_accepts)]
        cells = [cell(found, goal, wanted) for goal, wanted in GOALS]
        print(f"| {name}, {len(found.asked)} queries | {' | '.join([*cells, *ends])} |", flush=True)
        tuned.append(f"{name}: {tune(found).text}")
    print("\n".join(tuned))


if __name__ == "__main__":
    main()

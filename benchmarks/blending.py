"""What mixing the embedded model with the first stage does: test collections, and 45 mixtures of the same scores.

    python benchmarks/blending.py --data FOLDER --keep scores.json         # or RERANK_KIT_DATA=FOLDER

FOLDER holds collections in BEIR's layout. BM25 brings the candidates, the model scores each once, and every mixture is
computed of these scores, by `rerank_kit.combine.blend`. With `--keep`, they are kept in a file and taken from there.
A query is worse where its nDCG@10 is lower than the first stage's. Nothing is held out: the best of many mixtures on a
collection is better by chance, too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from relevance import found
from scoring import scored, some

from langchain_rerank_kit import BM25Retriever
from rerank_kit import Document
from rerank_kit.combine import blend
from rerank_kit.combine.blending import BLENDS
from rerank_kit.evaluate import Dataset, read_dataset
from rerank_kit.local import OnnxCrossEncoder

Kept: TypeAlias = Mapping[str, Sequence[tuple[str, float, float, float | None]]]
"""For each query its candidates in the first stage's order: id, first stage's score, the model's, and its logit."""

WEIGHTS = (0.5, 0.7, 0.9)
GATES: tuple[float | None, ...] = (None, 0.5, 0.9)
MIXTURES: Mapping[str, Mapping[str, Any]] = {
    f"{weight} {by}{'' if gate is None else f', only below {gate}'}": {"weight": weight, "by": by, "only_below": gate}
    for weight, by, gate in product(WEIGHTS, BLENDS, GATES)
}
SHOWN = ("0.7 min-max, only below 0.5", "0.7 min-max", "0.7 logit-min-max", "0.7 rank")


def scores_of(collection: Dataset, recall: int) -> Kept:
    """What both stages say of each candidate."""
    retriever = BM25Retriever.from_texts(collection.documents.values(), ids=list(collection.documents), k=recall)
    reranker = OnnxCrossEncoder()
    kept: dict[str, list[tuple[str, float, float, float | None]]] = {}
    for query, run in found(collection, retriever).items():
        ids = list(run)
        ranking = reranker.rerank(collection.queries[query], [Document(collection.documents[each]) for each in ids])
        hits = {hit.index: hit for hit in ranking}
        kept[query] = [(each, run[each], hits[at].score, hits[at].logit) for at, each in enumerate(ids)]
    return kept


def mixed(kept: Kept, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    """A run of what a mixture makes of the candidates."""
    runs: dict[str, Mapping[str, float]] = {}
    for query, rows in kept.items():
        ids, first, scores, logits = zip(*rows, strict=True) if rows else ((), (), (), ())
        order = blend(first, scores, logits, **settings).order
        runs[query] = {ids[place]: -float(rank) for rank, place in enumerate(order)}
    return runs


def compare(name: str, collection: Dataset, kept: Kept) -> Mapping[str, float]:
    """Print a row, and say by how much each mixture is better than plain reranking."""
    first = scored(collection, mixed(kept, {"weight": 0, "by": "rank", "only_below": None}))
    plain = scored(collection, mixed(kept, {"weight": 1, "only_below": None}))
    worse = statistics.mean(plain[query] < first[query] for query in first)
    means = {each: scored(collection, mixed(kept, settings)) for each, settings in MIXTURES.items()}
    cells = [f"{statistics.mean(first.values()):.3f}", f"{statistics.mean(plain.values()):.3f}", f"{worse:.0%}"]
    for each in SHOWN:
        less = statistics.mean(means[each][query] < first[query] for query in first)
        cells.append(f"{statistics.mean(means[each].values()):.3f}, {less:.0%}")
    gains = {each: statistics.mean(means[each].values()) - statistics.mean(plain.values()) for each in means}
    best = max(gains, key=gains.__getitem__)
    print(f"| {name}, {len(first)} queries | {' | '.join(cells)} | {best}: {gains[best]:+.3f} |", flush=True)
    return gains


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--only", action="append", metavar="NAME", help="this collection; may be repeated")
    parser.add_argument("--queries", type=int, default=60, help="how many queries of each at most, evenly spread")
    parser.add_argument("--recall", type=int, default=20, help="how many candidates for each query")
    parser.add_argument("--keep", type=Path, help="file for the scores")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    keep: Path | None = arguments.keep
    known: dict[str, Kept] = json.loads(keep.read_text("utf-8")) if keep is not None and keep.exists() else {}
    print(f"nDCG@10, and the share of queries worse than by the first stage; {len(MIXTURES)} mixtures")
    print(f"| collection | first stage | reranked | worse | {' | '.join(SHOWN)} | the best of all, over reranked |")
    gains: list[Mapping[str, float]] = []
    for folder in sorted(Path(arguments.data).iterdir()):
        if (folder / "qrels").is_dir() and folder.name in (arguments.only or [folder.name]):
            collection = some(read_dataset(folder), arguments.queries)
            if folder.name not in known:
                print(f"  scoring {folder.name}", file=sys.stderr, flush=True)
                known[folder.name] = scores_of(collection, arguments.recall)
                if keep is not None:
                    keep.write_text(json.dumps(known), "utf-8")
            gains.append(compare(folder.name, collection, known[folder.name]))
    never = [each for each in MIXTURES if all(gain[each] >= 0 for gain in gains)]
    better = [each for each in MIXTURES if all(gain[each] > 0 for gain in gains)]
    print(f"{len(better)} of {len(MIXTURES)} are better than plain reranking on every collection: {'; '.join(better)}")
    print(f"{len(never)} are worse on none: {'; '.join(never)}")


if __name__ == "__main__":
    main()

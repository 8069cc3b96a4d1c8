"""What a threshold leaves out and lets through: the embedded model's scores on test collections.

    python benchmarks/thresholds.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds collections in BEIR's layout. BM25 brings the candidates; a query counts where at least one of them is
relevant. The best cut is that with the highest F1 over all pairs. What nobody judged counts as not relevant.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from relevance import found, model_scores
from scoring import some

from langchain_rerank_kit import BM25Retriever
from rerank_kit.evaluate import Dataset, read_dataset
from rerank_kit.local import OnnxCrossEncoder

CUTS = (0.1, 0.5, 0.9)
Pairs = Sequence[tuple[float, bool]]
"""Scores, and whether the passage is relevant."""


def f1(pairs: Pairs, cut: float) -> float:
    """How well a cut tells relevant passages from others."""
    kept = [relevant for score, relevant in pairs if score >= cut]
    wanted = sum(relevant for _, relevant in pairs)
    return 2 * sum(kept) / (len(kept) + wanted)


def compare(name: str, collection: Dataset, recall: int) -> None:
    """Print one row."""
    retriever = BM25Retriever.from_texts(collection.documents.values(), ids=list(collection.documents), k=recall)
    brought = {query: list(run) for query, run in found(collection, retriever).items()}
    scores = model_scores(OnnxCrossEncoder(), collection, brought)
    judged = collection.judgements
    answerable = [
        [(score, judged[query].get(each, 0) > 0) for each, score in run.items()] for query, run in scores.items()
    ]
    answerable = [pairs for pairs in answerable if any(relevant for _, relevant in pairs)]
    pairs = [pair for each in answerable for pair in each]
    wrong = [score for score, relevant in pairs if not relevant]
    right = [score for score, relevant in pairs if relevant]
    cells: list[str] = []
    for cut in CUTS:
        emptied = sum(all(score < cut for score, _ in each) for each in answerable) / len(answerable)
        lost = sum(score < cut for score in right) / len(right)
        through = sum(score >= cut for score in wrong) / len(wrong)
        cells.append(f"{emptied:.0%} / {lost:.0%} / {through:.0%}")
    best = max(sorted({score for score, _ in pairs}), key=lambda cut: f1(pairs, cut))
    print(f"| {name}, {len(answerable)} questions | {' | '.join(cells)} | {best:.2g} |", flush=True)


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--only", action="append", metavar="NAME", help="this collection; may be repeated")
    parser.add_argument("--queries", type=int, default=100, help="how many queries of each at most, evenly spread")
    parser.add_argument("--recall", type=int, default=20, help="how many candidates for each query")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    print("share of questions left with nothing / of relevant passages lost / of others let through, by threshold")
    print(f"| collection | {' | '.join(map(str, CUTS))} | best cut |")
    for folder in sorted(Path(arguments.data).iterdir()):
        if (folder / "qrels").is_dir() and folder.name in (arguments.only or [folder.name]):
            compare(folder.name, some(read_dataset(folder), arguments.queries), arguments.recall)


if __name__ == "__main__":
    main()

"""What the ways to score long documents do to relevance, and how many pairs, tokens and seconds of CPU they take.

    python benchmarks/long_documents.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds collections in BEIR's layout; `scifact` (abstracts) and `contextual_code` (chunks of code) are used, as far
as they are there. BM25 brings the candidates. To make more documents too long, the model is also held to 128 tokens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

from scoring import MEASURE, scored

from langchain_rerank_kit import BM25Retriever
from rerank_kit.evaluate import Dataset, read_dataset
from rerank_kit.local import LongDocuments, LongDocumentsWarning, OnnxCrossEncoder

COLLECTIONS = ("scifact", "contextual_code")
WAYS: tuple[tuple[LongDocuments, int], ...] = (
    ("truncate", 512),
    ("best-window", 512),
    ("truncate", 128),
    ("max", 128),
    ("mean-top-k", 128),
)


def compare(name: str, whole: Dataset, queries: int, recall: int) -> None:
    """Print one row for each way."""
    chosen = dict(list(whole.queries.items())[:: max(1, len(whole.queries) // queries)][:queries])
    collection = replace(whole, queries=chosen, judgements={query: whole.judgements[query] for query in chosen})
    bm25 = BM25Retriever.from_texts(collection.documents.values(), ids=list(collection.documents), k=recall)
    found = {query: bm25.invoke(text) for query, text in chosen.items()}
    run = {
        query: {str(each.id): float(each.metadata["relevance_score"]) for each in best} for query, best in found.items()
    }
    print(f"{name}: {len(chosen)} queries, BM25's top {recall}: {MEASURE} {_mean(collection, run):.4f}")
    for way, max_length in WAYS:
        engine = OnnxCrossEncoder(long_documents=way, max_length=max_length)
        pairs, tokens, started = 0, 0, time.process_time()
        for query, documents in found.items():
            ranking = engine.rerank(chosen[query], [each.page_content for each in documents])
            run[query] = {str(documents[hit.index].id): hit.score for hit in ranking}
            pairs, tokens = pairs + ranking.usage.pairs, tokens + ranking.usage.tokens
        seconds = time.process_time() - started
        figures = f"{MEASURE} {_mean(collection, run):.4f}, {pairs:,} pairs, {tokens:,} tokens, {seconds:.0f} s of CPU"
        print(f"  {way:12} at {max_length}: {figures}", flush=True)


def _mean(collection: Dataset, run: dict[str, dict[str, float]]) -> float:
    return statistics.mean(scored(collection, run).values())


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--queries", type=int, default=40, help="how many queries of each collection")
    parser.add_argument("--recall", type=int, default=30, help="how many candidates for each query")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    warnings.filterwarnings("ignore", category=LongDocumentsWarning)  # it is what is measured
    for name in COLLECTIONS:
        folder = Path(arguments.data) / name
        if folder.is_dir():
            compare(name, read_dataset(folder), arguments.queries, arguments.recall)
        else:
            print(f"{name}: skipped, there is no {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()

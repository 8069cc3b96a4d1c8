"""How well the embedded model ranks: NovelEval's given passages, and BM25's top 100 on SciFact.

    python benchmarks/relevance.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds the collections in BEIR's layout, `noveleval/` and `scifact/` with `corpus.jsonl` (or `.jsonl.gz`),
`queries.jsonl` and `qrels/*.tsv`. They do not come with the project: NovelEval is in the RankGPT repository, SciFact in
BEIR. A collection that is absent is named and skipped.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import ir_measures
from beir import MEASURE, Collection, read_collection, scored
from ir_measures import R

import rerank_kit
from langchain_rerank_kit import BM25Retriever
from rerank_kit import Document, Reranker
from rerank_kit.local import OnnxCrossEncoder

RECALL = 100


def reranked(
    reranker: Reranker, collection: Collection, candidates: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Rerank each query's candidates."""
    run: dict[str, dict[str, float]] = {}
    for done, (query, ids) in enumerate(candidates.items(), 1):
        documents = [Document(collection.documents[each]) for each in ids]
        ranking = reranker.rerank(collection.queries[query], documents)
        run[query] = {ids[hit.index]: hit.score for hit in ranking}
        if done % 25 == 0:
            print(f"  … {done} of {len(candidates)} queries", file=sys.stderr, flush=True)
    return run


def report(name: str, before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> None:
    """Print means, wins and losses, and the time."""
    wins = sum(after[query] > before[query] for query in before)
    losses = sum(after[query] < before[query] for query in before)
    mean_before, mean_after = (sum(each.values()) / len(each) for each in (before, after))
    print(
        f"{name}: {MEASURE} {mean_before:.4f} → {mean_after:.4f} over {len(before)} queries "
        f"({wins} better, {losses} worse), {seconds / len(before):.2f} s per query"
    )


def noveleval(reranker: Reranker, collection: Collection) -> None:
    """Rank the 20 passages given for each question; before: the order in which the collection lists them."""
    given: dict[str, list[str]] = {query: [] for query in collection.queries}
    for document in collection.documents:
        given[document.split("-")[0]].append(document)
    before = {query: {each: -float(place) for place, each in enumerate(ids)} for query, ids in given.items()}
    started = time.perf_counter()
    after = reranked(reranker, collection, given)
    report(
        "NovelEval, the 20 given", scored(collection, before), scored(collection, after), time.perf_counter() - started
    )


def scifact(reranker: Reranker, collection: Collection) -> None:
    """Find 100 abstracts with BM25 and rerank them."""
    bm25 = BM25Retriever.from_texts(collection.documents.values(), ids=list(collection.documents), k=RECALL)
    found = {query: bm25.invoke(text) for query, text in collection.queries.items()}
    before = {
        query: {str(each.id): float(each.metadata["relevance_score"]) for each in documents}
        for query, documents in found.items()
    }
    recall = ir_measures.calc_aggregate([R @ RECALL], collection.judgements, before)[R @ RECALL]
    print(f"  BM25 recall@{RECALL}: {recall:.4f}")
    started = time.perf_counter()
    after = reranked(reranker, collection, {query: list(scores) for query, scores in before.items()})
    name = f"SciFact, BM25 top {RECALL} → reranked"
    report(name, scored(collection, before), scored(collection, after), time.perf_counter() - started)


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--only", choices=("noveleval", "scifact"), help="one collection alone")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    reranker = OnnxCrossEncoder()
    print(
        f"rerank-kit {rerank_kit.__version__}, {reranker!r}, Python {platform.python_version()}, {platform.machine()}"
    )
    for measure in (noveleval, scifact):
        folder = Path(arguments.data) / measure.__name__
        if arguments.only not in (None, measure.__name__):
            continue
        if not folder.is_dir():
            print(f"{measure.__name__}: skipped, there is no {folder}")
            continue
        measure(reranker, read_collection(folder))


if __name__ == "__main__":
    main()

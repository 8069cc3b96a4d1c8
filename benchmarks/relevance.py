"""How well BM25 finds and the embedded model ranks: test collections, before and after, with two first stages.

    python benchmarks/relevance.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds collections in BEIR's layout, a folder each: `corpus.jsonl` (or `.jsonl.gz`), `queries.jsonl` and
`qrels/*.tsv`. They do not come with the project. Those without judgements are left out. The first stages are BM25 with
plain words and with stems; what they bring is reranked, each pair once.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ir_measures import R
from scoring import MEASURE, scored, some

import rerank_kit
from langchain_rerank_kit import BM25Retriever
from rerank_kit import Document, Reranker
from rerank_kit.bm25.words import words
from rerank_kit.evaluate import Dataset, read_dataset
from rerank_kit.local import OnnxCrossEncoder

Run: TypeAlias = Mapping[str, Mapping[str, float]]
"""For each query the scores of documents, best first."""

DEPTH = 100
RECALLS = (R @ 50, R @ DEPTH)
FIRST_STAGES: Mapping[str, Mapping[str, Any]] = {"plain words": {"tokenizer": words}, "stems": {}}


def found(collection: Dataset, retriever: BM25Retriever) -> Run:
    """What a first stage brings for each query."""
    brought = {query: retriever.invoke(text) for query, text in collection.queries.items()}
    return {
        query: {str(each.id): float(each.metadata["relevance_score"]) for each in documents}
        for query, documents in brought.items()
    }


def model_scores(reranker: Reranker, collection: Dataset, candidates: Mapping[str, Sequence[str]]) -> Run:
    """The model's scores of each query's candidates: they depend on nothing else."""
    run: dict[str, dict[str, float]] = {}
    for done, (query, ids) in enumerate(candidates.items(), 1):
        ranking = reranker.rerank(collection.queries[query], [Document(collection.documents[each]) for each in ids])
        run[query] = {ids[hit.index]: hit.score for hit in ranking}
        if done % 25 == 0:
            print(f"  … {done} of {len(candidates)} queries", file=sys.stderr, flush=True)
    return run


def change(collection: Dataset, before: Run, after: Run) -> str:
    """Two cells: the measure after reranking, and how many queries are better and worse."""
    was, now = scored(collection, before), scored(collection, after)
    better = sum(now[query] > was[query] for query in was)
    worse = sum(now[query] < was[query] for query in was)
    return f"{statistics.mean(now.values()):.4f} | {better} / {worse}"


def compare(name: str, collection: Dataset, reranker: Reranker | None, recall: int) -> None:
    """Print a row for each first stage."""
    runs: dict[str, Run] = {}
    for stage, fields in FIRST_STAGES.items():
        texts, ids = collection.documents.values(), list(collection.documents)
        retriever = BM25Retriever.from_texts(texts, ids=ids, k=DEPTH, **fields)
        print(f"  {name}, {stage}: {retriever!r}", file=sys.stderr, flush=True)
        runs[stage] = found(collection, retriever)
    best = {stage: {query: list(brought)[:recall] for query, brought in run.items()} for stage, run in runs.items()}
    union = {
        query: list(dict.fromkeys(chain(*(each[query] for each in best.values())))) for query in collection.queries
    }
    scores = {} if reranker is None else model_scores(reranker, collection, union)
    for stage, run in runs.items():
        cells = [f"{statistics.mean(scored(collection, run, each).values()):.4f}" for each in (MEASURE, *RECALLS)]
        if scores:
            kept = {query: {each: scores[query][each] for each in ids} for query, ids in best[stage].items()}
            cells.append(change(collection, run, kept))
        print(f"| {name}, {len(collection.queries)} queries | {stage} | {' | '.join(cells)} |", flush=True)


def compare_given(name: str, collection: Dataset, reranker: Reranker) -> None:
    """Rank the passages given for each question, which begin with its id; before: as the collection lists them."""
    given = {
        query: [document for document in collection.documents if document.split("-")[0] == query]
        for query in collection.queries
    }
    before = {query: {each: -float(place) for place, each in enumerate(ids)} for query, ids in given.items()}
    listed = statistics.mean(scored(collection, before).values())
    after = change(collection, before, model_scores(reranker, collection, given))
    print(f"| {name}, {len(given)} queries | those given, as listed | {listed:.4f} | | | {after} |", flush=True)


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--only", action="append", metavar="NAME", help="this collection; may be repeated")
    parser.add_argument("--queries", type=int, default=300, help="how many queries of each at most, evenly spread")
    parser.add_argument("--recall", type=int, default=50, help="how many candidates are reranked, 100 at most")
    parser.add_argument("--first-stage", action="store_true", help="BM25 alone")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    reranker = None if arguments.first_stage else OnnxCrossEncoder()
    versions = (
        f"rerank-kit {rerank_kit.__version__}, PyStemmer {version('PyStemmer')}, Python {platform.python_version()}"
    )
    print(f"{versions}, {platform.machine()}, {reranker!r}")
    behind = "" if reranker is None else f" {MEASURE} of the {arguments.recall} reranked | better / worse |"
    print(f"| collection | first stage | {MEASURE} | {' | '.join(map(str, RECALLS))} |{behind}")
    for folder in sorted(Path(arguments.data).iterdir()):
        if (folder / "qrels").is_dir() and folder.name in (arguments.only or [folder.name]):
            collection = some(read_dataset(folder), arguments.queries)
            compare(folder.name, collection, reranker, arguments.recall)
            if folder.name == "noveleval" and reranker is not None:
                compare_given(folder.name, collection, reranker)


if __name__ == "__main__":
    main()

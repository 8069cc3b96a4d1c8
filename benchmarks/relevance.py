"""How well the embedded model ranks: NovelEval's given passages, and BM25's top 100 on SciFact.

    python benchmarks/relevance.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds the collections in BEIR's layout, `noveleval/` and `scifact/` with `corpus.jsonl` (or `.jsonl.gz`),
`queries.jsonl` and `qrels/*.tsv`. They do not come with the project: NovelEval is in the RankGPT repository, SciFact in
BEIR. A collection that is absent is named and skipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import R, nDCG

import rerank_kit
from langchain_rerank_kit import BM25Retriever
from rerank_kit import Document, Reranker
from rerank_kit.local import OnnxCrossEncoder

MEASURE = nDCG @ 10
RECALL = 100


@dataclass(frozen=True)
class Collection:
    """A test collection: texts and queries by id, and how relevant which text is to which query."""

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


def read_collection(folder: Path) -> Collection:
    """Read BEIR's layout. Queries that nobody judged are left out."""
    corpus = next(path for name in ("corpus.jsonl", "corpus.jsonl.gz") if (path := folder / name).exists())
    documents = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in _rows(corpus)}
    judgements: dict[str, dict[str, int]] = {}
    for line in next((folder / "qrels").glob("*.tsv")).read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        judgements.setdefault(query, {})[document] = int(grade)
    queries = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl") if row["_id"] in judgements}
    return Collection(documents, queries, judgements)


def _rows(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def scored(collection: Collection, run: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The measure for every judged query; one without results counts as 0."""
    found = {each.query_id: each.value for each in ir_measures.iter_calc([MEASURE], collection.judgements, run)}
    return {query: found.get(query, 0.0) for query in collection.queries}


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

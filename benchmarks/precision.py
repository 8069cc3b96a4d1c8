"""How many of 200 different texts a number format can tell apart, and what it does to relevance.

    python benchmarks/precision.py --data FOLDER         # or RERANK_KIT_DATA=FOLDER

FOLDER holds collections in BEIR's layout, of which `scifact` is used. BM25 brings 200 candidates for each query. The
model is the embedded one, its weights multiplied out, on PyTorch. Its scores do not depend on whether a CPU or a GPU
computes them, up to rounding, so this runs on a CPU by default, where half precision is slow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from beir import MEASURE, Collection, read_collection, scored
from sentence_transformers import CrossEncoder
from weights import for_torch

from langchain_rerank_kit import BM25Retriever
from rerank_kit.local import SentenceTransformersCrossEncoder
from rerank_kit.local.torch_loading import PrecisionWarning

TEXTS = 200
FORMATS = ("bfloat16", "float16", "float32")


def compare(collection: Collection, model: Path, device: str | None, max_length: int) -> None:
    """Print a row for each number format."""
    bm25 = BM25Retriever.from_texts(collection.documents.values(), ids=list(collection.documents), k=TEXTS)
    found = {query: bm25.invoke(text) for query, text in collection.queries.items()}
    for name in FORMATS:
        loaded = CrossEncoder(str(model), device=device, model_kwargs={"dtype": getattr(torch, name)})
        with warnings.catch_warnings(action="ignore", category=PrecisionWarning):
            engine = SentenceTransformersCrossEncoder(loaded, max_length=max_length)
        different: list[int] = []
        run: dict[str, Mapping[str, float]] = {}
        for query, documents in found.items():
            ranking = engine.rerank(collection.queries[query], [each.page_content for each in documents])
            logits = [hit.logit for hit in ranking]
            different.append(len(set(logits)))
            # Ties are in the order of the candidates, as a user gets them: places say so, scores would not.
            run[query] = {str(documents[hit.index].id): -float(place) for place, hit in enumerate(ranking)}
        relevance = statistics.mean(scored(collection, run).values())
        print(f"{name:9} {statistics.mean(different):6.1f} of {TEXTS} different, {MEASURE} {relevance:.4f}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RERANK_KIT_DATA"), help="folder of collections")
    parser.add_argument("--queries", type=int, default=10, help="how many queries")
    parser.add_argument("--device", help="as in PyTorch")
    parser.add_argument("--max-length", type=int, default=128, help="tokens read of a pair")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of collections with --data or RERANK_KIT_DATA")
    whole = read_collection(Path(arguments.data) / "scifact")
    chosen = dict(list(whole.queries.items())[:: max(1, len(whole.queries) // arguments.queries)][: arguments.queries])
    collection = Collection(whole.documents, chosen, {query: whole.judgements[query] for query in chosen})
    with tempfile.TemporaryDirectory() as folder:
        compare(collection, for_torch(Path(folder)), arguments.device, arguments.max_length)


if __name__ == "__main__":
    main()

"""How many of 200 different texts a number format can tell apart.

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
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from weights import for_torch

from langchain_rerank_kit import BM25Retriever
from rerank_kit.evaluate import read_dataset
from rerank_kit.local import SentenceTransformersCrossEncoder
from rerank_kit.local.torch_loading import PrecisionWarning

TEXTS = 200
FORMATS = ("bfloat16", "float16", "float32")


def compare(candidates: Mapping[str, Sequence[str]], model: Path, device: str | None, max_length: int) -> None:
    """Print a row for each number format."""
    for name in FORMATS:
        loaded = CrossEncoder(str(model), device=device, model_kwargs={"dtype": getattr(torch, name)})
        with warnings.catch_warnings(action="ignore", category=PrecisionWarning):
            engine = SentenceTransformersCrossEncoder(loaded, max_length=max_length)
        different = [len({hit.logit for hit in engine.rerank(query, texts)}) for query, texts in candidates.items()]
        print(f"{name:9} {statistics.mean(different):6.1f} of {TEXTS} different", flush=True)


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
    whole = read_dataset(Path(arguments.data) / "scifact")
    bm25 = BM25Retriever.from_texts(whole.documents.values(), k=TEXTS)
    queries = list(whole.queries.values())[:: max(1, len(whole.queries) // arguments.queries)][: arguments.queries]
    candidates = {query: [each.page_content for each in bm25.invoke(query)] for query in queries}
    with tempfile.TemporaryDirectory() as folder:
        compare(candidates, for_torch(Path(folder)), arguments.device, arguments.max_length)


if __name__ == "__main__":
    main()

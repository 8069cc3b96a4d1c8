"""What cutting stale shapes out of the embedded model's graph does to time and scores.

    python benchmarks/graph.py

Both graphs run in one process and take turns, pair by pair, on one thread.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from langchain_rerank_kit import BM25Retriever
from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.onnx_shapes import without_value_info
from rerank_kit.local.pair_tokenizer import EncodedPair, PairTokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from passages import standard_library

QUESTIONS = ("How do I read a file line by line without loading all of it?", "How do I convert a number to binary?")
CANDIDATES, REPETITIONS, MAX_LENGTH = 30, 5, 512


def session(model: str | bytes) -> Any:
    """A session on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def scored(graph: Any, pair: EncodedPair) -> tuple[float, float]:
    """The logit of a pair, and the seconds that it took."""
    feeds = {
        "input_ids": np.array([pair.ids]),
        "attention_mask": np.ones((1, len(pair.ids)), np.int64),
        "token_type_ids": np.array([pair.types]),
    }
    started = perf_counter()
    answer = graph.run(None, feeds)[0]
    return float(answer.ravel()[0]), perf_counter() - started


def main() -> None:
    """Measure and print."""
    path, encode = embedded_folder() / "model.onnx", PairTokenizer(embedded_folder() / "tokenizer.json", MAX_LENGTH)
    cleaned = without_value_info(path)
    if cleaned is None:
        sys.exit("the embedded model has no shapes to cut out")
    bm25 = BM25Retriever.from_texts([each.text for each in standard_library()], k=CANDIDATES)
    pairs = [encode(question, each.page_content) for question in QUESTIONS for each in bm25.invoke(question)]
    before, after = session(str(path)), session(cleaned)
    ratios: list[float] = []
    differences: list[float] = []
    for _ in range(REPETITIONS):
        answers = [(scored(before, pair), scored(after, pair)) for pair in pairs]
        ratios.append(sum(old for (_, old), _ in answers) / sum(new for _, (_, new) in answers))
        differences = [abs(old - new) for (old, _), (new, _) in answers]
    print(
        f"as it is / cleaned: {statistics.median(ratios):.3f} times the time ({min(ratios):.3f} to {max(ratios):.3f}), "
        f"{len(pairs)} pairs, {REPETITIONS} repetitions; a logit moves by up to {max(differences):.2f}, "
        f"{statistics.mean(differences):.3f} on average"
    )


if __name__ == "__main__":
    main()

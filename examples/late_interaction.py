"""Search a folder with late interaction (ColBERT): documents' token vectors are computed once, and kept in a file.

python examples/late_interaction.py "How do I decode base64?" --model answerdotai/answerai-colbert-small-v1
python examples/late_interaction.py "Who may sign?" --model models/colbert --docs notes/ --store notes.vectors

pip install "rerank-kit[bm25,onnx]"

A model is a folder or a name on the Hugging Face hub, from which it is fetched. BM25 brings candidates, and their
vectors are compared with those of the question. The first run computes the vectors of all passages, the second finds
them.
"""

import argparse
import time
from pathlib import Path

from passages import folder, standard_library

from rerank_kit.bm25 import BM25
from rerank_kit.late import LateInteraction, Warmed

RECALL = 100  # candidates: with vectors at hand many cost hardly more than few


def tell(done: Warmed) -> None:
    """Say how far it is, in one line."""
    print(f"\r{done.texts} passages, {done.computed} computed, {done.found} kept before", end="", flush=True)


def main() -> None:
    """Fill the store, and answer one question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question")
    parser.add_argument("--model", required=True, help="a folder, or a name on the Hugging Face hub")
    parser.add_argument("--docs", help="a folder of *.txt, *.md and *.rst files to search instead of Python's own")
    parser.add_argument("--store", default="vectors.sqlite", help="the file with the vectors")
    parser.add_argument("--top-n", type=int, default=5, help="so many are shown")
    given = parser.parse_args()
    passages = folder(Path(given.docs)) if given.docs else standard_library()
    if not passages:
        parser.error(f"--docs {given.docs!r}: found no text in *.txt, *.md or *.rst files there")
    index = BM25([each.text for each in passages])
    reranker = LateInteraction(given.model, store=given.store)

    begun = time.perf_counter()
    reranker.warm((each.text for each in passages), progress=tell)
    print(f", in {time.perf_counter() - begun:.1f} s")

    found = [passages[place] for place, _ in index.best(given.question, RECALL)]
    begun = time.perf_counter()
    ranking = reranker.rerank(given.question, [each.text for each in found], top_n=given.top_n)
    took = 1000 * (time.perf_counter() - begun)
    print(f"{len(found)} candidates in {took:.0f} ms, {ranking.usage.cached} of them from {given.store}")
    for number, hit in enumerate(ranking, start=1):
        print(f"{number}  {hit.score:.3f} (was {hit.index + 1})  {found[hit.index].title}")


if __name__ == "__main__":
    main()

"""A search in the terminal, over Python's documentation or a folder of notes, with a reranker and no framework.

python examples/terminal_search.py                             # asks for one question after the other
python examples/terminal_search.py "How do I decode base64?"   # answers one, and ends
python examples/terminal_search.py --docs notes/ --top-n 3

pip install "rerank-kit[bm25,embedded]"

It prints the best passages with their scores and where BM25 had put them. A number shows that passage whole, and an
empty line ends it.
"""

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path

from passages import Passage, folder, standard_library

from rerank_kit.bm25 import BM25
from rerank_kit.local import OnnxCrossEncoder

RECALL = 50


class Search:
    """Finds by words, and reads the best with the question beside them."""

    def __init__(self, passages: list[Passage]) -> None:
        """Index the passages and load the model, once."""
        self.passages = passages
        self.index = BM25([each.text for each in passages])
        self.reranker = OnnxCrossEncoder()

    def __call__(self, question: str, top_n: int) -> list[tuple[Passage, float, int]]:
        """The best passages, each with its score and its place by words alone."""
        found = [self.passages[place] for place, _ in self.index.best(question, RECALL)]
        ranking = self.reranker.rerank(question, [each.text for each in found], top_n=top_n)
        return [(found[hit.index], hit.score, hit.index + 1) for hit in ranking]


def lines() -> Iterator[str]:
    """What is typed, until an empty line or the end of input."""
    while True:
        try:
            line = input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not line:
            return
        yield line


def main() -> None:
    """Answer one question, or as many as are typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", help="one question; without it they are asked for")
    parser.add_argument("--docs", help="a folder of *.txt, *.md and *.rst files to search instead")
    parser.add_argument("--top-n", type=int, default=5, help="so many are shown")
    given = parser.parse_args()
    passages = folder(Path(given.docs)) if given.docs else standard_library()
    if not passages:
        parser.error(f"--docs {given.docs!r}: found no text in *.txt, *.md or *.rst files there")
    search = Search(passages)
    if not given.question:
        print(f"{len(passages)} passages. Ask a question; a number shows that passage; an empty line ends it.")
    shown: list[tuple[Passage, float, int]] = []
    for line in [given.question] if given.question else lines():
        if line.isdigit() and 0 < int(line) <= len(shown):
            print(shown[int(line) - 1][0].text)
            continue
        shown = search(line, given.top_n)
        for number, (passage, score, before) in enumerate(shown, start=1):
            says = textwrap.shorten(passage.text.partition("\n\n")[2], 90, placeholder=" …")
            print(f"{number}  {score:.2f} (was {before})  {passage.title}\n     {says}")
        if not shown:
            print("No passage has a word of that in it.")


if __name__ == "__main__":
    main()

"""See what reranking changes: search Python's own documentation with BM25, then with a reranker on top.

python examples/demo.py
python examples/demo.py --query "How do I shuffle a list in place?"
python examples/demo.py --docs notes/ --query "What did we decide about backups?"

pip install "rerank-kit[langchain,embedded]"
"""

import argparse
import logging
import shutil
import sys
import textwrap
from itertools import zip_longest
from pathlib import Path
from time import perf_counter

from langchain_core.documents import Document
from passages import Passage, folder, standard_library

from langchain_rerank_kit import BM25Retriever, RerankRetriever, with_rerank

QUESTIONS = (
    "How can I tell whether two files have the same contents?",
    "How do I convert a number to binary?",
    "How do I find the median of some numbers?",
    "How do I delete a folder with everything in it?",
)
BEYOND_HELP = """
Reranking cannot answer the last one: it puts in order what BM25 brings. shutil.rmtree, which would do it, speaks of
a "directory tree" and shares too few words with the question to be among the 50."""


def main() -> None:
    """Index the passages once, and ask both retrievers every question."""
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("rerank_kit").setLevel(logging.INFO)  # says which reranker is at work

    started = perf_counter()
    what, documents, questions = wanted()
    bm25 = BM25Retriever.from_documents(documents)
    print(f"{len(documents)} passages from {what}, read and indexed in {perf_counter() - started:.1f} s")

    reranked = with_rerank(bm25)
    print(reranked.widening)

    for question in questions:
        compare(question, bm25, reranked)
    if questions is QUESTIONS:
        print(BEYOND_HELP)


def wanted() -> tuple[str, list[Document], tuple[str, ...]]:
    """Read the command line: what to search, as words and as passages, and the questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", default="", help="a folder of *.txt, *.md and *.rst files to search instead")
    parser.add_argument("--query", default="", help="your own question")
    given = parser.parse_args()
    questions = (given.query,) if given.query else QUESTIONS
    if not given.docs:
        return "Python's standard library", as_documents(standard_library()), questions
    if not given.query:
        parser.error("--docs needs a question to go with it: add --query")
    if not Path(given.docs).is_dir():
        parser.error(f"--docs {given.docs!r}: there is no such folder")
    documents = as_documents(folder(Path(given.docs)))
    if not documents:
        parser.error(f"--docs {given.docs!r}: found no text in *.txt, *.md or *.rst files there")
    return given.docs, documents, questions


def as_documents(passages: list[Passage]) -> list[Document]:
    """Passages as LangChain has them."""
    return [
        Document(each.text, id=each.id, metadata={"source": each.source, "title": shown_as(each)}) for each in passages
    ]


def shown_as(passage: Passage) -> str:
    """A passage's heading. Where it has none, its file, and how it begins, since many have the same file."""
    if passage.title != passage.source:
        return passage.title
    return f"{passage.source}: {' '.join(passage.text.removeprefix(passage.title).split())}"


def compare(question: str, bm25: BM25Retriever, reranked: RerankRetriever) -> None:
    """Print the best of both retrievers side by side."""
    started = perf_counter()
    candidates = bm25.invoke(question, k=reranked.recall)
    between = perf_counter()
    best = reranked.invoke(question)
    done = perf_counter()

    rank = {document.id: place for place, document in enumerate(candidates, start=1)}
    left = [f"BM25 alone, {between - started:.3f} s"]
    left += [f"{rank[each.id]} {each.metadata['title']}" for each in candidates[: reranked.top_n]]
    right = [f"with_rerank: best {len(best)} of {len(candidates)}, {done - between:.3f} s"]
    for place, each in enumerate(best, start=1):
        before = f"(was {rank[each.id]})"
        right.append(f"{place} {before:8} {each.metadata['relevance_score']:.2f} {each.metadata['title']}")

    print(f"\n{question}\n")
    if not candidates:
        print("BM25 finds nothing: no passage has a word of the question in it")
        return
    width = min(max(shutil.get_terminal_size().columns, 80), 140)
    for plain, better in zip_longest(left, right, fillvalue=""):
        print(f"{fitted(plain, width * 2 // 5)} │ {fitted(better, width * 3 // 5 - 3).rstrip()}")
    says = " ".join(best[0].page_content.split())
    print("\n" + textwrap.fill(f"The first: {says}", width, max_lines=2, placeholder=" …"))


def fitted(text: str, width: int) -> str:
    """Make a text exactly that wide."""
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


if __name__ == "__main__":
    main()

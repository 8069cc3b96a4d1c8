"""Rerankers of your own: a function, a class, and an HTTP service asked by an async function. No key, no download.

python examples/own_reranker.py
python examples/own_reranker.py --framework llama-index

pip install "rerank-kit[langchain,http]", or "rerank-kit[llama-index,http]"
"""

import argparse
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from rerank_kit import Deadline, Document, Hit, Ranking, Reranker

QUESTION = "remove the last item"
KINDS = (list, dict, set)
TEXTS = [f"{kind.__name__}.{name}: {getattr(kind, name).__doc__}" for kind in KINDS for name in dir(kind)]


def shared_words(query: str, texts: list[str]) -> list[float]:
    """A function: from a query and texts to as many numbers; the higher, the more relevant."""
    wanted = set(query.lower().split())
    return [len(wanted & set(text.lower().split())) / len(wanted) for text in texts]


class OfLists(Reranker):
    """A class: it sees whole documents, may leave some out, and says why each is where it is."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        """What is of lists, by the words that it shares with the query."""
        scores = shared_words(query, [document.text for document in documents])
        kept = [place for place, document in enumerate(documents) if document.text.startswith("list.")]
        best = sorted(kept, key=lambda place: -scores[place])
        return Ranking(tuple(Hit(place, scores[place], why=f"of lists, {scores[place]:.0%} shared") for place in best))


def asking(url: str) -> Any:
    """An async function that asks a service. Whatever it needs of a loop is made inside of it."""

    async def scores(query: str, texts: list[str]) -> list[float]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, json={"q": query, "passages": texts})
        found: list[float] = answer.raise_for_status().json()["scores"]
        return found

    return Reranker.of(scores, model="our service")


class Service(BaseHTTPRequestHandler):
    """Stands for a service of your own, with a format of its own."""

    def do_POST(self) -> None:
        """Answer with a score for each passage."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"scores": shared_words(asked["q"], asked["passages"])}).encode()
        print(f"  the service was asked about {len(asked['passages'])} passages")
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it has in the base class
        """Say nothing."""


@contextmanager
def serving() -> Generator[str]:
    """Run the service, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/scores"
        server.shutdown()


def with_langchain(reranker: Any) -> list[tuple[str, float]]:
    """Put it behind a LangChain retriever."""
    from langchain_rerank_kit import BM25Retriever, with_rerank

    retriever = with_rerank(BM25Retriever.from_texts(TEXTS), reranker, recall=20, top_n=3)
    return [(each.page_content, each.metadata["relevance_score"]) for each in retriever.invoke(QUESTION)]


def with_llama_index(reranker: Any) -> list[tuple[str, float]]:
    """Put it behind a LlamaIndex retriever."""
    from llama_index.core.schema import TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    from llama_rerank_kit import with_rerank

    nodes = [TextNode(text=text) for text in TEXTS]
    retriever = with_rerank(BM25Retriever(nodes=nodes), reranker, recall=20, top_n=3)
    return [(each.text, each.score or 0.0) for each in retriever.retrieve(QUESTION)]


FRAMEWORKS = {"langchain": with_langchain, "llama-index": with_llama_index}


def main() -> None:
    """Rank with each of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framework", choices=sorted(FRAMEWORKS), default="langchain")
    search = FRAMEWORKS[parser.parse_args().framework]
    print(QUESTION)
    with serving() as url:
        for name, reranker in (("a function", shared_words), ("a class", OfLists()), ("a service", asking(url))):
            print(f"\n{name}")
            for text, score in search(reranker):
                print(f"  {score:.2f}  {' '.join(text.split())[:90]}")
    print("\nwithout a framework")
    for hit in OfLists().rerank(QUESTION, TEXTS, top_n=3):
        print(f"  {hit.why:24} {TEXTS[hit.index].partition(':')[0]}")


if __name__ == "__main__":
    main()

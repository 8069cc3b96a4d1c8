"""What the layers around a model cost: the core, the frameworks' adapters, and the score cache, for 100 documents.

    python benchmarks/layers.py

The model is replaced by one that answers at once, so that all that is left is ours.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from rerank_kit import Cached, Deadline, MemoryStore, Reranker, SQLiteStore
from rerank_kit.local import CrossEncoder, Scored
from rerank_kit.local.cross_encoder import Pair

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from passages import standard_library

QUERY = "How do I read a file line by line without loading all of it?"
DOCUMENTS = 100
REPETITIONS = 100


class Instant(CrossEncoder):
    """Scores a text by its length, at once."""

    fingerprint = "instant"

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs."""
        return Scored([len(text) / 10_000 for _, text in pairs], [1] * len(pairs), [False] * len(pairs))


def milliseconds(work: Callable[[], object]) -> float:
    """The median time of a call, after a first one."""
    work()
    times: list[float] = []
    for _ in range(REPETITIONS):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return 1000 * statistics.median(times)


def adapters(texts: Sequence[str], reranker: Reranker) -> dict[str, float]:
    """What each framework's layer adds to the core."""
    from langchain_core.documents import Document
    from llama_index.core.schema import NodeWithScore, TextNode

    from langchain_rerank_kit import RerankCompressor
    from llama_rerank_kit import RerankPostprocessor

    compressor = RerankCompressor(reranker=reranker, top_n=None)
    pages = [Document(page_content=text, id=str(place)) for place, text in enumerate(texts)]
    postprocessor = RerankPostprocessor(reranker=reranker, top_n=None)
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(texts)]
    core = milliseconds(lambda: reranker.rerank(QUERY, texts))
    langchain = milliseconds(lambda: compressor.compress_documents(pages, QUERY))
    llama = milliseconds(lambda: postprocessor.postprocess_nodes(nodes, query_str=QUERY))
    return {
        "the core around a model": core,
        "LangChain's layer on top": langchain - core,
        "LlamaIndex's layer on top": llama - core,
    }


def cache(texts: Sequence[str], reranker: Reranker) -> dict[str, float]:
    """A query that is answered from each store."""
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "scores")) as file:
        memory, disk = Cached(reranker, MemoryStore()), Cached(reranker, file)
        return {
            "a repeated query, cached in memory": milliseconds(lambda: memory.rerank(QUERY, texts)),
            "a repeated query, cached in SQLite": milliseconds(lambda: disk.rerank(QUERY, texts)),
        }


def measured() -> dict[str, float]:
    """All of it, in milliseconds."""
    texts, reranker = [each.text for each in standard_library()[:DOCUMENTS]], Instant()
    return {**adapters(texts, reranker), **cache(texts, reranker)}


if __name__ == "__main__":
    for name, value in measured().items():
        print(f"{name}: {value:.2f} ms")

"""How users' code looks to a type checker. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import BaseDocumentCompressor
from langchain_core.documents import Document as Page
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit import BM25Retriever, CrossEncoderRerank, RerankRetriever, Widening, with_rerank
from rerank_kit import Deadline, Document, Hit, Ranking, Reranker, Usage
from rerank_kit.flow import Flow, blocking
from rerank_kit.local import CrossEncoder, OnnxCrossEncoder, Scored


def with_the_core(reranker: Reranker) -> None:
    ranking = reranker.rerank("query", ["text", Document("text", {"key": 1})], top_n=3, threshold=0.0, timeout=1)
    assert_type(ranking, Ranking)
    assert_type(ranking.hits, tuple[Hit, ...])
    assert_type(ranking.usage, Usage)
    assert_type(ranking.pick([1, 2]), list[int])
    assert_type(reranker.rerank_many(["a"], [["text"]]), list[Ranking])
    reranker.hooks = [print]


async def with_the_core_on_a_loop() -> None:
    assert_type(await OnnxCrossEncoder().arerank("query", ["text"]), Ranking)


def with_langchain(store: VectorStore) -> None:
    retriever = with_rerank(store, OnnxCrossEncoder(max_length=256), recall=100, on_error="keep")
    assert_type(retriever, RerankRetriever)
    assert_type(retriever.widening, Widening)
    assert_type(retriever.invoke("query", top_n=2), list[Page])
    with_rerank(lambda query: [Page(page_content=query)])
    with_rerank(BM25Retriever.from_texts(["text"]), CrossEncoderRerank(model="folder", top_n=3))
    as_compressor: BaseDocumentCompressor = CrossEncoderRerank()
    ContextualCompressionRetriever(base_compressor=as_compressor, base_retriever=retriever)


class Mine(Reranker):
    """A reranker of a user's own."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        lengths = yield from blocking(lambda: [len(document.text) for document in documents])
        return Ranking.by_score(lengths)


class MyEngine(CrossEncoder):
    """A local engine of a user's own."""

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> Scored:
        return Scored([0.5] * len(pairs), [1] * len(pairs), [False] * len(pairs))

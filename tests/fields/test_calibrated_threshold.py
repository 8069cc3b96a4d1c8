"""`threshold="calibrated"` in both frameworks."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor
from llama_index.core.bridge.pydantic import Field
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import Calibrated, ConfigurationError, Reranker
from rerank_kit.combine import Calibration
from rerank_kit.combine.identity import identity_of

TEXTS = ["a cat sat", "a cow", "a cat"]
CANDIDATES = [*TEXTS, *(f"a {number} word" for number in range(60))]


def _counted(query: str, texts: list[str]) -> list[float]:
    return [0.9 if "cat" in each else 0.1 for each in texts]


def _calibrated() -> Calibrated:
    reranker = Reranker.of(_counted)
    steps = ((0.0, 0.1), (0.5, 0.7))
    return Calibrated(reranker, Calibration(identity_of(reranker), "it", "isotonic", steps, 0.7, "recall", 0.9))


def test_in_langchain() -> None:
    documents = [Document(each) for each in TEXTS]
    compressor = lc.RerankCompressor(reranker=_calibrated(), threshold="calibrated")
    assert [each.page_content for each in compressor.compress_documents(documents, "query")] == ["a cat sat", "a cat"]
    bm25 = lc.BM25Retriever.from_texts(CANDIDATES)
    retriever = lc.with_rerank(bm25, reranker=_calibrated(), threshold="calibrated")
    assert [each.page_content for each in retriever.invoke("a cat")] == ["a cat", "a cat sat"]
    assert len(retriever.invoke("a cat", threshold=0.05)) == 5


def test_a_compressor_of_others_has_none() -> None:
    class Other(BaseDocumentCompressor):
        def compress_documents(self, documents: object, query: str, callbacks: object = None) -> list[Document]:
            return [Document("text", metadata={"relevance_score": 0.5})]

    bm25 = lc.BM25Retriever.from_texts(CANDIDATES)
    no_reranker = 'threshold="calibrated": Other is no reranker of ours'
    with pytest.raises(ConfigurationError, match=no_reranker):
        lc.with_rerank(bm25, reranker=Other(), threshold="calibrated")
    retriever = lc.with_rerank(bm25, reranker=Other())
    with pytest.raises(ConfigurationError, match=no_reranker):
        retriever.invoke("a cat", threshold="calibrated")
    with pytest.raises(ConfigurationError, match=no_reranker):
        retriever.threshold = "calibrated"
    assert retriever.threshold is None


def test_in_llamaindex() -> None:
    nodes = [NodeWithScore(node=TextNode(text=each)) for each in TEXTS]
    postprocessor = li.RerankPostprocessor(reranker=_calibrated(), threshold="calibrated")
    assert [each.text for each in postprocessor.postprocess_nodes(nodes, query_str="q")] == ["a cat sat", "a cat"]


class Cut(BaseNodePostprocessor):
    threshold: float = Field(default=0.5)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes


class Few(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return []


def test_where_nothing_is_calibrated_it_is_refused_when_it_is_built() -> None:
    bm25, plain = lc.BM25Retriever.from_texts(CANDIDATES), Reranker.of(_counted)
    wanted = 'threshold="calibrated": FunctionReranker is not calibrated: pass a number, or wrap it'
    for build in (
        lambda: lc.with_rerank(bm25, plain, threshold="calibrated"),
        lambda: li.with_rerank(Few(), plain, threshold="calibrated"),
        lambda: lc.RerankCompressor(reranker=plain, threshold="calibrated"),
        lambda: li.RerankPostprocessor(reranker=plain, threshold="calibrated"),
    ):
        with pytest.raises(ConfigurationError, match=wanted):
            build()
    made = li.RerankPostprocessor(reranker=plain)
    with pytest.raises(ConfigurationError, match=wanted):
        made.threshold = "calibrated"
    assert made.threshold is None
    made.reranker = _calibrated()
    made.threshold = "calibrated"
    with pytest.raises(ConfigurationError, match=wanted):
        made.reranker = plain
    assert isinstance(made.loaded, Calibrated)
    with pytest.raises(ConfigurationError, match='threshold="calibrated": Cut is no reranker of ours'):
        li.with_rerank(Few(), Cut(), threshold="calibrated", top_n=None)

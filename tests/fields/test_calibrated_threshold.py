"""`threshold="calibrated"` in both frameworks."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from langchain_core.documents.compressor import BaseDocumentCompressor
from llama_index.core.schema import NodeWithScore, TextNode

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
    retriever = lc.with_rerank(bm25, reranker=Other(), threshold="calibrated")
    with pytest.raises(ConfigurationError, match='threshold="calibrated": Other is no reranker of ours'):
        retriever.invoke("a cat")


def test_in_llamaindex() -> None:
    nodes = [NodeWithScore(node=TextNode(text=each)) for each in TEXTS]
    postprocessor = li.RerankPostprocessor(reranker=_calibrated(), threshold="calibrated")
    assert [each.text for each in postprocessor.postprocess_nodes(nodes, query_str="q")] == ["a cat sat", "a cat"]

"""LangChain's own suite for retrievers, over ours."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_rerank_kit import (
    BM25Retriever,
    HybridRetriever,
    RerankCompressor,
    RerankRetriever,
    contextual_retriever,
)
from tests.doubles import Scripted

DOCUMENTS = [Document(page_content=f"The threshold of rule {number}", id=str(number)) for number in range(50)]


class Standard(RetrieversIntegrationTests):
    """What is asked of each retriever."""

    @property
    def retriever_query_example(self) -> str:
        return "What is the threshold of rule 17?"


class TestBM25Retriever(Standard):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return BM25Retriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"docs": DOCUMENTS}


class TestRerankRetriever(Standard):
    """Over BM25."""

    @property
    def first_stage(self) -> BaseRetriever:
        return BM25Retriever(docs=DOCUMENTS)

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return RerankRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"base_retriever": self.first_stage, "base_compressor": RerankCompressor(reranker=Scripted())}

    @property
    def num_results_arg_name(self) -> str:
        return "top_n"


class TestRerankRetrieverOverAStore(TestRerankRetriever):
    @property
    def first_stage(self) -> BaseRetriever:
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        store.add_documents(DOCUMENTS)
        return store.as_retriever()


class TestRerankRetrieverByTheNameOfOthers(TestRerankRetriever):
    """At call time, `k` is `top_n`."""

    @property
    def retriever_constructor(self) -> Any:
        def made(*, k: int | None = None, **fields: Any) -> RerankRetriever:
            return RerankRetriever(top_n=k, **fields)

        return made

    @property
    def num_results_arg_name(self) -> str:
        return "k"


class TestHybridRetriever(Standard):
    """Filled as soon as it is made."""

    @property
    def retriever_constructor(self) -> Any:
        def made(**fields: Any) -> HybridRetriever:
            retriever = HybridRetriever(vector_store=InMemoryVectorStore(DeterministicFakeEmbedding(size=8)), **fields)
            retriever.add(DOCUMENTS)
            return retriever

        return made

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {}


class TestContextualRetriever(TestRerankRetriever):
    @property
    def retriever_constructor(self) -> Any:
        def made(*, top_n: int = 20) -> Any:
            store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
            return contextual_retriever(DOCUMENTS, store, Scripted(), top_n=top_n)

        return made

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {}

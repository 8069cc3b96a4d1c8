"""How the code of LlamaIndex users looks to a type checker. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever, VectorIndexRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore
from llama_index.core.vector_stores import SimpleVectorStore

from llama_rerank_kit import (
    ContextualRetriever,
    CrossEncoderRerank,
    FlashRankRerank,
    HybridRetriever,
    RerankPostprocessor,
    RerankRetriever,
    VoyageRerank,
    Widening,
    contextual_retriever,
    load_contextual_retriever,
    widen,
    widening_of,
    with_rerank,
)
from rerank_kit import Reranker
from rerank_kit.local import OnnxCrossEncoder


def the_same_kind_of_thing_comes_back(
    retriever: VectorIndexRetriever, engine: RetrieverQueryEngine, chat: ContextChatEngine, index: VectorStoreIndex
) -> None:
    assert_type(with_rerank(retriever), RerankRetriever)
    assert_type(with_rerank(retriever).retrieve("query"), list[NodeWithScore])
    assert_type(with_rerank(engine, OnnxCrossEncoder(), recall=100, on_error="keep"), RetrieverQueryEngine)
    assert_type(with_rerank(chat, CrossEncoderRerank(), top_n=None), ContextChatEngine)
    assert_type(with_rerank(index, threshold=0.0, timeout=1, distinct=0.9), VectorStoreIndex)
    assert_type(widening_of(engine), Widening[Any])
    assert_type(widen(retriever, 50), Widening[Any])


def documents_become_retrievers(documents: list[Document], store: SimpleVectorStore) -> None:
    assert_type(contextual_retriever(documents, store), HybridRetriever)
    assert_type(contextual_retriever(documents, store, OnnxCrossEncoder(), top_n=5), ContextualRetriever)
    assert_type(load_contextual_retriever("folder", store, CrossEncoderRerank()), ContextualRetriever)


def more(retriever: BaseRetriever, recall: int) -> BaseRetriever | None:
    return with_rerank(retriever, recall=recall, widen=more)


def fields_are_arguments(reranker: Reranker) -> list[BaseNodePostprocessor]:
    made = CrossEncoderRerank(model="folder", engine="sentence-transformers", device="cpu", dtype="float32", top_n=3)
    assert_type(made.loaded, Reranker)
    CrossEncoderRerank(topn=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CrossEncoderRerank(engine="torch")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    by_an_api = VoyageRerank(model="rerank-3", instruction="Newest first.", metadata_mode=MetadataMode.NONE)
    assert_type(by_an_api.instruction, str | None)
    VoyageRerank(model="rerank-3", priority=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    return [made, by_an_api, FlashRankRerank(cache_dir="folder", threshold=0.1), RerankPostprocessor(reranker=reranker)]

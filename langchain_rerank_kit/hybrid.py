"""`HybridRetriever`: a vector store and BM25 over chunks with contexts; `ContextualRetriever`, which reranks too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import RunnableConfig
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field, PrivateAttr, field_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.changing import Changing
from langchain_rerank_kit.contextual import (
    Splitter,
    check_splitter,
    checked_documents,
    cut,
)
from langchain_rerank_kit.result_metadata import with_score
from langchain_rerank_kit.retriever import RerankRetriever
from langchain_rerank_kit.vectors import Vectors
from rerank_kit import ConfigurationError, Hit
from rerank_kit.checks import check_count, check_timeout
from rerank_kit.contextual import ContextSource, HeadingContext
from rerank_kit.contextual.growing import Growing
from rerank_kit.contextual.hybrid_index import Hybrid, check_weights, load_hybrid
from rerank_kit.first_stage.widening import Widening
from rerank_kit.flow import Flow, arun, blocking, run
from rerank_kit.names import check_names
from rerank_kit.quoting import class_name, quoted
from rerank_kit.values import Deadline

_INDEX = frozenset({"vector_store", "contexts", "splitter", "source_key"})


class HybridRetriever(Growing[Document], Changing, BaseRetriever):
    """Finds chunks with their contexts in a vector store and by BM25, and fuses both by weighted reciprocal ranks.

    Documents are added with `add`. What comes out are copies of their chunks: the context, an empty line and the chunk
    in `page_content`, and in `metadata` the chunk as it was, `original_text`, and the fused score, `relevance_score`.

    Attributes:
        vector_store: Where the chunks are embedded. It has to be of this retriever alone.
        contexts: What writes the contexts.
        splitter: What cuts documents into chunks.
        source_key: The key of metadata by which documents without an `id` are known.
        k: How many chunks to return at most.
        recall: How many each of both brings; where `k` is more, as many as that.
        weights: What the ranks of the vector store count, and those of BM25.
    """

    vector_store: SkipJsonSchema[VectorStore] = Field(exclude=True, repr=False)
    contexts: SkipJsonSchema[ContextSource] = Field(default_factory=HeadingContext, exclude=True, repr=False)
    splitter: SkipJsonSchema[Any] = Field(default=None, exclude=True, repr=False)
    source_key: str = "source"
    k: int = Field(default=20, ge=1)
    recall: int = Field(default=150, ge=1)
    weights: tuple[float, float] = (0.8, 0.2)
    _index: Hybrid = PrivateAttr()

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    @field_validator("weights", mode="after")
    @classmethod
    def _as_weights(cls, value: tuple[float, float]) -> tuple[float, float]:
        return check_weights(value)

    @override
    def _complete(self) -> None:
        """Begin with nothing indexed."""
        if self.splitter is None:
            vars(self)["splitter"] = _usual_splitter()
        check_splitter(self.splitter)
        self._index = Hybrid(Vectors(self.vector_store), self.contexts)

    @override
    def _follow(self, names: frozenset[str]) -> None:
        """Refuse what the index was made with."""
        for name in sorted(names & _INDEX):
            msg = f"{name} is what the index was made with, and stays: make another retriever"
            raise ConfigurationError(msg)

    @override
    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What runs, in a line: not the chunks."""
        yield "vector_store", class_name(self.vector_store)
        yield "contexts", class_name(self.contexts)
        yield "documents", len(self.document_ids)
        yield from ((name, getattr(self, name)) for name in ("k", "recall", "weights"))

    @override
    def __str__(self) -> str:
        return repr(self)

    @property
    @override
    def first_stage(self) -> HybridRetriever:
        """This one."""
        return self

    @property
    def index(self) -> Hybrid:
        """Both indexes."""
        return self._index

    def adding(self, documents: Sequence[Document], timeout: float | None) -> Flow[None]:
        """Index documents, for sync and async callers."""
        given, deadline = checked_documents(documents), Deadline.after(check_timeout(timeout))
        rows = yield from blocking(cut, given, self.splitter, self.source_key)
        yield from self._index.adding(rows, deadline)

    def loading(self, folder: str | Path) -> None:
        """Take what `save` kept for what is indexed."""
        self._index = load_hybrid(folder, Vectors(self.vector_store), self.contexts)

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None, **others: Any
    ) -> list[Document]:
        check_names("invoke", others, ["k"])
        return run(self._searching(query, k))

    @override
    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None, **others: Any
    ) -> list[Document]:
        check_names("ainvoke", others, ["k"])
        return await arun(self._searching(query, k))

    def _searching(self, query: str, k: int | None) -> Flow[list[Document]]:
        limit = check_count("k", k, none="for that of the retriever") or self.k
        found = yield from self._index.searching(query, max(limit, self.recall), self.weights)
        return [with_score(chunk.item, Hit(place, score)) for place, (chunk, score) in enumerate(found[:limit])]


class ContextualRetriever(Growing[Document], RerankRetriever):
    """A `HybridRetriever` whose results are reranked: `contextual_retriever` makes one.

    Its fields are those of a `RerankRetriever`.
    """

    @property
    @override
    def first_stage(self) -> HybridRetriever:
        """What finds the candidates.

        Raises:
            ConfigurationError: Another retriever was assigned to `base_retriever`.
        """
        if isinstance(self.base_retriever, HybridRetriever):
            return self.base_retriever
        msg = f"base_retriever is no HybridRetriever, but {quoted(self.base_retriever)}: documents are added there"
        raise ConfigurationError(msg)

    @override
    def _first_stage(
        self, query: str, widening: Widening[RetrieverLike], config: RunnableConfig, kwargs: dict[str, Any]
    ) -> Flow[list[Document]]:
        """What the hybrid retriever brings, which cannot be more than there is: of that nobody need be warned."""
        if isinstance(self.base_retriever, HybridRetriever):
            most = max(1, self.base_retriever.index.size)
            widening = replace(widening, recall=min(widening.recall, most))
        return (yield from super()._first_stage(query, widening, config, kwargs))


def _usual_splitter() -> Splitter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(chunk_size=1200, chunk_overlap=0)

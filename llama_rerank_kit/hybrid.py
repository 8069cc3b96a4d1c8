"""`HybridRetriever`: a vector store and BM25 over nodes with contexts; `ContextualRetriever`, which reranks too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.node_parser import NodeParser, SentenceSplitter
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import BasePydanticVectorStore
from typing_extensions import override

from llama_rerank_kit.contextual import check_parser, checked_nodes, cut
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.vectors import Vectors
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_timeout, check_whole
from rerank_kit.contextual import ContextSource, HeadingContext
from rerank_kit.contextual.growing import Growing
from rerank_kit.contextual.hybrid_index import Hybrid, check_weights, load_hybrid
from rerank_kit.flow import Flow, arun, blocking, run
from rerank_kit.quoting import class_name, quoted, whole
from rerank_kit.values import Deadline


class HybridRetriever(Growing[BaseNode], BaseRetriever):
    """Finds nodes with their contexts in a vector store and by BM25, and fuses both by weighted reciprocal ranks.

    Documents are added with `add`. The nodes that come out are copies, and their scores those of the fusion.
    """

    @named
    def __init__(
        self,
        vector_store: BasePydanticVectorStore,
        *,
        contexts: ContextSource | None = None,
        splitter: NodeParser | None = None,
        embed_model: BaseEmbedding | None = None,
        similarity_top_k: int = 20,
        recall: int = 150,
        weights: tuple[float, float] = (0.8, 0.2),
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Begin with nothing indexed.

        Args:
            vector_store: Where the nodes' embeddings are kept. It has to be of this retriever alone.
            contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`.
            splitter: A node parser; by default a `SentenceSplitter` of 300 tokens, without overlap.
            embed_model: What embeds; by default that of `Settings`.
            similarity_top_k: How many nodes to return at most.
            recall: How many each of vector store and BM25 brings; where `similarity_top_k` is more, as many as that.
            weights: What the ranks of the vector store count, and those of BM25.
            callback_manager: LlamaIndex's.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        check_instance("vector_store", vector_store, BasePydanticVectorStore, "a LlamaIndex vector store")
        if splitter is not None:
            check_parser(splitter)
        if embed_model is not None:
            check_instance("embed_model", embed_model, BaseEmbedding, "a LlamaIndex embedding model")
        self._contexts = HeadingContext() if contexts is None else contexts
        self._splitter = SentenceSplitter(chunk_size=300, chunk_overlap=0) if splitter is None else splitter
        self._similarity_top_k = check_whole("similarity_top_k", similarity_top_k)
        self._recall = check_whole("recall", recall)
        self._weights = check_weights(weights)
        self._vectors = Vectors(vector_store, embed_model or Settings.embed_model)
        self._index = Hybrid(self._vectors, self._contexts)
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the library leaves out type arguments
            callback_manager=callback_manager
        )

    @property
    @override
    def first_stage(self) -> HybridRetriever:
        """This one."""
        return self

    @property
    def index(self) -> Hybrid:
        """Both indexes."""
        return self._index

    @whole
    def __repr__(self) -> str:
        """What runs, in a line: not the nodes."""
        told = f"vector_store={class_name(self._vectors.store)!r}, contexts={class_name(self._contexts)!r}"
        counts = f"similarity_top_k={self._similarity_top_k}, recall={self._recall}, weights={self._weights}"
        return f"{type(self).__name__}({told}, documents={len(self.document_ids)}, {counts})"

    def adding(self, documents: Sequence[BaseNode], timeout: float | None) -> Flow[None]:
        """Index documents, for sync and async callers."""
        given, deadline = checked_nodes("documents", documents), Deadline.after(check_timeout(timeout))
        rows = yield from blocking(cut, given, self._splitter)
        yield from self._index.adding(rows, deadline)

    def loading(self, folder: str | Path) -> None:
        """Take what `save` kept for what is indexed."""
        self._index = load_hybrid(folder, self._vectors, self._contexts)

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return run(self._searching(query_bundle))

    @override
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await arun(self._searching(query_bundle))

    def _searching(self, query: QueryBundle) -> Flow[list[NodeWithScore]]:
        limit = self._similarity_top_k
        found = yield from self._index.searching(query, max(limit, self._recall), self._weights)
        return [NodeWithScore(node=_copied(chunk.item), score=score) for chunk, score in found[:limit]]


class ContextualRetriever(Growing[BaseNode], RerankRetriever):
    """A `HybridRetriever` whose results are reranked: `contextual_retriever` makes one."""

    @property
    @override
    def first_stage(self) -> HybridRetriever:
        """What finds the candidates.

        Raises:
            ConfigurationError: It was made of another retriever.
        """
        if isinstance(self.retriever, HybridRetriever):
            return self.retriever
        msg = f"the first stage is no HybridRetriever, to which documents could be added, but {quoted(self.retriever)}"
        raise ConfigurationError(msg)


def _copied(node: BaseNode) -> BaseNode:
    """A copy for a user, who may change it."""
    return node.model_copy(update={"metadata": dict(node.metadata)})

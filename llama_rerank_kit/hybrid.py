"""`contextual_retriever`: Contextual Retrieval as one retriever, with a vector store, BM25 and a reranker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.node_parser import NodeParser, SentenceSplitter
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from llama_index.core.storage.docstore import utils
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery, VectorStoreQueryResult
from typing_extensions import override

from llama_rerank_kit.contextual import KEY, check_parser, checked_nodes, contextual, cut
from llama_rerank_kit.postprocessor import RerankPostprocessor
from llama_rerank_kit.retriever import RerankRetriever
from llama_rerank_kit.widening import widen
from llama_rerank_kit.wrapping import as_postprocessor
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_timeout, check_whole
from rerank_kit.contextual import Context, ContextSource, HeadingContext
from rerank_kit.contextual.bookkeeping import Chunk, mark_of
from rerank_kit.contextual.hybrid import Hybrid, check_ids, check_weights, load_hybrid
from rerank_kit.fields.given import Given
from rerank_kit.first_stage.widening import check_recall
from rerank_kit.flow import Call, Flow, arun, blocking, run
from rerank_kit.quoting import class_name, quoted, whole
from rerank_kit.values import Deadline

_UTILS: Any = utils  # which says of its dicts only that they are some


class Growing:
    """What can be done with documents that are indexed."""

    @property
    @abstractmethod
    def first_stage(self) -> HybridRetriever:
        """What finds the candidates."""

    @property
    def document_ids(self) -> list[str]:
        """The ids of the documents that are found."""
        return self.first_stage.index.ids

    def add(self, documents: Sequence[BaseNode], *, timeout: float | None = None) -> None:
        """Index whole documents; one whose id is known takes the place of the older one.

        Chunks that have not changed are neither put into context nor embedded again. Where it fails, what was there is
        found as before, and the next call goes on where this one was, whatever it adds.

        Args:
            documents: The documents.
            timeout: How many seconds the contexts may take.

        Raises:
            ConfigurationError: A document is none, or two have the same id.
            IncompleteContexts: Some chunks got no context.
        """
        run(self.first_stage.adding(documents, timeout))

    async def aadd(self, documents: Sequence[BaseNode], *, timeout: float | None = None) -> None:
        """Do what `add` does, without blocking the event loop."""
        await arun(self.first_stage.adding(documents, timeout))

    def remove(self, ids: Sequence[str]) -> None:
        """Take documents out of both indexes, by their ids.

        Raises:
            ConfigurationError: There is none of such an id; nothing is removed.
        """
        run(self.first_stage.index.removing(check_ids(ids)))

    async def aremove(self, ids: Sequence[str]) -> None:
        """Do what `remove` does, without blocking the event loop."""
        await arun(self.first_stage.index.removing(check_ids(ids)))

    def save(self, folder: str | Path) -> None:
        """Keep all but the vectors in a folder, all of it or nothing: `load_contextual_retriever` reads it.

        The vector store is yours to keep. Metadata have to be what JSON can hold.

        Raises:
            ConfigurationError: The folder cannot be written, or metadata are something else.
        """
        self.first_stage.index.save(folder)


class HybridRetriever(Growing, BaseRetriever):
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
        self._vectors = _Store(vector_store, embed_model or Settings.embed_model)
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


class ContextualRetriever(Growing, RerankRetriever):
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


@dataclass(frozen=True, slots=True)
class _Store:
    """A vector store of LlamaIndex's, and what embeds."""

    store: BasePydanticVectorStore
    model: BaseEmbedding

    def chunk(self, piece: BaseNode, name: str, context: Context) -> Chunk:
        made = contextual(piece, context, KEY)
        text = made.get_content(MetadataMode.EMBED)
        return Chunk(name, text, context, mark_of(text, made.metadata), made)

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        texts = [each.text for each in chunks]
        vectors = yield from Call[list[list[float]]](
            sync=lambda: self.model.get_text_embedding_batch(texts),
            async_=lambda: self.model.aget_text_embedding_batch(texts),
        )
        nodes = [
            each.item.model_copy(update={"embedding": vector}) for each, vector in zip(chunks, vectors, strict=True)
        ]
        yield from self._asked("async_add", self.store.add, self.store.async_add, nodes)

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        try:
            yield from self._asked("adelete_nodes", self.store.delete_nodes, self.store.adelete_nodes, list(ids))
        except NotImplementedError as error:
            msg = f"{class_name(self.store)} cannot delete single nodes, so documents can neither change nor go: "
            msg += "take another vector store, or index anew"
            raise ConfigurationError(msg) from error

    def find(self, query: QueryBundle, limit: int) -> Flow[Sequence[str]]:
        vector = query.embedding
        if vector is None:
            texts, model = query.embedding_strs, self.model
            vector = yield from Call[list[float]](
                sync=lambda: model.get_agg_embedding_from_queries(texts),
                async_=lambda: model.aget_agg_embedding_from_queries(texts),
            )
        asked = VectorStoreQuery(query_embedding=vector, similarity_top_k=limit, query_str=query.query_str)
        found: VectorStoreQueryResult = yield from self._asked("aquery", self.store.query, self.store.aquery, asked)
        return [each.node_id for each in found.nodes] if found.nodes else list(found.ids or ())

    def text(self, query: QueryBundle) -> str:
        return query.query_str

    def plain(self, item: BaseNode) -> dict[str, Any]:
        plain: dict[str, Any] = _UTILS.doc_to_json(item)
        return plain

    def restored(self, plain: dict[str, Any]) -> BaseNode:
        node: BaseNode = _UTILS.json_to_doc(plain)
        return node

    def _asked(
        self, name: str, sync: Callable[[Any], Any], async_: Callable[[Any], Awaitable[Any]], argument: Any
    ) -> Call[Any]:
        """A call of the store, in a thread where its async method is the one that blocks the loop."""
        if getattr(type(self.store), name) is getattr(BasePydanticVectorStore, name):
            return blocking(sync, argument)
        return Call(sync=lambda: sync(argument), async_=lambda: async_(argument))


@named
def contextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: NodeParser | None = None,
    embed_model: BaseEmbedding | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
) -> HybridRetriever | ContextualRetriever:
    """Contextual Retrieval: nodes with contexts, embedded and in BM25, both fused, and the best reranked.

    Args:
        documents: Whole documents, by whose ids they can be changed or removed later.
        vector_store: Where the nodes' embeddings are kept, of this retriever alone. It is yours to keep.
        reranker: A `rerank_kit.Reranker`, a postprocessor of ours, a function from a query and texts to numbers, or the
            name or folder of a cross-encoder. It reads the nodes' texts alone, unless a postprocessor was given a
            `metadata_mode`. `None` reranks nothing.
        contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs no
            model.
        splitter: A node parser; by default a `SentenceSplitter` of 300 tokens, without overlap.
        embed_model: What embeds; by default that of `Settings`.
        recall: How many nodes each index brings, and how many are reranked.
        top_n: How many nodes come out.
        weights: What the ranks of the vector store count, and those of BM25.

    Returns:
        A `ContextualRetriever`, which is a `RerankRetriever`; without a reranker a `HybridRetriever`. Both have `add`,
        `remove` and `save`.

    Raises:
        ConfigurationError: An argument is wrong.
        IncompleteContexts: Some nodes got no context.
    """
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        embed_model=embed_model,
        recall=recall,
        top_n=top_n,
        weights=weights,
    )
    made.add(documents)
    return made


@named
async def acontextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: NodeParser | None = None,
    embed_model: BaseEmbedding | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
) -> HybridRetriever | ContextualRetriever:
    """Do what `contextual_retriever` does, without blocking the event loop."""
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        embed_model=embed_model,
        recall=recall,
        top_n=top_n,
        weights=weights,
    )
    await made.aadd(documents)
    return made


@named
def load_contextual_retriever(
    folder: str | Path,
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: NodeParser | None = None,
    embed_model: BaseEmbedding | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
) -> HybridRetriever | ContextualRetriever:
    """A retriever whose `save` has kept it in a folder. Nothing is embedded for that.

    Args:
        folder: The folder.
        vector_store: The one with the nodes' vectors, as it was when the retriever was saved.
        reranker: As in `contextual_retriever`, and so are all others.
        contexts: What writes the contexts of documents that are added. Where it writes others than the one before,
            documents that are added again get new contexts.
        splitter: A node parser.
        embed_model: What embeds, the same as before.
        recall: How many nodes each index brings, and how many are reranked.
        top_n: How many nodes come out.
        weights: What the ranks of the vector store count, and those of BM25.

    Raises:
        ConfigurationError: An argument is wrong, or nothing that can be read is in the folder.
    """
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        embed_model=embed_model,
        recall=recall,
        top_n=top_n,
        weights=weights,
    )
    made.first_stage.loading(folder)
    return made


def _made(
    vector_store: BasePydanticVectorStore,
    *,
    reranker: Given | RerankPostprocessor | None,
    contexts: ContextSource | None,
    splitter: NodeParser | None,
    embed_model: BaseEmbedding | None,
    recall: int,
    top_n: int,
    weights: tuple[float, float],
) -> HybridRetriever | ContextualRetriever:
    """The retriever with nothing indexed."""
    check_recall(recall, check_whole("top_n", top_n))
    hybrid = HybridRetriever(
        vector_store,
        contexts=contexts,
        splitter=splitter,
        embed_model=embed_model,
        similarity_top_k=top_n if reranker is None else recall,
        recall=recall,
        weights=weights,
    )
    if reranker is None:
        return hybrid
    second = as_postprocessor(reranker, recall, {"top_n": top_n}, "document")
    if not isinstance(second, RerankPostprocessor):
        msg = f"reranker must be one of ours, which can read nodes without their contexts, not {class_name(reranker)}"
        raise ConfigurationError(msg)
    own = reranker if isinstance(reranker, RerankPostprocessor) else None
    told = own is not None and "metadata_mode" in own.model_fields_set
    mode = second.metadata_mode if told else MetadataMode.NONE
    whole_index = {"recall": None}  # where there are fewer, all there are come, and nobody need be warned
    return ContextualRetriever(widen(hybrid, recall), second.model_copy(update={**whole_index, "metadata_mode": mode}))


def _copied(node: BaseNode) -> BaseNode:
    """A copy for a user, who may change it."""
    return node.model_copy(update={"metadata": dict(node.metadata)})

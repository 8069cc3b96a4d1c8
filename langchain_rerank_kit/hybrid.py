"""`contextual_retriever`: Contextual Retrieval as one retriever, with a vector store, BM25 and a reranker."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import RunnableConfig
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field, PrivateAttr, field_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import override

from langchain_rerank_kit.changing import Changing
from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.contextual import (
    CHUNK_ID,
    ORIGINAL,
    Splitter,
    check_splitter,
    checked_documents,
    contextual,
    cut,
)
from langchain_rerank_kit.result_metadata import with_score
from langchain_rerank_kit.retriever import RerankRetriever
from langchain_rerank_kit.wrapping import as_compressor
from rerank_kit import ConfigurationError, Hit
from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_instance, check_text, check_timeout, check_whole
from rerank_kit.contextual import Context, ContextSource, HeadingContext
from rerank_kit.contextual.bookkeeping import Chunk, mark_of
from rerank_kit.contextual.hybrid import Hybrid, check_ids, check_weights, load_hybrid
from rerank_kit.contextual.sources import check_contexts
from rerank_kit.fields.given import Given
from rerank_kit.first_stage.widening import Widening, check_recall
from rerank_kit.flow import Call, Flow, arun, blocking, run
from rerank_kit.names import check_names
from rerank_kit.quoting import class_name, quoted
from rerank_kit.values import Deadline

_INDEX = frozenset({"vector_store", "contexts", "splitter", "source_key"})


class Growing:
    """What can be done with documents that are indexed."""

    @property
    @abstractmethod
    def first_stage(self) -> HybridRetriever:
        """What finds the candidates."""

    @property
    def document_ids(self) -> list[str]:
        """The ids of the documents that are found: their own, or else what their metadata say where they are from."""
        return self.first_stage.index.ids

    def add(self, documents: Sequence[Document], *, timeout: float | None = None) -> None:
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

    async def aadd(self, documents: Sequence[Document], *, timeout: float | None = None) -> None:
        """Do what `add` does, without blocking the event loop."""
        await arun(self.first_stage.adding(documents, timeout))

    def remove(self, ids: Sequence[str]) -> None:
        """Take documents out of both indexes, by their ids: see `document_ids`.

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


class HybridRetriever(Growing, Changing, BaseRetriever):
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
        self._index = Hybrid(_Store(self.vector_store), self.contexts)

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
        self._index = load_hybrid(folder, _Store(self.vector_store), self.contexts)

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


class ContextualRetriever(Growing, RerankRetriever):
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


@dataclass(frozen=True, slots=True)
class _Store:
    """A vector store of LangChain's."""

    store: VectorStore

    def chunk(self, piece: Document, name: str, context: Context) -> Chunk:
        made = contextual(piece, name, context)
        return Chunk(name, made.page_content, context, mark_of(made.page_content, made.metadata), made)

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        ids = [each.id for each in chunks]
        documents = [_copied(each.item) for each in chunks]
        yield from Call(
            sync=lambda: self.store.add_documents(documents, ids=ids),
            async_=lambda: self.store.aadd_documents(documents, ids=ids),
        )

    def delete(self, ids: Sequence[str], doubtful: Collection[str]) -> Flow[None]:
        if doubtful:  # some stores refuse to delete what is not there
            there = yield from self._there(list(doubtful))
            ids = [each for each in ids if each in there or each not in doubtful]
        if ids:
            yield from Call(sync=lambda: self.store.delete(list(ids)), async_=lambda: self.store.adelete(list(ids)))

    def _there(self, ids: list[str]) -> Flow[set[str | None]]:
        """Those that the store has, as far as it can tell."""
        try:
            found = yield from Call[list[Document]](
                sync=lambda: self.store.get_by_ids(ids), async_=lambda: self.store.aget_by_ids(ids)
            )
        except NotImplementedError:
            return {*ids}
        return {each.id for each in found}

    def find(self, query: str, limit: int) -> Flow[Sequence[str]]:
        found = yield from Call[list[Document]](
            sync=lambda: self.store.similarity_search(query, k=limit),
            async_=lambda: self.store.asimilarity_search(query, k=limit),
        )
        return [str(each.metadata.get(CHUNK_ID, each.id)) for each in found]

    def text(self, query: str) -> str:
        return query

    def plain(self, item: Document) -> dict[str, Any]:
        return {"page_content": item.page_content, "id": item.id, "metadata": item.metadata}

    def restored(self, plain: dict[str, Any]) -> Document:
        return Document(**plain)


@named
def contextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: Splitter | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
    source_key: str = "source",
) -> HybridRetriever | ContextualRetriever:
    """Contextual Retrieval: chunks with contexts, embedded and in BM25, both fused, and the best reranked.

    Args:
        documents: Whole documents. Each needs an `id`, or says in its metadata where it is from, to be changed or
            removed later.
        vector_store: Where the chunks are embedded, of this retriever alone. It is yours to keep.
        reranker: What `with_rerank` takes, but for compressors of other makes. It reads the chunks as they were cut,
            without contexts. `None` reranks nothing.
        contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs no
            model.
        splitter: A LangChain text splitter; by default one that cuts 1,200 characters at most, without overlap.
        recall: How many chunks each index brings, and how many are reranked.
        top_n: How many chunks come out.
        weights: What the ranks of the vector store count, and those of BM25.
        source_key: The key of metadata by which documents without an `id` are known.

    Returns:
        A `ContextualRetriever`, which is a `RerankRetriever`; without a reranker a `HybridRetriever`. Both have `add`,
        `remove` and `save`.

    Raises:
        ConfigurationError: An argument is wrong.
        IncompleteContexts: Some chunks got no context.
    """
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        recall=recall,
        top_n=top_n,
        weights=weights,
        source_key=source_key,
    )
    made.add(documents)
    return made


@named
async def acontextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: Splitter | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
    source_key: str = "source",
) -> HybridRetriever | ContextualRetriever:
    """Do what `contextual_retriever` does, without blocking the event loop."""
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        recall=recall,
        top_n=top_n,
        weights=weights,
        source_key=source_key,
    )
    await made.aadd(documents)
    return made


@named
def load_contextual_retriever(
    folder: str | Path,
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: Splitter | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
    source_key: str = "source",
) -> HybridRetriever | ContextualRetriever:
    """A retriever whose `save` has kept it in a folder. Nothing is embedded for that.

    Args:
        folder: The folder.
        vector_store: The one with the chunks' vectors, as it was when the retriever was saved.
        reranker: As in `contextual_retriever`, and so are all others.
        contexts: What writes the contexts of documents that are added. Where it writes others than the one before,
            documents that are added again get new contexts.
        splitter: A LangChain text splitter.
        recall: How many chunks each index brings, and how many are reranked.
        top_n: How many chunks come out.
        weights: What the ranks of the vector store count, and those of BM25.
        source_key: The key of metadata by which documents without an `id` are known.

    Raises:
        ConfigurationError: An argument is wrong, or nothing that can be read is in the folder.
    """
    made = _made(
        vector_store,
        reranker=reranker,
        contexts=contexts,
        splitter=splitter,
        recall=recall,
        top_n=top_n,
        weights=weights,
        source_key=source_key,
    )
    made.first_stage.loading(folder)
    return made


def _made(
    vector_store: VectorStore,
    *,
    reranker: Given | BaseDocumentCompressor | None,
    contexts: ContextSource | None,
    splitter: Splitter | None,
    recall: int,
    top_n: int,
    weights: tuple[float, float],
    source_key: str,
) -> HybridRetriever | ContextualRetriever:
    """The retriever with nothing indexed."""
    check_instance("vector_store", vector_store, VectorStore, "a LangChain vector store")
    contexts = HeadingContext() if contexts is None else contexts
    check_contexts(contexts)
    if splitter is not None:
        check_splitter(splitter)
    check_recall(recall, check_whole("top_n", top_n))
    hybrid = HybridRetriever(
        vector_store=vector_store,
        contexts=contexts,
        splitter=splitter,
        source_key=check_text("source_key", source_key),
        k=top_n if reranker is None else recall,
        recall=recall,
        weights=check_weights(weights),
    )
    if reranker is None:
        return hybrid
    compressor = as_compressor(reranker, None, None)
    if not isinstance(compressor, RerankCompressor):
        as_compressor(reranker, None, [ORIGINAL])  # which says what is wrong with it
    elif compressor.text is None:
        compressor = compressor.model_copy(update={"text": [ORIGINAL]})
    return ContextualRetriever(base_retriever=hybrid, base_compressor=compressor, recall=recall, top_n=top_n)


def _usual_splitter() -> Splitter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(chunk_size=1200, chunk_overlap=0)


def _copied(document: Document) -> Document:
    """A copy for a store, which may keep and change it."""
    return document.model_copy(update={"metadata": dict(document.metadata)})

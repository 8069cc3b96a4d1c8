"""`contextual_retriever`: Contextual Retrieval as one retriever, with a vector store, BM25 and a reranker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack, overload

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.contextual import ORIGINAL, Splitter, check_splitter
from langchain_rerank_kit.hybrid import ContextualRetriever, HybridRetriever
from langchain_rerank_kit.wrapping import as_compressor
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_text, check_whole
from rerank_kit.contextual import ContextSource, HeadingContext
from rerank_kit.contextual.hybrid_index import check_weights
from rerank_kit.contextual.sources import check_contexts
from rerank_kit.fields.given import Given
from rerank_kit.first_stage.widening import check_recall


class ContextualOptions(TypedDict, total=False):
    """What a contextual retriever is made with.

    Attributes:
        contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs no
            model.
        splitter: A LangChain text splitter; by default one that cuts 1,200 characters at most, without overlap.
        recall: How many chunks each index brings, and how many are reranked; 150 by default.
        top_n: How many chunks come out; 20 by default.
        weights: What the ranks of the vector store count, and those of BM25; `(0.8, 0.2)` by default.
        source_key: The key of metadata by which documents without an `id` are known; `"source"` by default.
    """

    contexts: ContextSource | None
    splitter: Splitter | None
    recall: int
    top_n: int
    weights: tuple[float, float]
    source_key: str


@overload
def contextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
def contextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
def contextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """Contextual Retrieval: chunks with contexts, embedded and in BM25, both fused, and the best reranked.

    Args:
        documents: Whole documents. Each needs an `id`, or says in its metadata where it is from, to be changed or
            removed later.
        vector_store: Where the chunks are embedded, of this retriever alone. It is yours to keep.
        reranker: What `with_rerank` takes, but for compressors of other makes. It reads the chunks as they were cut,
            without contexts. `None` reranks nothing.
        **options: See `ContextualOptions`.

    Returns:
        A `ContextualRetriever`, which is a `RerankRetriever`; without a reranker a `HybridRetriever`. Both have `add`,
        `remove` and `save`.

    Raises:
        ConfigurationError: An argument is wrong.
        IncompleteContexts: Some chunks got no context.
    """
    made = _made(vector_store, reranker, **options)
    made.add(documents)
    return made


@overload
async def acontextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
async def acontextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
async def acontextual_retriever(
    documents: Sequence[Document],
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """Do what `contextual_retriever` does, without blocking the event loop."""
    made = _made(vector_store, reranker, **options)
    await made.aadd(documents)
    return made


@overload
def load_contextual_retriever(
    folder: str | Path,
    vector_store: VectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
def load_contextual_retriever(
    folder: str | Path,
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
def load_contextual_retriever(
    folder: str | Path,
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """A retriever whose `save` has kept it in a folder. Nothing is embedded for that.

    Args:
        folder: The folder.
        vector_store: The one with the chunks' vectors, as it was when the retriever was saved.
        reranker: As in `contextual_retriever`.
        **options: See `ContextualOptions`. Where `contexts=` writes others than the one before, documents that are
            added again get new contexts.

    Raises:
        ConfigurationError: An argument is wrong, or nothing that can be read is in the folder.
    """
    check_instance("folder", folder, (str, Path), "the path of a folder")
    return _made(vector_store, reranker, folder, **options)


def _made(
    vector_store: VectorStore,
    reranker: Given | BaseDocumentCompressor | None,
    folder: str | Path | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: Splitter | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
    source_key: str = "source",
) -> HybridRetriever | ContextualRetriever:
    """The retriever with nothing indexed, or with what is kept in a folder."""
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
    if folder is not None:
        hybrid.loading(folder)
    if reranker is None:
        return hybrid
    compressor = as_compressor(reranker, None, None)
    if not isinstance(compressor, RerankCompressor):
        as_compressor(reranker, None, [ORIGINAL])  # which says what is wrong with it
    elif compressor.text is None:
        compressor = compressor.model_copy(update={"text": [ORIGINAL]})
    return ContextualRetriever(base_retriever=hybrid, base_compressor=compressor, recall=recall, top_n=top_n)

"""`contextual_retriever`: Contextual Retrieval as one retriever, with a vector store, BM25 and a reranker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack, overload

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from llama_rerank_kit.hybrid import ContextualRetriever, HybridRetriever
from llama_rerank_kit.postprocessor import RerankPostprocessor
from llama_rerank_kit.widening import widen
from llama_rerank_kit.wrapping import as_postprocessor
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance, check_whole
from rerank_kit.contextual import ContextSource
from rerank_kit.fields.given import Given
from rerank_kit.first_stage.widening import check_recall
from rerank_kit.quoting import class_name


class ContextualOptions(TypedDict, total=False):
    """What a contextual retriever is made with.

    Attributes:
        contexts: What writes the contexts: `Contextualizer(model)`, or by default `HeadingContext()`, which needs no
            model.
        splitter: A node parser; by default a `SentenceSplitter` of 300 tokens, without overlap.
        embed_model: What embeds; by default that of `Settings`.
        recall: How many nodes each index brings, and how many are reranked; 150 by default.
        top_n: How many nodes come out; 20 by default.
        weights: What the ranks of the vector store count, and those of BM25; `(0.8, 0.2)` by default.
    """

    contexts: ContextSource | None
    splitter: NodeParser | None
    embed_model: BaseEmbedding | None
    recall: int
    top_n: int
    weights: tuple[float, float]


@overload
def contextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
def contextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
def contextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """Contextual Retrieval: nodes with contexts, embedded and in BM25, both fused, and the best reranked.

    Args:
        documents: Whole documents, by whose ids they can be changed or removed later.
        vector_store: Where the nodes' embeddings are kept, of this retriever alone. It is yours to keep.
        reranker: A `rerank_kit.Reranker`, a postprocessor of ours, a function from a query and texts to numbers, or the
            name or folder of a cross-encoder. It reads the nodes' texts alone, unless a postprocessor was given a
            `metadata_mode`. `None` reranks nothing.
        **options: See `ContextualOptions`.

    Returns:
        A `ContextualRetriever`, which is a `RerankRetriever`; without a reranker a `HybridRetriever`. Both have `add`,
        `remove` and `save`.

    Raises:
        ConfigurationError: An argument is wrong.
        IncompleteContexts: Some nodes got no context.
    """
    made = _made(vector_store, reranker, **options)
    made.add(documents)
    return made


@overload
async def acontextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
async def acontextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
async def acontextual_retriever(
    documents: Sequence[BaseNode],
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """Do what `contextual_retriever` does, without blocking the event loop."""
    made = _made(vector_store, reranker, **options)
    await made.aadd(documents)
    return made


@overload
def load_contextual_retriever(
    folder: str | Path,
    vector_store: BasePydanticVectorStore,
    reranker: None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever: ...


@overload
def load_contextual_retriever(
    folder: str | Path,
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor,
    **options: Unpack[ContextualOptions],
) -> ContextualRetriever: ...


@named
def load_contextual_retriever(
    folder: str | Path,
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None = None,
    **options: Unpack[ContextualOptions],
) -> HybridRetriever | ContextualRetriever:
    """A retriever whose `save` has kept it in a folder. Nothing is embedded for that.

    Args:
        folder: The folder.
        vector_store: The one with the nodes' vectors, as it was when the retriever was saved.
        reranker: As in `contextual_retriever`.
        **options: See `ContextualOptions`. Where `contexts=` writes others than the one before, documents that are
            added again get new contexts.

    Raises:
        ConfigurationError: An argument is wrong, or nothing that can be read is in the folder.
    """
    check_instance("folder", folder, (str, Path), "the path of a folder")
    return _made(vector_store, reranker, folder, **options)


def _made(
    vector_store: BasePydanticVectorStore,
    reranker: Given | RerankPostprocessor | None,
    folder: str | Path | None = None,
    *,
    contexts: ContextSource | None = None,
    splitter: NodeParser | None = None,
    embed_model: BaseEmbedding | None = None,
    recall: int = 150,
    top_n: int = 20,
    weights: tuple[float, float] = (0.8, 0.2),
) -> HybridRetriever | ContextualRetriever:
    """The retriever with nothing indexed, or with what is kept in a folder."""
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
    if folder is not None:
        hybrid.loading(folder)
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

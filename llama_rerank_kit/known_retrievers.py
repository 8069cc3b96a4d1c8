"""What is known of LlamaIndex's retrievers: which of their settings count nodes, and what to know about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COUNTS = frozenset(
    {
        *("similarity_top_k", "image_similarity_top_k", "sparse_top_k", "hybrid_top_k", "max_top_k"),
        *("empty_query_top_k", "choice_top_k", "dense_similarity_top_k", "sparse_similarity_top_k", "rerank_top_n"),
        *("num_chunks_per_query", "top_k", "top_n", "k", "limit", "recall", "mmr_prefetch_k"),
        *("n_results", "num_results", "max_results", "number_of_results", "numberOfResults"),
    }
)
"""The names, underscores in front left out, under which LlamaIndex's retrievers keep how many nodes they return."""

SETTINGS = frozenset(
    {"kwargs", "retriever_kwargs", "vector_store_kwargs", "retrieval_config", "vectorSearchConfiguration"}
)
"""The names of settings inside which such a count may stand."""

ALL = frozenset({"SummaryIndexRetriever", "TreeAllLeafRetriever", "TreeRootRetriever", "EmptyIndexRetriever"})
"""Retrievers that bring every node there is."""

CLOSED = frozenset({"NLSQLRetriever"})
"""Retrievers whose inner ones find something else than nodes to return."""

NOTES: Mapping[str, str] = {
    "AutoMergingRetriever": "what it finds may be merged into fewer, longer nodes: raise recall for more",
    "DocumentSummaryIndexEmbeddingRetriever": "it counts documents, and brings all nodes of each",
    "DocumentSummaryIndexLLMRetriever": "it counts documents, and brings all nodes of each",
    "KGTableRetriever": "it brings no more texts than the relations it finds lead to",
    "RecursiveRetriever": "each retriever it enters brings that many of its own",
    "VectorIndexAutoRetriever": "a top_k that the model reads out of the question is a further limit",
}
"""What to know about a class of retrievers, subclasses included."""

PASSED_ON: Mapping[str, str | None] = {
    "VectorIndexRetriever": None,
    "VectorIndexAutoRetriever": "vector_store_kwargs",
}
"""Retrievers that pass on what is in their `_kwargs`, or under that name among those, to one vector store."""


def nodes_in(retriever: object) -> int | None:
    """The size of a BM25 index, above which searching it is an error; `None` of another retriever."""
    index: Any = getattr(retriever, "bm25", None)
    return int(index.scores["num_docs"]) if hasattr(index, "scores") else None

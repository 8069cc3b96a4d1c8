"""What is known of LangChain's retrievers: which of their settings count documents, and what to know about them."""

from __future__ import annotations

from collections.abc import Mapping

COUNTS = frozenset(
    {
        *("k", "top_k", "top_n", "recall", "limit", "n_results", "num_results", "max_results", "max_documents"),
        *("top_k_results", "number_of_results", "numberOfResults", "similarity_top_k"),
        *("select_k", "hits"),
    }
)
"""The names under which LangChain's retrievers, and the vendors', keep how many documents they return."""

LISTS = frozenset({"field_limits"})
"""The names under which such a count stands once for every field that is searched."""

WITHOUT_LIMIT = frozenset({"limit", "max_results", "max_documents"})
"""Those among them whose `None`, as the default of a function's argument, is no limit."""

SETTINGS = frozenset(
    {"search_kwargs", "retrieval_config", "vectorSearchConfiguration", "config", "search", "strategy", "body"}
)
"""The names of settings inside which such a count may stand."""

SEARCH_COUNT: Mapping[str, str | None] = {
    "AzureSearchVectorStoreRetriever": None,
    "MongoDBAtlasParentDocumentRetriever": "top_k",
}
"""The count in the `search_kwargs` of retrievers where it is not `k`; `None` where it stands elsewhere."""

CHILDREN = frozenset({"retriever", "base_retriever", "retrievers"})
"""The names under which wrappers keep what they wrap."""

NOTES: Mapping[str, str] = {
    "MultiVectorRetriever": "its k counts child chunks, and several may share a parent: raise recall for more",
    "SelfQueryRetriever": "a limit that the model reads out of the question overrides k",
    "TimeWeightedVectorStoreRetriever": "it marks every candidate as just accessed, not only the reranked ones",
}
"""What to know about a class of retrievers, subclasses included."""

"""More vector stores that are named, signed and cut short as those in their packages are, and retrievers of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStoreRetriever
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from tests.langchain.vector_stores import NOTES, SIZE, Filter, Notes, Refused, passing


@dataclass
class HybridSearchConfig:
    """langchain-postgres 0.0.19."""

    fts_query: str = ""
    fusion_function_parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    primary_top_k: int = 4
    secondary_top_k: int = 4


@dataclass
class HNSWQueryOptions:
    """langchain-postgres 0.0.19."""

    ef_search: int = 40


@dataclass
class IVFFlatQueryOptions:
    """langchain-postgres 0.0.19."""

    probes: int = 1


class AsyncPGVectorStore(Notes):
    """langchain-postgres 0.0.19: two searches are fused, each of which brings what the config says."""

    def __init__(self, hybrid: HybridSearchConfig | None = None, options: Any = None) -> None:
        self.hybrid_search_config = hybrid
        self.index_query_options = options

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any) -> list[Document]:
        config = kwargs.get("hybrid_search_config", self.hybrid_search_config)
        found = passing(NOTES, filter)
        if config is None:
            return found[:k]
        config.fusion_function_parameters["fetch_top_k"] = k
        by_words = found[500 : 500 + config.secondary_top_k]
        return [*found[: config.primary_top_k], *by_words][:k]

    @override
    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        return self.similarity_search(query, fetch_k, **kwargs)[:k]


class PGVectorStore(Notes):
    """langchain-postgres 0.0.19: it keeps the one above to itself."""

    def __init__(self, hybrid: HybridSearchConfig | None = None, options: Any = None) -> None:
        self.__vs = AsyncPGVectorStore(hybrid, options)

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any) -> list[Document]:
        return self.__vs.similarity_search(query, k, filter, **kwargs)

    @override
    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        return self.__vs.max_marginal_relevance_search(query, k, fetch_k, lambda_mult, **kwargs)


class AlloyDBVectorStore(PGVectorStore):
    """langchain-google-alloydb-pg 0.15.0."""


class AzureCosmosDBVectorSearch(Notes):
    """langchain-community 0.4.2: `ef_search` and `l_search` count for the kind of index that has one."""

    @override
    def similarity_search(
        self,
        query: str,
        k: int = 4,
        kind: str = "vector-ivf",
        pre_filter: Filter | None = None,
        ef_search: int = 40,
        score_threshold: float = 0.0,
        l_search: int = 40,
        with_embedding: bool = False,
        **kwargs: Any,
    ) -> list[Document]:
        looked_at = {"vector-hnsw": ef_search, "vector-diskann": l_search}.get(kind, SIZE)
        return passing(NOTES, pre_filter)[:looked_at][:k]

    @override
    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        return self.similarity_search(query, fetch_k, **kwargs)[:k]


class AzureDocumentDBVectorSearch(AzureCosmosDBVectorSearch):
    """langchain-azure-cosmosdb 1.0.1."""


class DocumentDBVectorSearch(Notes):
    """langchain-community 0.4.2."""

    @override
    def similarity_search(
        self, query: str, k: int = 4, ef_search: int = 40, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        return passing(NOTES, filter)[:ef_search][:k]


class AsyncCockroachDBVectorStore(Notes):
    """langchain-cockroachdb 0.5.0, with a hybrid_search_config."""

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any) -> list[Document]:
        pool = kwargs.get("fetch_k", max(4 * k, 20))
        return passing(NOTES, filter)[:pool][:k]


class CockroachDBVectorStore(AsyncCockroachDBVectorStore):
    """langchain-cockroachdb 0.5.0."""


class AzureSearch(Notes):
    """langchain-community 0.4.2 and langchain-azure-ai 1.2.12."""

    def hybrid_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return passing(NOTES, kwargs.get("filters"))[:k]

    def semantic_hybrid_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        if k > 50:
            raise Refused("no reranker score")  # of a document behind the fiftieth, which the store reads as a number
        return self.hybrid_search(query, k, **kwargs)


class AzureSearchVectorStoreRetriever(BaseRetriever):
    """langchain-community 0.4.2 and langchain-azure-ai 1.2.12: it counts by a field, and a second k is one too many."""

    vectorstore: AzureSearch
    search_type: str = "hybrid"
    k: int = 4
    search_kwargs: dict[str, Any] = Field(default_factory=dict[str, Any])

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        search = getattr(self.vectorstore, f"{self.search_type}_search")
        return cast("list[Document]", search(query, k=self.k, **self.search_kwargs, **kwargs))


class OpenSearchVectorSearch(Notes):
    """langchain-community 0.4.2."""

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        first = passing(NOTES, kwargs.get("efficient_filter"))[:k]
        return passing(first, kwargs.get("boolean_filter") or kwargs.get("filter"))


class AstraDBVectorStore(Notes):
    """langchain-astradb 1.0.0."""

    def __init__(self, *, hybrid_search: bool = False, hybrid_limit_factor: float | None = None) -> None:
        self.hybrid_search = hybrid_search
        self.hybrid_limit_factor = hybrid_limit_factor


class MongoDBAtlasVectorSearch(Notes):
    """langchain-mongodb 0.12.1."""

    @override
    def similarity_search(
        self, query: str, k: int = 4, pre_filter: Filter | None = None, post_filter_pipeline: Any = None, **kwargs: Any
    ) -> list[Document]:
        return passing(passing(NOTES, pre_filter)[:k], post_filter_pipeline)


class MongoDBAtlasParentDocumentRetriever(BaseRetriever):
    """langchain-mongodb 0.12.1: its search_kwargs are those of a stage that knows top_k and drops k."""

    vectorstore: MongoDBAtlasVectorSearch
    search_kwargs: dict[str, Any] = Field(default_factory=dict[str, Any])

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @override
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return NOTES[: self.search_kwargs.get("top_k", 4)]


class Neo4jVector(Notes):
    """langchain-neo4j 0.11.0."""

    def __init__(self, retrieval_query: str = "") -> None:
        self.retrieval_query = retrieval_query


class PGVector(Notes):
    """langchain-postgres 0.0.19 and langchain-community 0.4.2."""


class SupabaseVectorStore(Notes):
    """langchain-community 0.4.2."""


class WeaviateVectorStore(Notes):
    """langchain-weaviate 0.0.8: all arguments go to the client's hybrid search."""

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return NOTES[:k][: 20 if kwargs.get("auto_limit") else k]


class VespaStore(Notes):
    """langchain-community 0.4.2: k is both the hits and the targetHits of the query that it writes."""

    @override
    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        hits = kwargs["custom_query"]["hits"] if "custom_query" in kwargs else k
        return passing(NOTES, kwargs.get("filter"))[:hits]


class QdrantVectorStore(Notes):
    """langchain-qdrant 1.1.0: the two searches that it fuses have the limit k, and the filter."""

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any) -> list[Document]:
        return passing(NOTES, filter)[:k][: 20 if kwargs.get("score_threshold") else k]


class RedisVectorStore(Notes):
    """langchain-redis 0.2.6."""

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Filter | None = None, **kwargs: Any) -> list[Document]:
        return passing(NOTES, filter)[:k][: 20 if kwargs.get("distance_threshold") else k]


class Redis(RedisVectorStore):
    """langchain-community 0.4.2."""


class Vectara(Notes):
    """langchain-vectara 0.2.0."""


class VectaraSearch(BaseModel):
    """langchain-vectara 0.2.0."""

    limit: int = 10


class VectaraConfigByModel(BaseModel):
    """langchain-vectara 0.2.0."""

    search: VectaraSearch = Field(default_factory=VectaraSearch)


class VectaraRetriever(VectorStoreRetriever):
    """langchain-vectara 0.2.0: blocking, it goes by its config; awaited, by its search_kwargs."""

    config: Any

    @override
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        by_model = isinstance(self.config, VectaraConfigByModel)
        return NOTES[: self.config.search.limit if by_model else self.config.k]

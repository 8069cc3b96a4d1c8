"""What is known of vector stores: the numbers that they fetch before they filter, fuse or pick, by class name.

A store that is not here is read in `unknown_stores.py`: it gets `k`, `fetch_k` for MMR, and what its own search calls
`fetch_k` or `num_candidates`. That is all it takes where a store counts by `k` and filters before it searches, as
Chroma and Pinecone do. Nothing is imported; subclasses have the row of their parent.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_rerank_kit.copy_with import parts
from langchain_rerank_kit.nested_settings import Search, filter_first, hybrid_search_config, index_parameters
from langchain_rerank_kit.raising import Limit, Raising


def _always(_: Search) -> bool:
    return True


def _no_limit(_: Search) -> Limit | None:
    return None


@dataclass(frozen=True, slots=True)
class Pool:
    """A number in `search_kwargs` that a store fetches before it filters, fuses or picks.

    Attributes:
        name: The argument.
        default: What the store takes without it.
        times: How many candidates to fetch for each one that is to come.
        filtered: The same where `search_kwargs` hold a filter.
        enough: More than this is never asked for on behalf of `times`.
        limit: What the server refuses to exceed.
        when: Whether this search takes it.
    """

    name: str
    default: int
    times: int = 2
    filtered: int = 2
    enough: int = 10_000
    limit: Limit | None = None
    when: Callable[[Search], bool] = _always


Setting: TypeAlias = Callable[[Raising, Search, int], dict[str, Any]]
"""Adds to `search_kwargs`, given how many candidates are to be fetched."""


@dataclass(frozen=True, slots=True)
class Store:
    """What is known of one store.

    Attributes:
        pools: What it fetches before it filters or fuses.
        mmr: What it fetches for MMR.
        settings: Numbers that stand deeper.
        limit: What `k` can be at most in a search.
        cuts: Arguments that keep documents back after `k` were counted, and what to do about it.
        note: What cannot be raised from here, and what to set.
        note_of_filters: Whether the note is about how many documents a filter sees.
        noted: Whether the note is worth a word for this search.
        few: What to set where too few candidates come, with the pools' numbers filled in.
    """

    pools: tuple[Pool, ...] = ()
    mmr: Pool = Pool("fetch_k", default=20)
    settings: tuple[Setting, ...] = ()
    limit: Callable[[Search], Limit | None] = _no_limit
    cuts: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""
    note_of_filters: bool = False
    noted: Callable[[Search], bool] = _always
    few: str = ""


def known_store(store: Any) -> Store | None:
    """The row of a store, if there is one."""
    names = (cls.__name__ for cls in type(store).__mro__)
    return next((STORES[name] for name in names if name in STORES), None)


def parameters_of(store: Any) -> Mapping[str, inspect.Parameter]:
    """What a store's search takes; nothing where there is none, as in a client that somebody calls a vector store."""
    search = getattr(store, "similarity_search", None)
    return inspect.signature(search).parameters if callable(search) else {}


def _searches_several_fields(search: Search) -> bool:
    return bool(getattr(search.store, "_is_multi_vector", False)) and search.kind != "mmr"


def _uses_index(kind: str) -> Callable[[Search], bool]:
    return lambda search: getattr(search.given.get("kind"), "value", search.given.get("kind")) == kind


def _takes_candidates(search: Search) -> bool:
    """For documents with scores, only the store in langchain-community does."""
    return search.kind == "similarity" or (search.kind != "mmr" and not hasattr(search.store, "_store"))


def _elasticsearch_limit(search: Search) -> Limit | None:
    """Where the number of candidates cannot be set: the server refuses a `k` above it."""
    strategy: Any = getattr(getattr(search.store, "_store", search.store), "retrieval_strategy", None)
    strategy = strategy or getattr(search.store, "strategy", None)
    options = parts(strategy.rrf) if getattr(strategy, "hybrid", False) else {}
    window = options.get("rank_window_size", options.get("window_size"))
    if window is not None:
        return Limit(window, "Elasticsearch refuses more than the rank_window_size in the store's rrf; raise it there")
    approximate = type(strategy).__name__.endswith(("NoneType", "DenseVectorStrategy", "ApproxRetrievalStrategy"))
    if approximate and not _takes_candidates(search):
        return Limit(50, f"ElasticsearchStore takes no num_candidates for {search.kind}, and 50 is its default")
    return Limit(10_000, "Elasticsearch looks at no more candidates") if approximate else None


def _capped_by_postgres(search: Search) -> bool:
    options = getattr(getattr(search.store, "_PGVectorStore__vs", search.store), "index_query_options", None)
    return options is None or getattr(options, "ef_search", search.recall) < search.recall


def _azure_limit(search: Search) -> Limit | None:
    return Limit(50, "the semantic ranker scores no more") if search.kind.startswith("semantic_hybrid") else None


_GROWS_WITH_K = 1_000_000_000  # what the store takes by itself is enough; what a user sets may not be
_BEYOND = "documents beyond it are left out before reranking"
_FILTERING_AFTERWARDS = Store(
    pools=(Pool("fetch_k", default=20, times=40, filtered=40, enough=2_048, when=lambda search: search.kind != "mmr"),),
    mmr=Pool("fetch_k", default=20, filtered=10, enough=1_024),  # twice of which it fetches
    cuts={"score_threshold": _BEYOND},
    few="a filter sees only the {fetch_k} nearest documents; set search_kwargs['fetch_k'] higher",
)
_ELASTICSEARCH = Store(
    pools=(Pool("fetch_k", default=50, when=_takes_candidates),),
    limit=_elasticsearch_limit,
)
_POSTGRES = (
    "an HNSW index brings hnsw.ef_search rows at most, 40 unless the database says otherwise, and a filter is applied "
    "to these"
)
_PGVECTOR_STORE = Store(
    settings=(hybrid_search_config,),
    note=f"{_POSTGRES}; create the store with index_query_options=HNSWQueryOptions(ef_search=200)",
    note_of_filters=True,
    noted=_capped_by_postgres,
)
_PGVECTOR = Store(
    note=f"{_POSTGRES}; set hnsw.ef_search and hnsw.iterative_scan on the connection or the database",
    note_of_filters=True,
)
_COSMOS = Store(
    pools=(
        Pool("ef_search", default=40, limit=Limit(1_000), when=_uses_index("vector-hnsw")),
        Pool("l_search", default=40, limit=Limit(10_000), when=_uses_index("vector-diskann")),
    ),
    cuts={"score_threshold": _BEYOND},
)
_SCORED = Store(cuts={"score_threshold": _BEYOND})
_NEAR = Store(cuts={"distance_threshold": _BEYOND})

STORES: Mapping[str, Store] = {
    "FAISS": _FILTERING_AFTERWARDS,
    "ScaNN": _FILTERING_AFTERWARDS,
    "ElasticsearchStore": _ELASTICSEARCH,
    "AsyncElasticsearchStore": _ELASTICSEARCH,
    "Milvus": Store(
        pools=(Pool("fetch_k", default=4, limit=Limit(16_384), when=_searches_several_fields),),
        settings=(index_parameters,),
    ),
    "PGVectorStore": _PGVECTOR_STORE,
    "AsyncPGVectorStore": _PGVECTOR_STORE,
    "PGVector": _PGVECTOR,
    "SupabaseVectorStore": _PGVECTOR,
    "LanceDB": Store(mmr=Pool("fetch_k", default=20, filtered=20), settings=(filter_first,)),
    "AzureCosmosDBVectorSearch": _COSMOS,
    "AzureDocumentDBVectorSearch": _COSMOS,
    "DocumentDBVectorSearch": Store(
        pools=(Pool("ef_search", default=40, limit=Limit(1_000)),),
        few="the index looks at {ef_search} vectors; set search_kwargs['ef_search'] higher",
    ),
    "AsyncCockroachDBVectorStore": Store(
        pools=(Pool("fetch_k", default=_GROWS_WITH_K, when=lambda search: search.kind != "mmr"),)
    ),
    "AzureSearch": Store(limit=_azure_limit),
    "OpenSearchVectorSearch": Store(
        cuts={
            "boolean_filter": "it is applied to the k nearest documents; use efficient_filter",
            "filter": "without the engine lucene or faiss it is applied to the k nearest documents",
            "post_filter": "it is applied to the documents found",
            "score_threshold": _BEYOND,
        }
    ),
    "AstraDBVectorStore": Store(
        note="how many documents each of the two searches brings is left to Astra; create the store with "
        "hybrid_limit_factor=1.0 or more",
        noted=lambda search: (
            bool(getattr(search.store, "hybrid_search", False)) and search.store.hybrid_limit_factor is None
        ),
    ),
    "MongoDBAtlasVectorSearch": Store(
        cuts={"post_filter_pipeline": "it is applied to the k nearest documents; use pre_filter"}
    ),
    "Neo4jVector": Store(
        note="the store's own retrieval_query may drop or join what the index brings",
        noted=lambda search: bool(getattr(search.store, "retrieval_query", "")),
    ),
    "WeaviateVectorStore": Store(
        cuts={
            "auto_limit": "it stops where scores fall; leave it out",
            "max_vector_distance": _BEYOND,
        }
    ),
    "VespaStore": Store(cuts={"custom_query": "it is sent as it is, whatever k is; set hits and targetHits in it"}),
    "QdrantVectorStore": _SCORED,
    "RedisVectorStore": _NEAR,
    "Redis": _NEAR,
}
"""The rows."""

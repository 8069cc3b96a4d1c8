"""Doubles of vector stores: the names, signatures, limits and refusals of the real ones, over the same notes.

Each says how many nodes the real one would bring, and remembers what it was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.vector_stores import SimpleVectorStore, VectorStoreQuery, VectorStoreQueryResult
from llama_index.core.vector_stores.types import VectorStoreQueryMode as Mode
from pydantic import PrivateAttr
from typing_extensions import override

from tests.llama.stores import Words, notes


class Asked(SimpleVectorStore):
    """Brings as many as the query asks for, and takes any argument beside it."""

    _asked: list[tuple[VectorStoreQuery, dict[str, Any]]] = PrivateAttr(
        default_factory=list[tuple[VectorStoreQuery, dict[str, Any]]]
    )

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        for name, value in fields.items():
            setattr(self, name, value)

    @property
    def asked(self) -> list[tuple[VectorStoreQuery, dict[str, Any]]]:
        """Every query that arrived, and the arguments beside it."""
        return self._asked

    @override
    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        self._asked.append((query, kwargs))
        dense = replace(query, mode=Mode.DEFAULT, similarity_top_k=self.brought(query, **kwargs))
        return super().query(dense)

    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        return query.similarity_top_k


def prefetched(query: VectorStoreQuery, kwargs: dict[str, Any]) -> int:
    """What the real ones look for in MMR."""
    if kwargs.get("mmr_prefetch_k") is not None:
        return int(kwargs["mmr_prefetch_k"])
    return int(query.similarity_top_k * kwargs.get("mmr_prefetch_factor", 4.0))


class ChromaVectorStore(Asked):
    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        if query.mode is Mode.MMR:
            found = max(prefetched(query, kwargs), query.similarity_top_k)
            return min(found, query.similarity_top_k)
        return _chroma(n_results=query.similarity_top_k, **kwargs)


def _chroma(n_results: int, include: list[str] | None = None, where_document: Any = None) -> int:
    """The collection: what it is not asked with is an error."""
    return n_results


class AstraDBVectorStore(ChromaVectorStore):
    pass


class QdrantVectorStore(Asked):
    enable_hybrid: bool = True

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        if query.mode is not Mode.HYBRID:
            return query.similarity_top_k
        most = query.similarity_top_k + (query.sparse_top_k or query.similarity_top_k)
        return min(most, query.hybrid_top_k or query.similarity_top_k)


class MongoDBAtlasVectorSearch(QdrantVectorStore):
    _oversampling_factor: int = PrivateAttr()

    def __init__(self, oversampling_factor: int = 10) -> None:
        super().__init__()
        self._oversampling_factor = oversampling_factor

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        if query.similarity_top_k * self._oversampling_factor > 10_000:
            raise ValueError("numCandidates must be within the range [1, 10000]")
        return super().brought(query, **kwargs)


class AzureAISearchVectorStore(Asked):
    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        near = 50 if query.mode is Mode.SEMANTIC_HYBRID else query.hybrid_top_k or query.similarity_top_k
        return min(near, query.similarity_top_k)


class PGVectorStore(Asked):
    hnsw_kwargs: dict[str, Any] | None = None

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        limit = max(prefetched(query, kwargs), query.similarity_top_k) if query.mode is Mode.MMR else 10_000
        if self.hnsw_kwargs:
            width = kwargs.get("hnsw_ef_search") or self.hnsw_kwargs["hnsw_ef_search"]
            if width > 1000:
                raise ValueError("outside the valid range for parameter hnsw.ef_search (1 .. 1000)")
            limit = min(limit, width)
        return min(limit, query.similarity_top_k)


class MilvusVectorStore(Asked):
    search_config: dict[str, Any] | None = None

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        config = kwargs.get("milvus_search_config", self.search_config)
        if query.mode is Mode.HYBRID:
            config = self.search_config
        looked = prefetched(query, kwargs) if query.mode is Mode.MMR else query.similarity_top_k
        flat = {**(config or {}), **(config or {}).get("params", {})}
        for name in ("ef", "search_list", "reorder_k"):
            if flat.get(name, looked) < looked:
                msg = f"{name}({flat[name]}) should be larger than k({looked})"
                raise ValueError(msg)
        return min(looked, query.similarity_top_k)


class VespaVectorStore(Asked):
    @override
    def query(
        self,
        query: VectorStoreQuery,
        sources: list[str] | None = None,
        rank_profile: str | None = None,
        vector_top_k: int = 10,
        **kwargs: Any,
    ) -> VectorStoreQueryResult:
        return super().query(query, vector_top_k=vector_top_k, **kwargs)

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        if query.similarity_top_k > 400:
            raise ValueError("hits requested, configured limit: 400.")
        if query.mode in (Mode.HYBRID, Mode.SEMANTIC_HYBRID):
            return min(int(kwargs["vector_top_k"]), query.similarity_top_k)
        return query.similarity_top_k


class ElasticsearchStore(Asked):
    retrieval_strategy: Any = SimpleNamespace(hybrid=False, rrf=True)
    _bodies: list[dict[str, Any]] = PrivateAttr(default_factory=list[dict[str, Any]])

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was sent."""
        return self._bodies

    @override
    def query(
        self,
        query: VectorStoreQuery,
        custom_query: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None,
        es_filter: list[dict[str, Any]] | None = None,
        metadata_keyword_suffix: str = ".keyword",
        **kwargs: Any,
    ) -> VectorStoreQueryResult:
        return super().query(query, custom_query=custom_query, **kwargs)

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        size = query.similarity_top_k
        body = self._body({"k": size, "num_candidates": size * 10})
        if kwargs["custom_query"] is not None:
            body = kwargs["custom_query"](body, query.query_str)
        self._bodies.append(body)
        if size * 10 > 10_000:
            raise ValueError("[num_candidates] cannot exceed [10000]")
        window = body["retriever"]["rrf"].get("rank_window_size", 10) if "retriever" in body else size
        if window < size:
            msg = f"[rrf] requires [rank_window_size: {window}] be greater than or equal to [size: {size}]"
            raise ValueError(msg)
        return size

    def _body(self, knn: dict[str, Any]) -> dict[str, Any]:
        if not self.retrieval_strategy.hybrid or self.retrieval_strategy.rrf is False:
            return {"knn": knn}
        given: Any = self.retrieval_strategy.rrf
        options: dict[str, Any] = {} if given is True else dict(given)
        if "window_size" in options:
            options["rank_window_size"] = options.pop("window_size")
        return {"retriever": {"rrf": {"retrievers": [{"standard": {}}, {"knn": knn}], **options}}}


class FaissVectorStore(Asked):
    _faiss_index: Any = PrivateAttr()

    def __init__(self, faiss_index: object) -> None:
        super().__init__()
        self._faiss_index = faiss_index

    @property
    @override
    def client(self) -> Any:
        return self._faiss_index

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        share = getattr(self._faiss_index, "nprobe", 1) / getattr(self._faiss_index, "nlist", 1)
        return min(query.similarity_top_k, int(self._faiss_index.ntotal * share))


class Neo4jVectorStore(Asked):
    retrieval_query: str = ""


class WeaviateVectorStore(Asked):
    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        parameters = {"limit": query.similarity_top_k, **kwargs}
        return min(query.similarity_top_k, int(parameters["limit"]))


class PineconeVectorStore(Asked):
    pass


class OpensearchVectorStore(Asked):
    pass


class RedisVectorStore(Asked):
    pass


class LanceDBVectorStore(Asked):
    overfetch_factor: int = 1

    @override
    def brought(self, query: VectorStoreQuery, **kwargs: Any) -> int:
        return query.similarity_top_k * self.overfetch_factor


def indexed(store: SimpleVectorStore) -> VectorStoreIndex:
    """The notes in that store."""
    return VectorStoreIndex(
        notes(), storage_context=StorageContext.from_defaults(vector_store=store), embed_model=Words()
    )

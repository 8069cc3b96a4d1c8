"""What is known of vector stores with numbers of their own, by which they bring fewer nodes than they are asked for.

What a store takes at query time, among its retriever's `vector_store_kwargs`, is raised there; of all else there is a
note. A store is known by the name of its class, so that none of their packages is needed. One that has no rule brings
`similarity_top_k`, and in hybrid search `sparse_top_k` and `hybrid_top_k`, or as many where those are `None`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from llama_index.core.vector_stores.types import VectorStoreQueryMode as Mode

from llama_rerank_kit.copy_with import as_dict
from llama_rerank_kit.store_search import Search
from rerank_kit.first_stage.widening import Change

Rule: TypeAlias = Callable[[Search], None]


# ── What is raised ──


def _postgres(search: Search) -> None:
    """An HNSW index brings no more than `ef_search` rows: 40, unless something else is set, and 1000 at most."""
    if not search.by_vector:
        return
    own = as_dict(search.own("hnsw_kwargs") or {})
    if own:
        given = search.settings.get("hnsw_ef_search") or own.get("hnsw_ef_search")
        search.at_least(min(search.fetched, _EF_SEARCH), given, "hnsw_ef_search")
    elif search.count > _EF_SEARCH_UNSET:
        search.notes.append(
            f"it sets no hnsw.ef_search without hnsw_kwargs, so an HNSW index that was made elsewhere brings "
            f"{_EF_SEARCH_UNSET} rows at most, or what the database is set to: give the store hnsw_kwargs"
        )
    if search.count > _EF_SEARCH:
        search.notes.append(
            f"pgvector allows no hnsw_ef_search above {_EF_SEARCH}, so an HNSW index brings no more rows"
        )


_EF_SEARCH_UNSET, _EF_SEARCH = 40, 1000


def _milvus(search: Search) -> None:
    """Milvus refuses a search whose `ef` is smaller than the number of nodes it is to find."""
    own = as_dict(search.own("search_config") or {})
    if search.mode is Mode.HYBRID:
        small = [f"{'.'.join(path)} of {value}" for path, value in _widths(own) if value < search.count]
        if small:
            search.notes.append(
                f"hybrid search takes search_config from the store alone, and Milvus refuses {', '.join(small)} in a "
                f"search for {search.count}: build the store with more"
            )
        return
    factor: Any = search.settings.get("mmr_prefetch_factor")
    if search.mode is Mode.MMR and factor is not None and factor < 1:
        search.at_least(_MMR_CHOICE, factor, "mmr_prefetch_factor")
    config = as_dict(search.settings.get("milvus_search_config", own))
    for path, value in _widths(config) if search.by_vector else ():
        if value < search.fetched:
            search.settings = {"milvus_search_config": config, **search.settings}
            search.at_least(search.fetched, value, "milvus_search_config", *path)


_MMR_CHOICE = 2  # times as many nodes as it keeps, so that MMR has something to choose from


def _widths(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Those of an index's search settings that may not be smaller than the number of nodes, and where they stand."""
    for name, value in config.items():
        if name == "params" and isinstance(value, dict):
            yield from ((("params", *path), inner) for path, inner in _widths(as_dict(value)))
        if name in ("ef", "search_list", "reorder_k") and isinstance(value, int):
            yield (name,), value


def _vespa(search: Search) -> None:
    """In hybrid search only the nearest neighbours match, and the rest of the query ranks them."""
    if search.mode in (Mode.HYBRID, Mode.SEMANTIC_HYBRID):
        search.at_least(search.count, search.settings.get("vector_top_k"), "vector_top_k")
    if search.count > _HITS:
        search.notes.append(
            f"Vespa refuses to bring more than {_HITS} hits unless a query profile has a higher maxHits"
        )


_HITS = 400


@dataclass(frozen=True, slots=True)
class RankWindow:
    """A `custom_query` for Elasticsearch, which refuses to bring more hits than reciprocal rank fusion looks at.

    Attributes:
        least: The `rank_window_size` that it needs at least.
        custom: The user's own `custom_query`, which comes first.
    """

    least: int
    custom: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None

    def __call__(self, body: dict[str, Any], query: Any) -> dict[str, Any]:
        """The body of the search, with the window raised where ranks are fused."""
        body = body if self.custom is None else self.custom(body, query)
        fusion = body.get("retriever", {}).get("rrf")
        if fusion is not None:
            fusion["rank_window_size"] = max(self.least, fusion.get("rank_window_size", 0))
        return body


def _elasticsearch(search: Search) -> None:
    """Reciprocal rank fusion has a window of 10 unless told otherwise, and a search for more hits is refused."""
    given: Any = search.settings.get("custom_query")
    ours = given if isinstance(given, RankWindow) else RankWindow(_window(search.own("retrieval_strategy")), given)
    if ours.least < search.count:
        search.settings["custom_query"] = replace(ours, least=search.count)
        search.changes.append(Change(f"{search.where}['custom_query'].rank_window_size", ours.least, search.count))
    if ours.custom is not None:
        search.notes.append("custom_query may bring numbers of its own into the search, such as k or num_candidates")
    if search.by_vector and search.count * 10 > _CANDIDATES:
        search.notes.append(f"it asks for ten num_candidates for each node, and Elasticsearch allows {_CANDIDATES}")


def _window(strategy: Any) -> int:
    """How many hits can be asked for where ranks are fused; where they are not, as many as anybody could want."""
    rrf: Any = getattr(strategy, "rrf", False)
    if not getattr(strategy, "hybrid", False) or rrf is False:
        return sys.maxsize
    own = as_dict(rrf) if isinstance(rrf, dict) else {}
    return int(own.get("rank_window_size", own.get("window_size", 10)))


_CANDIDATES = 10_000


# ── What is noted ──


def _mongodb(search: Search) -> None:
    asked = search.count * search.own("_oversampling_factor", 10)
    if search.by_vector and asked > _CANDIDATES:
        search.notes.append(
            f"it asks for {asked} numCandidates, and MongoDB allows {_CANDIDATES}: build the store with an "
            f"oversampling_factor of {_CANDIDATES // search.count} or less"
        )


def _azure(search: Search) -> None:
    if search.mode is Mode.SEMANTIC_HYBRID and search.count > _SEMANTIC:
        search.notes.append(
            f"semantic_hybrid finds {_SEMANTIC} by their vectors, whatever is asked for, and Azure's ranker reads as "
            "many: the mode hybrid brings more, and they are reranked here"
        )


_SEMANTIC = 50


def _faiss(search: Search) -> None:
    index = search.own("client")
    looked, lists, size = (getattr(index, name, None) for name in ("nprobe", "nlist", "ntotal"))
    if isinstance(looked, int) and isinstance(lists, int) and isinstance(size, int):
        likely = size * looked // max(lists, 1)
        if likely < search.count * _UNEVEN < size:
            search.notes.append(
                f"its index looks into {looked} of {lists} lists, which hold about {likely} of {size} vectors: set a "
                "higher index.nprobe"
            )


_UNEVEN = 2  # times as many as are asked for have to be expected, since lists are of uneven length


def _neo4j(search: Search) -> None:
    if "limit" in (search.own("retrieval_query") or "").lower():
        search.notes.append("its retrieval_query has a LIMIT, which comes last")


def _weaviate(search: Search) -> None:
    if search.settings.get("auto_limit"):
        search.notes.append("auto_limit cuts where scores drop: leave it out, and give with_rerank a threshold")


RULES: Mapping[str, Rule] = {
    "PGVectorStore": _postgres,
    "MilvusVectorStore": _milvus,
    "VespaVectorStore": _vespa,
    "ElasticsearchStore": _elasticsearch,
    "MongoDBAtlasVectorSearch": _mongodb,
    "AzureAISearchVectorStore": _azure,
    "FaissVectorStore": _faiss,
    "Neo4jVectorStore": _neo4j,
    "WeaviateVectorStore": _weaviate,
}
"""The rules by the names of the stores' classes."""


def rule_of(store: object) -> Rule | None:
    """The rule for a store of one of those classes or of a subclass; `None` where there is nothing to know."""
    return next((RULES[kind.__name__] for kind in type(store).__mro__ if kind.__name__ in RULES), None)

"""Vector stores with numbers of their own: what they take rises with the retriever, and what they do not is said."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.indices.property_graph import VectorContextRetriever
from llama_index.core.vector_stores import SimpleVectorStore

from llama_rerank_kit import widen, widening_of, with_rerank
from llama_rerank_kit.known_stores import RULES, RankWindow
from rerank_kit import ConfigurationError
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.llama import vector_stores
from tests.llama.stores import RECALL, Words, answer, auto, brought, changes, property_graph, settings
from tests.llama.vector_stores import (
    AstraDBVectorStore,
    AzureAISearchVectorStore,
    ChromaVectorStore,
    ElasticsearchStore,
    FaissVectorStore,
    LanceDBVectorStore,
    MilvusVectorStore,
    MongoDBAtlasVectorSearch,
    Neo4jVectorStore,
    OpensearchVectorStore,
    PGVectorStore,
    PineconeVectorStore,
    QdrantVectorStore,
    RedisVectorStore,
    VespaVectorStore,
    WeaviateVectorStore,
    indexed,
)

HERE = "VectorIndexRetriever"
PAGE = Path(__file__).parents[2] / "docs" / "llamaindex.md"


def over(store: SimpleVectorStore, mode: str = "default", **options: Any) -> BaseRetriever:
    """A retriever of two over that store; what is in `kwargs` goes to the store."""
    return indexed(store).as_retriever(
        vector_store_query_mode=mode, vector_store_kwargs=options.pop("kwargs", {}), **options
    )


def fused(rrf: bool | Mapping[str, int], *, hybrid: bool = True) -> ElasticsearchStore:
    return ElasticsearchStore(retrieval_strategy=SimpleNamespace(hybrid=hybrid, rrf=rrf))


def postgres(ef_search: int = 40) -> PGVectorStore:
    return PGVectorStore(hnsw_kwargs={"hnsw_ef_search": ef_search})


def milvus(**config: Any) -> MilvusVectorStore:
    return MilvusVectorStore(search_config=config)


# ── What is raised ──

RAISED: dict[str, tuple[Callable[[], BaseRetriever], list[str]]] = {
    "pgvector, as the store is set": (lambda: over(postgres(20)), ["kwargs['hnsw_ef_search']: 20 → 50"]),
    "pgvector, as the retriever is set": (
        lambda: over(postgres(20), kwargs={"hnsw_ef_search": 30, "ivfflat_probes": 5}),
        ["kwargs['hnsw_ef_search']: 30 → 50"],
    ),
    "pgvector, hybrid": (lambda: over(postgres(), "hybrid"), ["kwargs['hnsw_ef_search']: 40 → 50"]),
    "pgvector, mmr": (lambda: over(postgres(), "mmr"), ["kwargs['hnsw_ef_search']: 40 → 200"]),
    "pgvector, mmr with a factor": (
        lambda: over(postgres(), "mmr", kwargs={"mmr_prefetch_factor": 3}),
        ["kwargs['hnsw_ef_search']: 40 → 150"],
    ),
    "pgvector, mmr with a number": (
        lambda: over(postgres(), "mmr", kwargs={"mmr_prefetch_k": 20}),
        ["kwargs['mmr_prefetch_k']: 20 → 100", "kwargs['hnsw_ef_search']: 40 → 100"],
    ),
    "milvus, as the store is set": (
        lambda: over(milvus(ef=10)),
        ["kwargs['milvus_search_config']['ef']: 10 → 50"],
    ),
    "milvus, two levels deep": (
        lambda: over(milvus(metric_type="L2", params={"search_list": 20, "reorder_k": 30})),
        [
            "kwargs['milvus_search_config']['params']['search_list']: 20 → 50",
            "kwargs['milvus_search_config']['params']['reorder_k']: 30 → 50",
        ],
    ),
    "milvus, as the retriever is set": (
        lambda: over(milvus(ef=10), kwargs={"milvus_search_config": {"ef": 20, "radius": 0.5}}),
        ["kwargs['milvus_search_config']['ef']: 20 → 50"],
    ),
    "milvus, mmr": (lambda: over(milvus(ef=64), "mmr"), ["kwargs['milvus_search_config']['ef']: 64 → 200"]),
    "milvus, mmr with a factor": (
        lambda: over(milvus(ef=64), "mmr", kwargs={"mmr_prefetch_factor": 1.5}),
        ["kwargs['milvus_search_config']['ef']: 64 → 75"],
    ),
    "milvus, mmr with a factor below 1": (
        lambda: over(milvus(ef=64), "mmr", kwargs={"mmr_prefetch_factor": 0.5}),
        ["kwargs['mmr_prefetch_factor']: 0.5 → 2", "kwargs['milvus_search_config']['ef']: 64 → 100"],
    ),
    "vespa, hybrid": (lambda: over(VespaVectorStore(), "hybrid"), ["kwargs['vector_top_k']: default → 50"]),
    "vespa, semantic hybrid": (
        lambda: over(VespaVectorStore(), "semantic_hybrid", kwargs={"vector_top_k": 20, "rank_profile": "mine"}),
        ["kwargs['vector_top_k']: 20 → 50"],
    ),
    "elasticsearch, ranks fused": (
        lambda: over(fused(rrf=True)),
        ["kwargs['custom_query'].rank_window_size: 10 → 50"],
    ),
    "elasticsearch, ranks fused in a window": (
        lambda: over(fused(rrf={"rank_window_size": 20, "rank_constant": 9}), "hybrid"),
        ["kwargs['custom_query'].rank_window_size: 20 → 50"],
    ),
    "elasticsearch, the window by its older name": (
        lambda: over(fused(rrf={"window_size": 30})),
        ["kwargs['custom_query'].rank_window_size: 30 → 50"],
    ),
    "chroma, mmr": (
        lambda: over(ChromaVectorStore(), "mmr", kwargs={"mmr_prefetch_k": 30}),
        ["kwargs['mmr_prefetch_k']: 30 → 100"],
    ),
    "astra, mmr": (
        lambda: over(AstraDBVectorStore(), "mmr", kwargs={"mmr_prefetch_k": 30}),
        ["kwargs['mmr_prefetch_k']: 30 → 100"],
    ),
    "weaviate": (lambda: over(WeaviateVectorStore(), "hybrid", kwargs={"limit": 9}), ["kwargs['limit']: 9 → 50"]),
    "qdrant, hybrid": (
        lambda: over(QdrantVectorStore(), "hybrid", sparse_top_k=12, hybrid_top_k=9),
        ["sparse_top_k: 12 → 50", "hybrid_top_k: 9 → 50"],
    ),
    "mongodb, hybrid": (
        lambda: over(MongoDBAtlasVectorSearch(), "hybrid", sparse_top_k=12, hybrid_top_k=9),
        ["sparse_top_k: 12 → 50", "hybrid_top_k: 9 → 50"],
    ),
    "azure, hybrid": (
        lambda: over(AzureAISearchVectorStore(), "hybrid", hybrid_top_k=9),
        ["hybrid_top_k: 9 → 50"],
    ),
}


@pytest.fixture(params=list(RAISED.values()), ids=list(RAISED))
def raised(request: pytest.FixtureRequest) -> tuple[BaseRetriever, list[str]]:
    """A retriever over a store with numbers of its own, and what has to be raised beside `similarity_top_k`."""
    build, expected = request.param
    return build(), [f"{HERE}.{change}" for change in expected]


def test_what_the_store_takes_is_raised_and_it_brings_that_many(
    raised: tuple[BaseRetriever, list[str]], colour: Colour
) -> None:
    retriever, expected = raised
    assert changes(retriever) == [f"{HERE}.similarity_top_k: 2 → 50", *expected]
    assert brought(colour, retriever) == RECALL


def test_widened_stores_stay_as_they_were(raised: tuple[BaseRetriever, list[str]], colour: Colour) -> None:
    retriever, _ = raised
    before, found = settings(retriever), len(answer(colour, retriever))
    brought(colour, retriever)
    assert settings(retriever) == before
    assert len(answer(colour, retriever)) == found < RECALL


def test_widening_a_store_again_goes_on_where_it_was(raised: tuple[BaseRetriever, list[str]], colour: Colour) -> None:
    once = widen(raised[0], RECALL).widened
    assert widen(once, RECALL).widened is widen(once, 20).widened is once
    assert brought(colour, once, 80) == 80


def test_settings_that_are_high_enough_stay(colour: Colour) -> None:
    for retriever in (
        over(postgres(200)),
        over(milvus(params={"ef": 64, "nprobe": 8})),
        over(fused(rrf={"rank_window_size": 100})),
        over(fused(rrf=False)),
        over(fused(rrf=True, hybrid=False)),
        over(VespaVectorStore(), "hybrid", kwargs={"vector_top_k": 70}),
        over(VespaVectorStore()),
    ):
        assert changes(retriever) == [f"{HERE}.similarity_top_k: 2 → 50"]
        assert widen(retriever, RECALL).notes == ()
        assert brought(colour, retriever) == RECALL


def test_a_search_by_words_needs_no_wider_index() -> None:
    for store in (postgres(), milvus(ef=10)):
        assert (
            changes(over(store, "text_search"))
            == changes(over(store, "sparse"))
            == [f"{HERE}.similarity_top_k: 2 → 50"]
        )


def test_all_else_in_the_stores_arguments_arrives() -> None:
    store = milvus(ef=10)
    kwargs = {"milvus_search_config": {"ef": 20, "radius": 0.5}, "milvus_partition_names": ["a"]}
    widen(over(store, kwargs=kwargs), RECALL).widened.retrieve("note")
    ((query, arrived),) = store.asked
    assert query.similarity_top_k == RECALL
    assert arrived == {"milvus_search_config": {"ef": 50, "radius": 0.5}, "milvus_partition_names": ["a"]}
    assert kwargs["milvus_search_config"] == {"ef": 20, "radius": 0.5}


def test_a_retriever_that_brings_more_than_asked_for_has_its_store_keep_up(colour: Colour) -> None:
    retriever = over(postgres(), similarity_top_k=80)
    assert changes(retriever) == [f"{HERE}.kwargs['hnsw_ef_search']: 40 → 80"]
    assert brought(colour, retriever) == 80


def test_subclasses_of_a_store_are_known(colour: Colour) -> None:
    class Tenant(PGVectorStore):
        pass

    assert brought(colour, over(Tenant(hnsw_kwargs={"hnsw_ef_search": 9}))) == RECALL


def test_the_auto_retriever_passes_them_on(colour: Colour) -> None:
    store = VespaVectorStore()
    retriever = auto(vector_store_query_mode="hybrid")
    retriever._index = indexed(store)
    assert f"VectorIndexAutoRetriever.kwargs['vector_store_kwargs']['vector_top_k']: default → {RECALL}" in changes(
        retriever
    )
    assert brought(colour, retriever) == RECALL
    assert retriever._kwargs == {}
    again = widen(retriever, RECALL).widened
    assert widen(again, RECALL).widened is again


def test_an_index_an_engine_and_a_retriever_all_have_them_raised() -> None:
    store = postgres()
    index = with_rerank(indexed(store), Scripted(), recall=RECALL)
    report = widening_of(index.as_retriever(vector_store_kwargs={"hnsw_ef_search": 10}))
    assert "kwargs['hnsw_ef_search']: 10 → 50" in str(report)
    index.as_retriever().retrieve("note")
    assert store.asked[-1][1] == {"hnsw_ef_search": RECALL}


# ── Elasticsearch's window, which is set in the body of the search ──


def test_ones_own_query_comes_first_and_what_it_sets_only_rises() -> None:
    def mine(body: dict[str, Any], query: Any) -> dict[str, Any]:
        body["retriever"]["rrf"] |= {"rank_window_size": 70, "query": query}
        return body

    store = fused(rrf=True)
    retriever = over(store, kwargs={"custom_query": mine})
    for recall in (20, 60, 100):
        assert len(widen(widen(retriever, 20).widened, recall).widened.retrieve("note")) == recall
    assert [body["retriever"]["rrf"]["rank_window_size"] for body in store.bodies] == [70, 70, 100]
    assert {body["retriever"]["rrf"]["query"] for body in store.bodies} == {"note"}
    assert "custom_query may bring numbers of its own" in str(widen(retriever, RECALL))


def test_a_body_without_fused_ranks_is_left_alone() -> None:
    assert RankWindow(RECALL)({"knn": {"k": 3}}, "note") == {"knn": {"k": 3}}


def test_a_window_travels_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(RankWindow(RECALL))) == RankWindow(RECALL)


# ── What is noted ──

NOTED: dict[str, tuple[Callable[[], BaseRetriever], int, str]] = {
    "pgvector, an index made elsewhere": (lambda: over(PGVectorStore()), 50, "it sets no hnsw.ef_search"),
    "pgvector, above its limit": (lambda: over(postgres()), 1001, "no hnsw_ef_search above 1000"),
    "milvus, hybrid": (
        lambda: over(milvus(ef=10), "hybrid"),
        50,
        "Milvus refuses ef of 10 in a search for 50: build the store with more",
    ),
    "vespa": (lambda: over(VespaVectorStore()), 401, "Vespa refuses to bring more than 400 hits"),
    "elasticsearch": (lambda: over(ElasticsearchStore()), 1001, "Elasticsearch allows 10000"),
    "mongodb": (
        lambda: over(MongoDBAtlasVectorSearch(oversampling_factor=400)),
        50,
        "it asks for 20000 numCandidates, and MongoDB allows 10000: build the store with an oversampling_factor of 200",
    ),
    "azure": (lambda: over(AzureAISearchVectorStore(), "semantic_hybrid"), 60, "semantic_hybrid finds 50"),
    "faiss": (
        lambda: over(FaissVectorStore(SimpleNamespace(nprobe=1, nlist=10, ntotal=120))),
        50,
        "its index looks into 1 of 10 lists, which hold about 12 of 120 vectors: set a higher index.nprobe",
    ),
    "neo4j": (
        lambda: over(Neo4jVectorStore(retrieval_query="RETURN node.text AS text limit 3")),
        50,
        "its retrieval_query has a LIMIT",
    ),
    "weaviate": (lambda: over(WeaviateVectorStore(), kwargs={"auto_limit": 1}), 50, "auto_limit cuts"),
}


@pytest.mark.parametrize(("build", "recall", "expected"), NOTED.values(), ids=NOTED)
def test_what_a_store_cannot_be_told_is_said(build: Callable[[], BaseRetriever], recall: int, expected: str) -> None:
    retriever = build()
    report = widening_of(with_rerank(retriever, Scripted(), recall=recall))
    (note,) = report.notes
    assert note.startswith(f"{HERE}, {type(retriever._vector_store).__name__}: ")  # type: ignore[attr-defined]
    assert expected in note
    assert f"note: {note}" in str(report)


def test_a_store_that_does_what_it_is_asked_to_needs_no_note(colour: Colour) -> None:
    for store in (
        AzureAISearchVectorStore(),
        ChromaVectorStore(),
        ElasticsearchStore(),
        FaissVectorStore(SimpleNamespace(ntotal=120)),
        FaissVectorStore(SimpleNamespace(ntotal=120, nprobe=9, nlist=10)),
        LanceDBVectorStore(),
        MilvusVectorStore(),
        MongoDBAtlasVectorSearch(),
        Neo4jVectorStore(),
        OpensearchVectorStore(),
        PineconeVectorStore(),
        RedisVectorStore(),
        QdrantVectorStore(),
        WeaviateVectorStore(),
    ):
        retriever = over(store, kwargs={"include": ["documents"]})
        assert widen(retriever, RECALL).notes == ()
        assert brought(colour, retriever) == RECALL
        query, arrived = store.asked[-1]
        assert (query.similarity_top_k, query.sparse_top_k, query.hybrid_top_k) == (RECALL, None, None)
        assert arrived.pop("custom_query", None) is None
        assert arrived == {"include": ["documents"]}


def test_a_recall_within_what_a_store_can_do_needs_no_note(colour: Colour) -> None:
    for recall, retriever in ((40, over(PGVectorStore())), (RECALL, over(milvus(ef=50), "hybrid"))):
        assert widen(retriever, recall).notes == ()
        assert brought(colour, retriever, recall) == recall


def test_a_retriever_that_passes_nothing_on_says_what_its_store_needs() -> None:
    retriever = VectorContextRetriever(property_graph(), embed_model=Words(), vector_store=postgres())
    assert widen(retriever, RECALL).notes == (
        "VectorContextRetriever cannot raise PGVectorStore['hnsw_ef_search']: 40 → 50: do so where the store is made",
    )


def test_a_store_of_another_version_is_no_error() -> None:
    for name in RULES:
        bare = type(name, (SimpleVectorStore,), {"__module__": __name__})
        assert changes(over(bare(), "default"))[0] == f"{HERE}.similarity_top_k: 2 → 50"


def test_the_table_in_the_documentation_names_every_store_that_is_tested_here() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("### What vector stores keep to themselves")[2]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall("`(.+?)`", row)}
    assert named == {kind.__name__ for kind in vars(vector_stores).values() if _doubles_a_store(kind)}
    assert named >= set(RULES)


def _doubles_a_store(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, vector_stores.Asked) and kind is not vector_stores.Asked


# ── What cannot be read ──


@pytest.mark.parametrize("top_k", ["3", None, [3]])
def test_settings_that_cannot_be_read_stay_and_are_said(top_k: Any) -> None:
    retriever: Any = over(postgres())
    retriever._similarity_top_k = top_k
    report = widen(retriever, 50)
    assert any("cannot be read" in note or "whole number" in note for note in report.notes) or top_k is None
    assert report.widened is not None


@pytest.mark.parametrize("wrong", [5, "k"])
def test_a_way_to_widen_that_is_no_function_is_an_error(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="widen must be a function"):
        with_rerank(over(postgres()), Scripted(), widen=wrong)

"""What keeps candidates back in a vector store and cannot be raised: it is named beforehand, and when too few came."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit import RecallWarning, widen, with_rerank
from rerank_kit.errors import more_about
from rerank_kit.first_stage.widening import warn_of_few
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.more_vector_stores import (
    AstraDBVectorStore,
    AzureSearch,
    AzureSearchVectorStoreRetriever,
    DocumentDBVectorSearch,
    HNSWQueryOptions,
    IVFFlatQueryOptions,
    MongoDBAtlasVectorSearch,
    Neo4jVector,
    OpenSearchVectorSearch,
    PGVector,
    PGVectorStore,
    QdrantVectorStore,
    Redis,
    RedisVectorStore,
    SupabaseVectorStore,
    VespaStore,
    WeaviateVectorStore,
)
from tests.langchain.stores import RECALL, answer, brought
from tests.langchain.test_widening_stores import searching
from tests.langchain.vector_stores import (
    FAISS,
    SIZE,
    BM25Strategy,
    DenseVectorStrategy,
    ElasticsearchStore,
    LanceDB,
    elasticsearch_of_the_community,
    one_in_ten,
)

WHERE = "VectorStoreRetriever.search_kwargs"


def one_in_a_hundred(metadata: Mapping[str, Any]) -> bool:
    """A filter that ten notes pass."""
    return bool(metadata["n"] % 100 == 0)


# ── What a server refuses is not asked for ──

NO_CANDIDATES = "ElasticsearchStore takes no num_candidates for {}, and 50 is its default"
WINDOW = "Elasticsearch refuses more than the rank_window_size in the store's rrf; raise it there"


def windowed(name: str = "rank_window_size") -> DenseVectorStrategy:
    return DenseVectorStrategy(hybrid=True, rrf={name: 60})


@pytest.mark.parametrize(
    ("retriever", "comes", "why"),
    [
        (searching(ElasticsearchStore(), "mmr"), 50, NO_CANDIDATES.format("mmr")),
        (
            searching(ElasticsearchStore(), "similarity_score_threshold"),
            50,
            NO_CANDIDATES.format("similarity_score_threshold"),
        ),
        (searching(ElasticsearchStore(windowed())), 60, WINDOW),
        (searching(ElasticsearchStore(windowed("window_size"))), 60, WINDOW),
        (
            AzureSearchVectorStoreRetriever(vectorstore=AzureSearch(), search_type="semantic_hybrid"),
            50,
            "the semantic ranker scores no more",
        ),
    ],
)
def test_what_a_server_refuses_is_not_asked_for(retriever: RetrieverLike, comes: int, why: str, colour: Colour) -> None:
    assert brought(colour, retriever, 100) == comes
    widening = widen(retriever, 100)
    assert f"can be {comes} at most: {why}" in str(widening)
    assert any(remedy.endswith(why) for remedy in widening.remedies)


@pytest.mark.parametrize(
    "retriever",
    [
        searching(ElasticsearchStore()),
        searching(ElasticsearchStore(DenseVectorStrategy(hybrid=True))),
        searching(ElasticsearchStore(DenseVectorStrategy(hybrid=True, rrf={"rank_constant": 20}))),
        searching(ElasticsearchStore(BM25Strategy()), "similarity_score_threshold"),
        searching(elasticsearch_of_the_community()),
        searching(elasticsearch_of_the_community(), "similarity_score_threshold"),
        AzureSearchVectorStoreRetriever(vectorstore=AzureSearch()),
    ],
)
def test_where_nothing_is_refused_all_of_them_come(retriever: RetrieverLike, colour: Colour) -> None:
    assert brought(colour, retriever, 100) == 100
    assert "at most" not in str(widen(retriever, 100))


def test_elasticsearch_is_never_asked_for_more_than_it_looks_at(colour: Colour) -> None:
    why = "can be 10000 at most: Elasticsearch looks at no more candidates"
    widening = widen(searching(ElasticsearchStore()), 12_000)
    assert str(widening).splitlines() == [
        f"{WHERE}['k']: default → 10000",
        f"{WHERE}['fetch_k']: default → 10000",
        f"note: {WHERE}['k'] {why}",
        f"note: {WHERE}['fetch_k'] {why}",
    ]
    assert len(answer(colour, widening.widened)) == SIZE


# ── What is left out after k were counted ──

BEYOND = "documents beyond it are left out before reranking"
CUTS: list[tuple[VectorStore, str, Any, str]] = [
    (FAISS(), "score_threshold", 0.5, BEYOND),
    (QdrantVectorStore(), "score_threshold", 0.5, BEYOND),
    (RedisVectorStore(), "distance_threshold", 0.5, BEYOND),
    (Redis(), "distance_threshold", 0.5, BEYOND),
    (WeaviateVectorStore(), "auto_limit", 1, "it stops where scores fall; leave it out"),
    (WeaviateVectorStore(), "max_vector_distance", 0.5, BEYOND),
    (
        VespaStore(),
        "custom_query",
        {"hits": 4},
        "it is sent as it is, whatever k is; set hits and targetHits in it",
    ),
    (
        MongoDBAtlasVectorSearch(),
        "post_filter_pipeline",
        one_in_ten,
        "it is applied to the k nearest documents; use pre_filter",
    ),
    (
        OpenSearchVectorSearch(),
        "boolean_filter",
        one_in_ten,
        "it is applied to the k nearest documents; use efficient_filter",
    ),
    (
        OpenSearchVectorSearch(),
        "filter",
        one_in_ten,
        "without the engine lucene or faiss it is applied to the k nearest documents",
    ),
    (LanceDB(), "prefilter", False, "without prefilter=True it filters the k rows found"),
]


@pytest.mark.parametrize(
    ("store", "name", "value", "why"), CUTS, ids=[f"{type(each[0]).__name__} {each[1]}" for each in CUTS]
)
def test_an_argument_that_keeps_documents_back_is_named(store: VectorStore, name: str, value: Any, why: str) -> None:
    widening = widen(searching(store, **{name: value}), RECALL)
    (note,) = [note for note in widening.notes if f"['{name}']" in note]
    assert note.endswith(why)
    assert any(why in remedy for remedy in widening.remedies)
    assert why not in str(widen(searching(store), RECALL))


@pytest.mark.parametrize("name", ["efficient_filter", "pre_filter"])
def test_the_remedy_is_one(name: str, colour: Colour) -> None:
    store: Any = OpenSearchVectorSearch() if name == "efficient_filter" else MongoDBAtlasVectorSearch()
    filtered = store.as_retriever(search_kwargs={name: one_in_ten})
    assert brought(colour, filtered) == RECALL
    assert widen(filtered, RECALL).notes == ()


def test_a_score_threshold_is_noted_once() -> None:
    assert widen(searching(FAISS(), "similarity_score_threshold"), RECALL).notes == (
        f"{WHERE}: documents under the score threshold are left out before reranking",
    )


# ── What has to be set elsewhere ──


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (PGVectorStore(), "hnsw.ef_search rows at most, 40 unless .* index_query_options=HNSWQueryOptions"),
        (PGVectorStore(None, HNSWQueryOptions(49)), "hnsw.ef_search rows at most"),
        (PGVector(), "hnsw.ef_search rows at most, 40 unless .* on the connection or the database"),
        (SupabaseVectorStore(), "hnsw.ef_search rows at most"),
        (AstraDBVectorStore(hybrid_search=True), "hybrid_limit_factor=1.0"),
        (Neo4jVector("MATCH (node)--(other)"), "retrieval_query"),
    ],
)
def test_what_has_to_be_set_elsewhere_is_named(store: VectorStore, told: str) -> None:
    widening = widen(searching(store), RECALL)
    assert re.search(told, str(widening))
    assert re.search(told, "".join(widening.remedies))


@pytest.mark.parametrize(
    "store",
    [
        PGVectorStore(None, HNSWQueryOptions(50)),
        PGVectorStore(None, IVFFlatQueryOptions()),
        AstraDBVectorStore(),
        AstraDBVectorStore(hybrid_search=True, hybrid_limit_factor=2.0),
        Neo4jVector(),
    ],
)
def test_where_it_is_set_there_is_no_word(store: VectorStore, colour: Colour) -> None:
    assert str(widen(searching(store), RECALL)) == f"{WHERE}['k']: default → 50"
    assert brought(colour, searching(store)) == RECALL


# ── Too few came ──


def warned_of(retriever: RetrieverLike, colour: Colour, **kwargs: Any) -> str:
    reranked = with_rerank(retriever, Scripted())
    with pytest.warns(RecallWarning) as caught:
        answer(colour, reranked, **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer(colour, reranked, **kwargs)
    (warning,) = caught
    return str(warning.message).removesuffix(f". {more_about(RecallWarning)}")


def test_the_warning_says_which_store_it_was_and_what_to_raise(colour: Colour) -> None:
    assert warned_of(searching(FAISS(), filter=one_in_a_hundred), colour) == (
        "the first stage (FAISS) brought 10 candidates where 50 were asked for, so the reranker chooses from less than "
        "it could. FAISS: a filter sees only the 2000 nearest documents; set search_kwargs['fetch_k'] higher. Look at "
        "print(retriever.widening): raise the retriever's own limit, lower its score or similarity threshold, or pass "
        "widen=. If no more is there to find, because the collection or what a filter leaves of it is that small, all "
        "is well: ignore RecallWarning"
    )


@pytest.mark.parametrize(
    ("retriever", "told"),
    [
        (
            searching(DocumentDBVectorSearch(), filter=one_in_a_hundred),
            "DocumentDBVectorSearch: the index looks at 100 vectors",
        ),
        (searching(LanceDB(), filter=one_in_ten, prefilter=False), "LanceDB: without prefilter=True"),
        (
            searching(OpenSearchVectorSearch(), boolean_filter=one_in_ten),
            r"boolean_filter: .*; use efficient_filter\. Look",
        ),
        (searching(WeaviateVectorStore(), auto_limit=1), r"\(WeaviateVectorStore\) brought 20 .* auto_limit: it stops"),
        (searching(PGVector(), filter=one_in_a_hundred), "PGVector: an HNSW index brings hnsw.ef_search rows at most"),
    ],
)
def test_it_names_what_keeps_them_back(retriever: RetrieverLike, told: str, colour: Colour) -> None:
    assert re.search(told, warned_of(retriever, colour))


def test_a_recall_for_one_call_has_the_remedy_for_that_recall(colour: Colour) -> None:
    told = warned_of(searching(FAISS(), filter=one_in_a_hundred), colour, recall=30)
    assert "brought 10 candidates where 30 were asked for" in told
    assert "only the 1200 nearest" in told


def test_the_warning_of_a_limit_says_why(colour: Colour) -> None:
    reranked = with_rerank(searching(ElasticsearchStore(), "mmr"), Scripted(), recall=100)
    with pytest.warns(RecallWarning, match=r"brought 50 .* 100 .*ElasticsearchStore takes no num_candidates for mmr"):
        answer(colour, reranked)


@pytest.mark.parametrize(("found", "recall"), [(39, 50), (19, 50), (79, 100), (19, 20), (19, 22), (1, 2)])
def test_less_than_four_fifths_is_too_little_and_so_is_less_than_twenty(found: int, recall: int) -> None:
    with pytest.warns(
        RecallWarning, match=f"^the first stage brought {found} candidates? where {recall} were asked for"
    ):
        assert warn_of_few(found, recall, "print(widening)")


@pytest.mark.parametrize(("found", "recall"), [(40, 50), (80, 100), (50, 50), (20, 20), (20, 22), (0, 50), (9, None)])
def test_four_fifths_are_enough_and_nothing_is_no_sign(found: int, recall: int | None) -> None:
    assert not warn_of_few(found, recall, "print(widening)", widen(searching(FAISS()), RECALL))

"""Widening what vector stores fetch before they filter, fuse or pick, by doubles named and signed as the real ones."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit import widen
from langchain_rerank_kit.known_stores import STORES, known_store
from tests.conftest import Colour
from tests.langchain import more_vector_stores, vector_stores
from tests.langchain.more_vector_stores import (
    AlloyDBVectorStore,
    AsyncCockroachDBVectorStore,
    AsyncPGVectorStore,
    AzureCosmosDBVectorSearch,
    AzureDocumentDBVectorSearch,
    CockroachDBVectorStore,
    DocumentDBVectorSearch,
    HNSWQueryOptions,
    HybridSearchConfig,
    PGVectorStore,
)
from tests.langchain.stores import RECALL, answer, brought, settings
from tests.langchain.vector_stores import (
    FAISS,
    NOTES,
    AsyncElasticsearchStore,
    BM25Strategy,
    ElasticsearchStore,
    LanceDB,
    Milvus,
    ScaNN,
    Zilliz,
    one_in_ten,
)

FLAT: dict[str, Any] = {"metric_type": "L2", "params": {}}
HNSW: dict[str, Any] = {"metric_type": "L2", "params": {"ef": 10}}


def searching(store: VectorStore, search_type: str = "similarity", **search_kwargs: Any) -> RetrieverLike:
    if search_type == "similarity_score_threshold":
        search_kwargs["score_threshold"] = 0.5
    return store.as_retriever(search_type=search_type, search_kwargs=search_kwargs)


def lines(retriever: RetrieverLike, recall: int = RECALL) -> list[str]:
    """The report, without the place that all of it is about."""
    return [
        line.replace("VectorStoreRetriever.search_kwargs", "") for line in str(widen(retriever, recall)).splitlines()
    ]


K = "['k']: default → 50"
UNDER = "note: : documents under the score threshold are left out before reranking"
RAISED: dict[str, tuple[Callable[[], RetrieverLike], list[str]]] = {
    "FAISS": (lambda: searching(FAISS()), [K, "['fetch_k']: default → 2000"]),
    "FAISS with a filter": (lambda: searching(FAISS(), filter=one_in_ten), [K, "['fetch_k']: default → 2000"]),
    "FAISS with a filter and a number": (
        lambda: searching(FAISS(), filter=one_in_ten, fetch_k=30),
        [K, "['fetch_k']: 30 → 2000"],
    ),
    "FAISS by MMR": (lambda: searching(FAISS(), "mmr"), [K, "['fetch_k']: default → 100"]),
    "FAISS by MMR with a filter": (
        lambda: searching(FAISS(), "mmr", filter=one_in_ten),
        [K, "['fetch_k']: default → 500"],
    ),
    "ScaNN with a filter": (lambda: searching(ScaNN(), filter=one_in_ten), [K, "['fetch_k']: default → 2000"]),
    "ElasticsearchStore": (
        lambda: searching(ElasticsearchStore(), filter=one_in_ten),
        [K, "['fetch_k']: default → 100"],
    ),
    "ElasticsearchStore by words": (
        lambda: searching(ElasticsearchStore(BM25Strategy()), "similarity_score_threshold"),
        [K, UNDER],
    ),
    "Milvus": (lambda: searching(Milvus(FLAT), expr=one_in_ten), [K]),
    "Milvus with HNSW": (lambda: searching(Milvus(HNSW)), [K, "['param']['params']['ef']: 10 → 100"]),
    "Milvus with HNSW of this search": (
        lambda: searching(Milvus(FLAT), param=HNSW),
        [K, "['param']['params']['ef']: 10 → 100"],
    ),
    "Milvus with HNSW by MMR": (
        lambda: searching(Milvus(HNSW), "mmr", k=5, fetch_k=8),
        ["['k']: 5 → 50", "['fetch_k']: 8 → 100", "['param']['params']['ef']: 10 → 100"],
    ),
    "Milvus hybrid": (
        lambda: searching(Milvus([FLAT, HNSW], fields=2), expr=one_in_ten),
        [K, "['fetch_k']: default → 100", "['param']['params']['ef']: 10 → 100"],
    ),
    "Zilliz hybrid": (lambda: searching(Zilliz([FLAT, FLAT], fields=2)), [K, "['fetch_k']: default → 100"]),
    "LanceDB": (lambda: searching(LanceDB(), filter=one_in_ten), [K, "['prefilter']: default → True"]),
    "LanceDB by MMR": (lambda: searching(LanceDB(), "mmr", filter=one_in_ten), [K, "['fetch_k']: default → 1000"]),
    "AzureCosmosDBVectorSearch": (
        lambda: searching(AzureCosmosDBVectorSearch(), kind="vector-hnsw"),
        [K, "['ef_search']: default → 100"],
    ),
    "AzureCosmosDBVectorSearch by MMR": (
        lambda: searching(AzureCosmosDBVectorSearch(), "mmr", kind="vector-hnsw"),
        [K, "['fetch_k']: default → 100", "['ef_search']: default → 100"],
    ),
    "AzureDocumentDBVectorSearch": (
        lambda: searching(AzureDocumentDBVectorSearch(), kind="vector-diskann"),
        [K, "['l_search']: default → 100"],
    ),
    "AzureDocumentDBVectorSearch by lists": (lambda: searching(AzureDocumentDBVectorSearch()), [K]),
    "DocumentDBVectorSearch": (
        lambda: searching(DocumentDBVectorSearch(), filter=one_in_ten),
        [K, "['ef_search']: default → 100"],
    ),
    "AsyncCockroachDBVectorStore": (lambda: searching(AsyncCockroachDBVectorStore()), [K]),
    "CockroachDBVectorStore": (
        lambda: searching(CockroachDBVectorStore(), fetch_k=10),
        [K, "['fetch_k']: 10 → 100"],
    ),
}


@pytest.mark.parametrize(("made", "report"), RAISED.values(), ids=RAISED)
def test_what_is_fetched_first_rises_and_all_candidates_arrive(
    made: Callable[[], RetrieverLike], report: list[str], colour: Colour
) -> None:
    retriever = made()
    before = settings(retriever)
    assert lines(retriever) == report
    assert len(answer(colour, retriever)) < brought(colour, retriever)
    assert brought(colour, retriever) >= RECALL
    assert settings(retriever) == before


@pytest.mark.parametrize("made", [made for made, _ in RAISED.values()], ids=RAISED)
def test_it_rises_once(made: Callable[[], RetrieverLike]) -> None:
    once = widen(made(), RECALL).widened
    twice = widen(once, RECALL)
    assert twice.widened is once
    assert twice.changes == ()
    assert widen(widen(made(), 20).widened, RECALL).changes


def test_a_store_that_only_waits_is_widened_too() -> None:
    widened = widen(searching(AsyncElasticsearchStore()), 100).widened
    assert len(asyncio.run(widened.ainvoke("note"))) == 100


@pytest.mark.parametrize(
    ("store", "search_type", "given"),
    [
        (FAISS(), "similarity", {"fetch_k": 5_000}),
        (FAISS(), "mmr", {"fetch_k": 700, "filter": one_in_ten}),
        (ElasticsearchStore(), "similarity", {"fetch_k": 9_000}),
        (Milvus([FLAT, FLAT], fields=2), "similarity", {"fetch_k": 400}),
        (Milvus(HNSW), "similarity", {"param": {"metric_type": "L2", "params": {"ef": 400}}}),
        (CockroachDBVectorStore(), "similarity", {"fetch_k": 400}),
        (LanceDB(), "similarity", {"prefilter": True}),
        (PGVectorStore(), "similarity", {"hybrid_search_config": HybridSearchConfig("", {}, 200, 300)}),
    ],
)
def test_what_a_user_set_higher_stays(
    store: VectorStore, search_type: str, given: dict[str, Any], colour: Colour
) -> None:
    widening = widen(searching(store, search_type, **given), RECALL)
    arguments: Any = getattr(widening.widened, "search_kwargs", None)
    assert {name: arguments[name] for name in given} == given
    assert len(answer(colour, widening.widened)) == RECALL


def test_what_the_store_takes_by_itself_is_not_lowered() -> None:
    """With a recall of 5, twice that many is less than the 20 of FAISS for MMR, and the 50 of Elasticsearch."""
    assert lines(searching(FAISS(), "mmr"), 5) == ["['k']: default → 5"]
    assert lines(searching(ElasticsearchStore()), 5) == ["['k']: default → 5"]


def test_a_filter_that_comes_with_the_call_is_seen_too(colour: Colour) -> None:
    for store in (FAISS(), LanceDB()):
        assert len(answer(colour, widen(searching(store), RECALL).widened, filter=one_in_ten)) == RECALL


def test_a_store_of_that_name_that_does_not_know_the_argument_is_not_given_it(colour: Colour) -> None:
    class Older(FAISS):
        def similarity_search(self, query: str, k: int = 4) -> list[Document]:  # type: ignore[override]
            return NOTES[:k]

    assert lines(searching(Older())) == [K]
    assert brought(colour, searching(Older())) == RECALL


def test_a_store_of_that_name_that_knows_the_argument_by_name_is(colour: Colour) -> None:
    class Strict(FAISS):
        def similarity_search(self, query: str, k: int = 4, fetch_k: int = 20) -> list[Document]:  # type: ignore[override]
            return NOTES[:fetch_k:10][:k]

    assert brought(colour, searching(Strict())) == RECALL


def test_a_filter_without_a_truth_value_is_a_filter() -> None:
    class Clause:
        def __bool__(self) -> bool:
            raise TypeError("the truth value of this clause is not defined")

    assert lines(searching(FAISS(), "mmr", filter=Clause()))[-1] == "['fetch_k']: default → 500"
    assert lines(searching(FAISS(), "mmr", expr={}))[-1] == "['fetch_k']: default → 100"


# ── Settings that stand deeper ──


@pytest.mark.parametrize("kind", [PGVectorStore, AsyncPGVectorStore, AlloyDBVectorStore])
@pytest.mark.parametrize("search_type", ["similarity", "mmr"])
@pytest.mark.parametrize("of_the_search", [False, True])
def test_both_searches_of_a_hybrid_one_in_postgres_bring_enough(
    kind: Any, search_type: str, of_the_search: bool, colour: Colour
) -> None:
    config = HybridSearchConfig(fusion_function_parameters={"weight": 0.5})
    store = kind(None if of_the_search else config, HNSWQueryOptions(200))
    retriever = searching(store, search_type, **({"hybrid_search_config": config} if of_the_search else {}))
    assert lines(retriever)[-2:] == [
        "['hybrid_search_config'].primary_top_k: 4 → 100",
        "['hybrid_search_config'].secondary_top_k: 4 → 100",
    ]
    assert brought(colour, retriever) == RECALL
    assert config == HybridSearchConfig(fusion_function_parameters={"weight": 0.5})
    assert len(answer(colour, retriever)) == 4


def test_a_hybrid_search_that_brings_enough_already_keeps_its_config() -> None:
    config = HybridSearchConfig(primary_top_k=100, secondary_top_k=100)
    assert lines(searching(PGVectorStore(config, HNSWQueryOptions(200)))) == [K]
    assert lines(searching(PGVectorStore(None, HNSWQueryOptions(200)))) == [K]


# ── The documentation ──


def rows() -> dict[str, str]:
    """The rows of the documentation's table of stores, by the class names in their first column."""
    page = (Path(__file__).parents[2] / "docs" / "widening.md").read_text("utf-8")
    _, _, table = page.partition("## Vector stores")
    lines_of_it = [line for line in table.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return {name: line for line in lines_of_it for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_every_store_that_is_known_is_documented_with_its_numbers_and_has_a_double() -> None:
    documented, doubles = rows(), vars(vector_stores) | vars(more_vector_stores)
    assert STORES.keys() <= documented.keys()
    for name, row in documented.items():
        double = doubles[name]
        known = known_store(double.__new__(double))
        assert known is not None
        assert [pool.name for pool in known.pools if f"`{pool.name}`" not in row] == []
        assert [cut for cut in known.cuts if f"`{cut}`" not in row and cut != "score_threshold"] == []

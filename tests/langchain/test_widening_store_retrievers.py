"""Widening the retrievers that some vector stores have of their own, by doubles named and signed as the real ones."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import Field

from langchain_rerank_kit import widen
from tests.conftest import Colour
from tests.langchain.more_vector_stores import (
    AzureSearch,
    AzureSearchVectorStoreRetriever,
    MongoDBAtlasParentDocumentRetriever,
    MongoDBAtlasVectorSearch,
    Vectara,
    VectaraConfigByModel,
    VectaraRetriever,
)
from tests.langchain.stores import RECALL, Cut, answer, brought
from tests.langchain.vector_stores import one_in_ten


@pytest.mark.parametrize("search_type", ["hybrid", "semantic_hybrid"])
def test_azures_retriever_counts_by_its_own_field_alone(search_type: str, colour: Colour) -> None:
    azure = AzureSearchVectorStoreRetriever(
        vectorstore=AzureSearch(), search_type=search_type, search_kwargs={"filters": one_in_ten}
    )
    assert str(widen(azure, RECALL)) == "AzureSearchVectorStoreRetriever.k: 4 → 50"
    assert brought(colour, azure) == RECALL


def test_mongos_retriever_of_parents_counts_by_top_k(colour: Colour) -> None:
    parents = MongoDBAtlasParentDocumentRetriever(vectorstore=MongoDBAtlasVectorSearch(), search_kwargs={"top_k": 5})
    assert str(widen(parents, RECALL)) == "MongoDBAtlasParentDocumentRetriever.search_kwargs['top_k']: 5 → 50"
    assert brought(colour, parents) == RECALL


def test_a_deprecated_field_that_is_not_set_is_not_read(colour: Colour) -> None:
    """As `top_k` is in langchain-mongodb 0.12.1: to read it warns, and a warning fails a test here."""

    class Mongo(Cut):
        k: int = 4
        top_k: Annotated[int | None, Field(deprecated="use k")] = None

        def size(self) -> int:
            return self.k

    assert str(widen(Mongo(), RECALL)) == "Mongo.k: 4 → 50"
    assert str(widen(Mongo(top_k=3), RECALL)) == "Mongo.k: 4 → 50\nMongo.top_k: 3 → 50"
    assert brought(colour, Mongo()) == RECALL


@dataclass(frozen=True)
class VectaraQueryConfig:
    """langchain-community 0.4.2, there not frozen."""

    k: int = 10


@pytest.mark.parametrize("config", [VectaraQueryConfig(), VectaraConfigByModel()])
def test_vectaras_retriever_counts_in_its_config_too(config: Any, colour: Colour) -> None:
    vectara = VectaraRetriever(vectorstore=Vectara(), config=config)
    deep = "search.limit" if isinstance(config, VectaraConfigByModel) else "k"
    assert str(widen(vectara, RECALL)).splitlines() == [
        "VectaraRetriever.search_kwargs['k']: default → 50",
        f"VectaraRetriever.config.{deep}: 10 → 50",
    ]
    assert brought(colour, vectara) == RECALL
    assert vectara.config is config
    assert widen(widen(vectara, RECALL).widened, RECALL).changes == ()


def test_a_limit_for_each_field_rises_for_each(colour: Colour) -> None:
    """MilvusCollectionHybridSearchRetriever of langchain-milvus 0.4.0, which sets its `field_limits` from `top_k`."""

    class Fields(Cut):
        top_k: int = 4
        field_limits: list[int] | None = None

        def size(self) -> int:
            return min(self.top_k, sum(self.field_limits or [self.top_k]))

    fields = Fields(field_limits=[4, 80])
    assert str(widen(fields, RECALL)).splitlines() == ["Fields.top_k: 4 → 50", "Fields.field_limits[0]: 4 → 50"]
    assert brought(colour, Fields(field_limits=[4, 4])) == RECALL
    assert brought(colour, Fields()) == RECALL


def test_a_body_that_says_how_many_hits_is_raised(colour: Colour) -> None:
    """VespaRetriever of langchain-community 0.4.2."""

    class Vespa(Cut):
        body: dict[str, Any]

        def size(self) -> int:
            return int(self.body["hits"])

    assert brought(colour, Vespa(body={"yql": "select", "hits": 4})) == RECALL


def test_a_strategy_that_selects_a_number_is_raised(colour: Colour) -> None:
    """GraphRetriever of langchain-graph-retriever 0.8.0."""

    @dataclass
    class Eager:
        select_k: int = 5
        start_k: int = 4

    class Graph(Cut):
        strategy: Eager = Field(default_factory=Eager)

        def size(self) -> int:
            return self.strategy.select_k

    graph = Graph()
    assert str(widen(graph, RECALL)) == "Graph.strategy.select_k: 5 → 50"
    assert brought(colour, graph) == RECALL
    assert graph.strategy == Eager()


def test_a_setting_that_holds_nothing_is_not_looked_into(colour: Colour) -> None:
    class Odd(Cut):
        strategy: Any = VectaraQueryConfig  # a class, not one of its values
        config: str = "default"
        body_func: Any = None
        k: int = 4

        def size(self) -> int:
            return self.k

    assert str(widen(Odd(), RECALL)) == "Odd.k: 4 → 50"
    assert brought(colour, Odd()) == RECALL


# ── Bodies of queries ──


class Elasticsearch(Cut):
    """ElasticsearchRetriever of langchain-elasticsearch 1.0.0 and OpenSearchRetriever of langchain-opensearch 0.0.2."""

    body_func: Callable[[str], Any]

    def size(self) -> int:
        return int(self.body_func("note").get("size", 10))


WORDS: dict[str, Any] = {"query": {"match": {"text": "note"}}}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (WORDS, {**WORDS, "size": 50}),
        ({**WORDS, "size": 5}, {**WORDS, "size": 50}),
        ({**WORDS, "size": 80}, {**WORDS, "size": 80}),
        (
            {"knn": {"field": "v", "k": 5, "num_candidates": 20, "filter": {"term": {"k": 3}}}},
            {"knn": {"field": "v", "k": 50, "num_candidates": 100, "filter": {"term": {"k": 3}}}, "size": 50},
        ),
        (
            {"knn": [{"field": "v", "k": 500, "num_candidates": 20_000}, {"field": "w", "num_candidates": 800}]},
            {
                "knn": [{"field": "v", "k": 500, "num_candidates": 20_000}, {"field": "w", "num_candidates": 800}],
                "size": 50,
            },
        ),
        (
            {"retriever": {"rrf": {"retrievers": [{"standard": WORDS}, {"knn": {"k": 7}}], "rank_window_size": 9}}},
            {
                "retriever": {"rrf": {"retrievers": [{"standard": WORDS}, {"knn": {"k": 50}}], "rank_window_size": 50}},
                "size": 50,
            },
        ),
        (
            {"query": {"hybrid": {"queries": [{"knn": {"v": {"vector": [0.1], "k": 5}}}], "pagination_depth": 10}}},
            {
                "query": {"hybrid": {"queries": [{"knn": {"v": {"vector": [0.1], "k": 50}}}], "pagination_depth": 50}},
                "size": 50,
            },
        ),
        ({"query": {"term": {"knn": "note"}}}, {"query": {"term": {"knn": "note"}}, "size": 50}),
    ],
)
def test_the_numbers_in_the_body_of_a_query_rise(written: dict[str, Any], sent: dict[str, Any]) -> None:
    before = json.dumps(written)
    widened: Any = widen(Elasticsearch(body_func=lambda query: written), RECALL).widened
    assert widened.body_func("note") == sent
    assert json.dumps(written) == before


def test_a_function_that_writes_bodies_is_widened_once_and_further(colour: Colour) -> None:
    retriever = Elasticsearch(body_func=lambda query: {"size": 5})
    once = widen(retriever, 20)
    assert str(once) == "Elasticsearch.body_func()['size']: default → 20"
    assert widen(once.widened, 20).widened is once.widened
    assert str(widen(once.widened, RECALL)) == "Elasticsearch.body_func()['size']: 20 → 50"
    assert brought(colour, once.widened) == brought(colour, retriever) == RECALL
    assert len(answer(colour, retriever)) == 5


def test_what_is_no_body_is_passed_on() -> None:
    widened: Any = widen(Elasticsearch(body_func=str.upper), RECALL).widened
    assert widened.body_func("note") == "NOTE"


def test_a_widened_function_travels() -> None:
    widened: Any = widen(Elasticsearch(body_func=str.upper), RECALL).widened
    assert pickle.loads(pickle.dumps(widened.body_func))("note") == "NOTE"

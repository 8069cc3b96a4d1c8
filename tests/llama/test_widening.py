"""Widening, against LlamaIndex's own retrievers: what comes really comes, and nothing of the user's is changed."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import SQLDatabase, StorageContext, TreeIndex, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.indices.property_graph import (
    CustomPGRetriever,
    LLMSynonymRetriever,
    PGRetriever,
    VectorContextRetriever,
)
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.retrievers import (
    AutoMergingRetriever,
    NLSQLRetriever,
    RecursiveRetriever,
    RouterRetriever,
    TransformRetriever,
    VectorIndexRetriever,
)
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import RetrieverTool
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, SimpleVectorStore
from llama_index.retrievers.bm25 import BM25Retriever
from sqlalchemy import create_engine

from llama_rerank_kit import Change, RecallWarning, RerankPostprocessor, RerankRetriever, widen, with_rerank
from rerank_kit import ConfigurationError
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.llama.stores import (
    RECALL,
    SIZE,
    Both,
    Choosing,
    Fixed,
    Numbers,
    Says,
    Words,
    answer,
    auto,
    bm25,
    brought,
    changes,
    document_summary_index,
    fusion,
    hybrid_index,
    index,
    keyword_index,
    knowledge_graph_index,
    notes,
    property_graph,
    settings,
    similar,
    summary_index,
)


def merging() -> BaseRetriever:
    vectors = similar()
    assert isinstance(vectors, VectorIndexRetriever)
    return AutoMergingRetriever(vectors, StorageContext.from_defaults(docstore=index().docstore))


def recursive(**more: BaseRetriever) -> BaseRetriever:
    return RecursiveRetriever("root", {"root": similar(), **more})


def router(*places: int) -> BaseRetriever:
    tools = [RetrieverTool.from_defaults(each, description="notes") for each in (similar(), bm25())]
    return RouterRetriever(Choosing(*places), tools, llm=Says())


def entered() -> BaseRetriever:
    """An index whose one node stands for a retriever, which LlamaIndex enters when it finds the node."""
    door = IndexNode(text="note", index_id="door", obj=None)
    return VectorIndexRetriever(
        VectorStoreIndex([door], embed_model=Words()), object_map={"door": similar()}, embed_model=Words()
    )


SHAPES: dict[str, Callable[[], BaseRetriever]] = {
    "vectors": similar,
    "vectors with k": lambda: similar(similarity_top_k=3),
    "vectors by mmr": lambda: similar(vector_store_query_mode="mmr"),
    "hybrid": lambda: hybrid_index().as_retriever(
        similarity_top_k=9, sparse_top_k=7, hybrid_top_k=5, vector_store_query_mode="default"
    ),
    "a limit among the store's arguments": lambda: similar(vector_store_kwargs={"mmr_prefetch_k": 3}),
    "bm25": bm25,
    "auto": auto,
    "auto without a query": lambda: auto(query="", default_empty_query_vector=[1.0] * 64),
    "auto without a query or a limit for it": lambda: auto(
        query="", default_empty_query_vector=[1.0] * 64, empty_query_top_k=None
    ),
    "fusion": fusion,
    "fusion of one query": lambda: fusion(num_queries=1, mode="reciprocal_rerank"),
    "fusion without async": lambda: fusion(use_async=False),
    "auto merging": merging,
    "recursive": recursive,
    "router": lambda: router(0),
    "router to both": lambda: router(0, 1),
    "transform": lambda: TransformRetriever(bm25(), IdentityQueryTransform()),
    "keywords": lambda: keyword_index().as_retriever(retriever_mode="simple", num_chunks_per_query=4),
    "summary by embedding": lambda: summary_index().as_retriever(retriever_mode="embedding", embed_model=Words()),
    "documents by their summaries": lambda: document_summary_index().as_retriever(),
    "documents by a model": lambda: document_summary_index().as_retriever(retriever_mode="llm", choice_top_k=2),
    "entered by an index node": entered,
    "a user's own": Numbers,
    "a user's own wrapper": lambda: Both(similar(), bm25()),
    "reranked already": lambda: with_rerank(similar(), Scripted(), recall=20, top_n=3),
    "wrappers in wrappers": lambda: TransformRetriever(
        fusion(Both(similar(), bm25()), router(1)), IdentityQueryTransform()
    ),
}


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> BaseRetriever:
    """Every first stage that can be widened."""
    built: BaseRetriever = request.param()
    return built


# ── What holds for all ──


def test_a_widened_first_stage_really_brings_that_many(shape: BaseRetriever, colour: Colour) -> None:
    assert 0 < len(answer(colour, shape)) < RECALL
    assert brought(colour, shape) >= RECALL


def test_the_original_stays_as_it_was(shape: BaseRetriever, colour: Colour) -> None:
    before, found = settings(shape), len(answer(colour, shape))
    widening = widen(shape, RECALL)
    answer(colour, widening.widened)
    assert settings(shape) == before
    assert len(answer(colour, shape)) == found
    assert widening.original is shape
    assert widening.widened is not shape
    assert isinstance(widening.widened, type(shape))


def test_widening_twice_changes_nothing(shape: BaseRetriever) -> None:
    once = widen(shape, RECALL)
    twice = widen(once.widened, RECALL)
    assert twice.widened is once.widened
    assert twice.changes == ()
    assert twice.unknown == once.unknown == ()


def test_what_brings_more_already_is_left_alone(shape: BaseRetriever) -> None:
    widening = widen(widen(shape, 60).widened, 40)
    assert widening.widened is widening.original
    assert widening.changes == ()


def test_a_widened_first_stage_can_be_widened_further(shape: BaseRetriever, colour: Colour) -> None:
    further = widen(widen(shape, 20).widened, RECALL)
    assert further.changes
    assert len(answer(colour, further.widened)) >= RECALL


def test_every_change_is_reported_and_goes_up(shape: BaseRetriever) -> None:
    widening = widen(shape, RECALL)
    assert widening.recall == RECALL
    assert widening.changes
    for change in widening.changes:
        assert change.before is not None
        assert change.before < change.after >= RECALL
        assert str(change) in str(widening)


def test_with_rerank_shows_the_reranker_all_of_them(shape: BaseRetriever, colour: Colour) -> None:
    reranker = Scripted()
    best = answer(colour, with_rerank(shape, reranker, recall=RECALL, top_n=2))
    ((query, seen),) = reranker.sent[-1:]
    assert query == "note"
    assert len(seen) >= RECALL
    assert len(best) == 2


# ── The report ──


def test_a_report_reads_like_this() -> None:
    assert str(widen(fusion(similar(), Fixed()), RECALL)).splitlines() == [
        "QueryFusionRetriever.similarity_top_k: 2 → 50",
        "QueryFusionRetriever.retrievers[0].similarity_top_k: 2 → 50",
        "not widened: QueryFusionRetriever.retrievers[1]",
    ]
    assert str(widen(similar(similarity_top_k=80), RECALL)) == "nothing to do: 50 or more came already"


def test_a_report_is_a_value() -> None:
    first, second = widen(similar(), RECALL), widen(similar(), RECALL)
    assert first == second
    assert first.changes == (Change("VectorIndexRetriever.similarity_top_k", 2, RECALL),)
    assert "object at" not in repr(first)


# ── Kind by kind ──


def test_all_fields_of_hybrid_search_rise_and_those_not_set_stay_so() -> None:
    hybrid = similar(sparse_top_k=4, hybrid_top_k=80)
    assert changes(hybrid) == [
        "VectorIndexRetriever.similarity_top_k: 2 → 50",
        "VectorIndexRetriever.sparse_top_k: 4 → 50",
    ]
    assert widen(similar(), RECALL).notes == ()
    widened: Any = widen(similar(), RECALL).widened
    assert (widened._sparse_top_k, widened._hybrid_top_k) == (None, None)


def test_filters_and_all_other_settings_stay(colour: Colour) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key="tenant", value="Ada")])
    texts = [TextNode(text=f"note {n}", metadata={"tenant": "Ada" if n % 2 else "Bob"}) for n in range(SIZE)]
    found = answer(
        colour,
        widen(VectorStoreIndex(texts, embed_model=Words()).as_retriever(filters=filters), RECALL).widened,
    )
    assert len(found) == RECALL
    assert {each.metadata["tenant"] for each in found} == {"Ada"}


def test_all_three_limits_of_the_auto_retriever_rise(colour: Colour) -> None:
    assert changes(auto()) == [
        "VectorIndexAutoRetriever.max_top_k: 10 → 50",
        "VectorIndexAutoRetriever.similarity_top_k: 2 → 50",
        "VectorIndexAutoRetriever.empty_query_top_k: 10 → 50",
    ]
    assert brought(colour, auto(top_k=60)) == RECALL


def test_a_limit_that_the_model_reads_out_of_the_question_is_noted(colour: Colour) -> None:
    assert brought(colour, auto(top_k=3)) == 3
    assert "a top_k that the model reads out of the question is a further limit" in str(widen(auto(), RECALL))


def test_further_arguments_of_the_auto_retriever_rise() -> None:
    assert "VectorIndexAutoRetriever.kwargs['sparse_top_k']: 4 → 50" in changes(auto(sparse_top_k=4))


def test_mmr_gets_twice_as_many_to_choose_from() -> None:
    retriever = similar(vector_store_kwargs={"mmr_prefetch_k": 20, "mmr_threshold": 0.3})
    assert "VectorIndexRetriever.kwargs['mmr_prefetch_k']: 20 → 100" in changes(retriever)
    widened: Any = widen(retriever, RECALL).widened
    assert widened._kwargs == {"mmr_prefetch_k": 100, "mmr_threshold": 0.3}


def test_bm25_is_raised_to_the_size_of_its_collection_at_most(colour: Colour) -> None:
    small = BM25Retriever(nodes=notes(30))
    widening = widen(small, RECALL)
    assert [str(change) for change in widening.changes] == ["BM25Retriever.similarity_top_k: 2 → 30"]
    assert widening.notes == ("BM25Retriever.similarity_top_k can be 30 at most: so many nodes are there",)
    assert len(answer(colour, widening.widened)) == 30


def test_a_widened_bm25_keeps_to_its_filters(colour: Colour) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key="tenant", value="Ada")])
    texts = [TextNode(text=f"note {n}", metadata={"tenant": "Ada" if n < 25 else "Bob"}) for n in range(SIZE)]
    filtered = BM25Retriever(nodes=list(texts), filters=filters)
    widened = widen(filtered, RECALL).widened
    found = answer(colour, widened)
    assert len(found) == 25
    assert {each.metadata["tenant"] for each in found} == {"Ada"}
    assert widen(widened, RECALL).widened is widened
    assert len(widen(widened, 60).widened.retrieve("note")) == 25


def test_a_copy_searches_the_same_index() -> None:
    words, widened = bm25(), widen(bm25(), RECALL).widened
    assert widened.__class__.__name__ == "BM25Retriever"
    assert widen(words, RECALL).widened.bm25 is words.bm25


def test_fusion_rises_at_both_levels() -> None:
    assert changes(fusion(similarity_top_k=60)) == [
        "QueryFusionRetriever.retrievers[0].similarity_top_k: 2 → 50",
        "QueryFusionRetriever.retrievers[1].similarity_top_k: 2 → 50",
    ]


def test_merging_into_parents_is_noted() -> None:
    assert widen(merging(), RECALL).notes == (
        "AutoMergingRetriever: what it finds may be merged into fewer, longer nodes: raise recall for more",
    )


def test_every_retriever_that_can_be_entered_rises() -> None:
    assert changes(recursive(other=bm25())) == [
        "RecursiveRetriever.retriever_dict['root'].similarity_top_k: 2 → 50",
        "RecursiveRetriever.retriever_dict['other'].similarity_top_k: 2 → 50",
    ]
    assert changes(entered()) == [
        "VectorIndexRetriever.similarity_top_k: 2 → 50",
        "VectorIndexRetriever.object_map['door'].similarity_top_k: 2 → 50",
    ]


def test_a_retriever_that_brings_every_node_needs_no_widening(colour: Colour) -> None:
    everything = summary_index().as_retriever()
    widening = widen(everything, RECALL)
    assert (widening.changes, widening.unknown) == ((), ())
    assert widening.notes == ("SummaryIndexRetriever brings every node there is",)
    assert len(answer(colour, widening.widened)) == SIZE


def test_none_is_left_to_the_retriever_and_noted(colour: Colour) -> None:
    everything = summary_index().as_retriever(retriever_mode="embedding", similarity_top_k=None, embed_model=Words())
    widening = widen(everything, RECALL)
    assert (widening.changes, widening.unknown) == ((), ())
    assert "similarity_top_k is None" in str(widening)
    assert len(answer(colour, widening.widened)) == SIZE


class Paths(CustomPGRetriever):
    """A property graph's retriever of one's own, with no limit."""

    def init(self, **kwargs: Any) -> None:
        pass

    def custom_retrieve(self, query_str: str) -> str:
        return query_str


def test_property_graphs_rise_where_they_have_a_limit() -> None:
    store = SimplePropertyGraphStore()
    synonyms = LLMSynonymRetriever(store, llm=Says())
    vectors = VectorContextRetriever(store, embed_model=Words(), vector_store=SimpleVectorStore())
    assert changes(PGRetriever([synonyms, vectors])) == [
        "PGRetriever.sub_retrievers[0].limit: 30 → 50",
        "PGRetriever.sub_retrievers[1].similarity_top_k: 4 → 50",
        "PGRetriever.sub_retrievers[1].limit: 30 → 50",
    ]


def test_a_widened_property_graph_really_brings_that_many(colour: Colour) -> None:
    synonyms = LLMSynonymRetriever(property_graph(), llm=Says(answer="Note"), limit=4, include_text=False)
    paths = PGRetriever([synonyms], use_async=False)
    assert len(answer(colour, paths)) == 4
    assert brought(colour, paths) == RECALL


def test_a_property_graph_without_a_limit_is_warned_of_and_can_be_widened_by_hand(colour: Colour) -> None:
    with pytest.warns(RecallWarning, match=r"could not widen PGRetriever\.sub_retrievers\[0\].*pass widen="):
        with_rerank(PGRetriever([Paths(property_graph())]), Scripted())

    def more(each: BaseRetriever, recall: int) -> BaseRetriever | None:
        return Numbers(recall) if isinstance(each, Paths) else None

    reranker = Scripted()
    retriever = with_rerank(PGRetriever([Paths(property_graph())], use_async=False), reranker, widen=more)
    assert len(answer(colour, retriever)) == 5
    assert len(reranker.sent[0][1]) == RECALL


@pytest.mark.filterwarnings("ignore:Call to deprecated class K")
def test_the_older_knowledge_graphs_rise_too_and_what_they_can_bring_is_noted() -> None:
    graph = knowledge_graph_index().as_retriever(num_chunks_per_query=4)
    assert changes(graph) == [
        "KGTableRetriever.num_chunks_per_query: 4 → 50",
        "KGTableRetriever.similarity_top_k: 2 → 50",
    ]
    assert widen(graph, RECALL).notes == (
        "KGTableRetriever: it brings no more texts than the relations it finds lead to",
    )


def test_a_tree_that_is_walked_down_is_warned_of() -> None:
    tree = TreeIndex(notes(10), llm=Says()).as_retriever(retriever_mode="select_leaf", child_branch_factor=2)
    with pytest.warns(RecallWarning, match="could not widen TreeSelectLeafRetriever"):
        with_rerank(tree, Scripted())


def test_a_postprocessor_in_the_first_stage_is_raised_or_noted() -> None:
    class Cutting(Numbers):
        def __init__(self) -> None:
            super().__init__()
            self.postprocessors = [
                RerankPostprocessor(reranker=Scripted(), top_n=3),
                RerankPostprocessor(reranker=Scripted(), top_n=None),
                SimilarityPostprocessor(similarity_cutoff=0.2),
            ]

    retriever = Cutting()
    widening = widen(retriever, RECALL)
    assert [str(change) for change in widening.changes] == [
        "Cutting.top_k: 4 → 50",
        "Cutting.postprocessors[0].top_n: 3 → 50",
    ]
    assert widening.notes == (
        "Cutting.postprocessors[2] (SimilarityPostprocessor) may drop nodes before the reranker sees them",
    )
    assert retriever.postprocessors[0].top_n == 3  # type: ignore[attr-defined]


def test_a_setting_that_is_no_number_is_left_alone() -> None:
    odd = Numbers()
    odd.limit = True  # type: ignore[attr-defined]
    assert changes(odd) == ["Numbers.top_k: 4 → 50"]


def test_settings_of_services_are_found_where_they_keep_them() -> None:
    class Knowledge(Numbers):
        def __init__(self) -> None:
            super().__init__(top_k=99)
            self._retrieval_config = {"vectorSearchConfiguration": {"numberOfResults": 4, "filter": None}}

    widening = widen(Knowledge(), RECALL)
    assert [str(change) for change in widening.changes] == [
        "Knowledge.retrieval_config['vectorSearchConfiguration']['numberOfResults']: 4 → 50"
    ]
    assert widening.widened._retrieval_config["vectorSearchConfiguration"] == {"numberOfResults": 50, "filter": None}


def test_reranking_twice_keeps_its_report_up_to_date() -> None:
    once = with_rerank(similar(), Scripted(), recall=20, top_n=3)
    inner: Any = with_rerank(once, Scripted(), recall=RECALL).retriever
    assert isinstance(inner, RerankRetriever)
    assert inner.widening.widened is inner.retriever
    assert inner.widening.recall == inner.recall == RECALL
    assert (once.widening.recall, once.recall) == (20, 20)


def test_adding_to_the_store_afterwards_is_seen_by_the_copy(colour: Colour) -> None:
    growing = VectorStoreIndex([], embed_model=Words())
    widened = widen(VectorIndexRetriever(growing), RECALL).widened
    growing.insert_nodes(notes())
    assert len(answer(colour, widened)) == RECALL


def test_the_helpers_of_a_retriever_that_writes_sql_are_left_alone() -> None:
    engine = create_engine("sqlite://")
    retriever = NLSQLRetriever(
        SQLDatabase(engine), llm=Says(), embed_model=Words(), rows_retrievers={"books": similar()}
    )
    widening = widen(retriever, RECALL)
    engine.dispose()  # a connection that is left to the garbage collector is warned of
    assert (widening.changes, widening.unknown) == ((), ("NLSQLRetriever",))


# ── The user's own way ──


def test_a_function_of_ones_own_is_asked_about_every_retriever(colour: Colour) -> None:
    def more(each: BaseRetriever, recall: int) -> BaseRetriever | None:
        return Numbers(recall) if isinstance(each, Fixed) else None

    widening = widen(Both(similar(), Fixed()), RECALL, more)
    assert widening.unknown == ()
    assert widening.notes == ("Both.words was widened by the function given as widen=",)
    assert len(answer(colour, widening.widened)) > RECALL


# ── Async ──


class Stubborn(BaseRetriever):
    """Has no async colour, and does not return until somebody else has had a turn."""

    def __init__(self) -> None:
        self.turn = threading.Event()
        self.top_k = 4
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        free = int(self.turn.wait(10))
        return [NodeWithScore(node=TextNode(text=f"{number} {free}")) for number in range(self.top_k)]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_retriever_without_async_does_not_block_the_loop(wrapped: bool) -> None:
    stubborn = Stubborn()
    retriever = with_rerank(fusion(stubborn, num_queries=1) if wrapped else stubborn, Scripted())

    async def both() -> list[NodeWithScore]:
        running = asyncio.create_task(retriever.aretrieve("x"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stubborn.turn.set()
        return await running

    assert [each.score for each in asyncio.run(both())] == [1.0] * 5


class Travelling(Numbers):
    """Found by pickle under its own name."""


def test_a_copy_that_works_in_a_thread_can_still_be_pickled_and_copied(colour: Colour) -> None:
    widened = widen(Travelling(), RECALL).widened
    again = pickle.loads(pickle.dumps(widened))
    assert type(again) is type(widened)
    assert len(answer(colour, again)) == RECALL


def test_a_top_n_that_a_postprocessor_was_given_holds_unless_another_is_said(colour: Colour) -> None:
    mine = RerankPostprocessor(reranker=Scripted(), top_n=2)
    cases: list[tuple[BaseNodePostprocessor, dict[str, Any], int]] = [
        (mine, {}, 2),
        (mine, {"top_n": 4}, 4),
        (mine, {"top_n": None}, 2),
        (RerankPostprocessor(reranker=Scripted(), top_n=None), {}, 50),
        (RerankPostprocessor(reranker=Scripted()), {}, 5),
    ]
    for postprocessor, arguments, count in cases:
        assert len(answer(colour, with_rerank(similar(), postprocessor, **arguments))) == count
    with pytest.raises(ConfigurationError, match="recall must be at least top_n, which is 70"):
        with_rerank(similar(), RerankPostprocessor(reranker=Scripted(), top_n=70), recall=60)

"""The same node twice takes one place, and what was merged stays beside it."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llama_index.core import SummaryIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode
from pydantic import ValidationError

from llama_rerank_kit import (
    CascadeRerank,
    CrossEncoderRerank,
    RecallWarning,
    RerankedNode,
    RerankPostprocessor,
    with_rerank,
)
from llama_rerank_kit.merging import DistinctPostprocessor
from rerank_kit import ConfigurationError
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.llama.recording import recorded
from tests.llama.stores import Says

QUERY = QueryBundle("query")
few = pytest.mark.filterwarnings("ignore::llama_rerank_kit.RecallWarning")


def node(text: str, key: str, score: float | None = 0.5, **metadata: Any) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, id_=key, metadata=metadata), score=score)


def twice() -> list[NodeWithScore]:
    return [
        node("low 1", "a", 0.9),
        node("high 3", "b", 0.8),
        node("low 1", "a", 0.7),
        node("High  3", "c", 0.6),
        node("low 1", "a", None),
    ]


def told(nodes: Sequence[Any]) -> list[tuple[str, list[str]]]:
    return [(each.node_id, [other.node_id for other in getattr(each, "merged_nodes", [])]) for each in nodes]


class Bringing(BaseRetriever):
    """Brings those nodes."""

    def __init__(self, nodes: list[NodeWithScore]) -> None:
        self.nodes = nodes
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.nodes


def every(reranker: Any, nodes: list[NodeWithScore], **settings: Any) -> Any:
    given: dict[str, Any] = {"top_n": None, **settings}
    return with_rerank(Bringing(nodes), reranker, widen=lambda each, _: each, **given)


# ── What is merged ──


def test_the_same_id_and_text_are_merged_into_the_best_placed_and_the_others_stay_beside_it(colour: Colour) -> None:
    given = twice()
    before = copy.deepcopy(given)
    reranker = Scripted()
    best = colour(RerankPostprocessor(reranker=reranker, top_n=None), "postprocess_nodes", given, QUERY)
    assert told(best) == [("b", []), ("c", []), ("a", ["a", "a"])]
    assert best[2].node is given[0].node
    assert (best[2].score, best[2].earlier_scores) == (1.0, [0.9])
    assert [each.score for each in best[2].merged_nodes] == [0.7, None]
    assert [document.score for document in reranker.sent[0][1]] == [0.9, 0.8, 0.6]
    assert given == before
    assert json.loads(json.dumps(best[2].to_dict()))["merged_nodes"][0]["score"] == 0.7


@pytest.mark.parametrize(
    ("distinct", "expected"),
    [
        ("text", [("b", ["c"]), ("a", ["a", "a"])]),
        (0.9, [("b", ["c"]), ("a", ["a", "a"])]),
        (None, [("b", []), ("c", []), ("a", []), ("a", []), ("a", [])]),
    ],
)
def test_by_text_or_not_at_all(distinct: Any, expected: list[Any], colour: Colour) -> None:
    postprocessor = RerankPostprocessor(reranker=Scripted(), top_n=None, distinct=distinct)
    assert told(colour(postprocessor, "postprocess_nodes", twice(), QUERY)) == expected


def test_the_text_is_that_which_the_model_reads(colour: Colour) -> None:
    given = [node("text 1", "a", title="x"), node("text 1", "b", title="y")]
    cases: list[Any] = [(MetadataMode.EMBED, [("a", []), ("b", [])]), (MetadataMode.NONE, [("a", ["b"])])]
    for mode, expected in cases:
        postprocessor = RerankPostprocessor(reranker=Scripted(), distinct="text", metadata_mode=mode)
        assert told(colour(postprocessor, "postprocess_nodes", given, QUERY)) == expected


def test_nodes_without_text_are_the_same_where_their_ids_are(colour: Colour) -> None:
    given = [NodeWithScore(node=ImageNode(image_url="https://example.org/x.png", id_=key)) for key in "aba"]
    for distinct in ("document", "text", 0.5):
        postprocessor = RerankPostprocessor(reranker=Scripted(), distinct=distinct)
        assert told(colour(postprocessor, "postprocess_nodes", given, QUERY)) == [("a", ["a"]), ("b", [])]


def test_scores_become_floats_and_what_was_known_of_a_node_stays(colour: Colour) -> None:
    given = twice()
    given[0].score = np.float32(0.25)  # type: ignore[assignment]
    once = colour(RerankPostprocessor(reranker=Scripted(), top_n=None), "postprocess_nodes", given, QUERY)
    second = RerankPostprocessor(reranker=Scripted(), top_n=None, distinct="text")
    best = colour(second, "postprocess_nodes", [*once, node("LOW 1", "d")], QUERY)
    assert told(best) == [("b", ["c"]), ("a", ["a", "a", "d"])]
    assert best[1].earlier_scores == [0.25, 1.0]
    assert [type(each) for each in best[1].earlier_scores] == [float, float]
    json.dumps([each.to_dict() for each in best])


def test_the_order_that_is_kept_is_merged_too(colour: Colour) -> None:
    postprocessor = RerankPostprocessor(reranker=Failing(RuntimeError("x")), on_error="keep", top_n=2)
    with recorded() as events:
        kept = colour(postprocessor, "postprocess_nodes", twice(), QUERY)
    assert told(kept) == [("a", ["a", "a"]), ("b", [])]
    assert {each.rerank_failed for each in kept} == {"RuntimeError: x"}
    assert events.ends[0].tags["rerank"]["merged"] == 2


def test_the_events_count_what_was_merged_and_say_where_hits_stood_before(colour: Colour) -> None:
    with recorded() as events:
        colour(RerankPostprocessor(reranker=Scripted(), distinct="text"), "postprocess_nodes", twice(), QUERY)
    report = events.ends[0].tags["rerank"]
    assert report["merged"] == 3
    assert [hit["first_stage_rank"] for hit in report["hits"]] == [2, 1]
    assert len(events.starts[0].nodes) == 5


def test_the_decisive_part_is_cut_from_the_node_it_belongs_to(colour: Colour) -> None:
    text = f"{'Nothing was decided at the meeting. ' * 150}The threshold is 75,000 dollars."
    given = [node("Cats sleep.", "a"), node("Cats sleep.", "a"), node(text, "b")]
    postprocessor = CrossEncoderRerank(long_documents="max", top_n=1)
    (best,) = colour(postprocessor, "postprocess_nodes", given, QueryBundle("What is the threshold?"))
    assert "75,000 dollars" in best.relevant_passage


# ── In a retriever or an engine ──


class Theirs(BaseNodePostprocessor):
    """Somebody else's reranker: gives new nodes, or changes the scores of those it gets."""

    anew: bool = True
    top_n: int = 10

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        assert query_bundle is not None
        if self.anew:
            return [NodeWithScore(node=each.node, score=7.0) for each in reversed(nodes)][: self.top_n]
        for each in nodes:
            each.score = 7.0
        return nodes[::-1][: self.top_n]


@pytest.mark.parametrize("anew", [True, False])
def test_a_postprocessor_of_another_make_gets_and_gives_what_is_merged(anew: bool, colour: Colour) -> None:
    cases: list[tuple[dict[str, Any], list[Any]]] = [
        ({}, [("c", []), ("b", []), ("a", ["a", "a"])]),
        ({"distinct": "text"}, [("b", ["c"]), ("a", ["a", "a"])]),
        ({"distinct": None}, [("a", []), ("c", []), ("a", []), ("b", []), ("a", [])]),
    ]
    for settings, expected in cases:
        made = every(Theirs(anew=anew), [], top_n=5, **settings).postprocessor
        best = colour(made, "postprocess_nodes", twice(), QUERY)
        assert told(best) == expected
        assert [each.score for each in best] == [7.0] * len(expected)


def test_texts_with_one_id_keep_apart_what_they_stand_for(colour: Colour) -> None:
    nodes = [node("x", "a", 0.9), node("x", "a", 0.8), node("y", "a", 0.7), node("y", "a", 0.6)]
    made = DistinctPostprocessor(postprocessor=Theirs())
    best = colour(made, "postprocess_nodes", nodes, QUERY)
    assert [(each.text, [other.score for other in each.merged_nodes]) for each in best] == [("y", [0.6]), ("x", [0.8])]
    with pytest.raises(ValidationError, match='distinct must be "document", "text"'):
        made.distinct = "id"  # type: ignore[assignment]


def test_what_merges_nothing_leaves_a_postprocessor_of_another_make_alone() -> None:
    assert isinstance(every(Theirs(), [], top_n=5, distinct=None).postprocessor, Theirs)


@few
def test_retrievers_of_llamaindex_drop_the_same_node_and_with_rerank_merges_the_same_text(colour: Colour) -> None:
    for reranker in (Scripted(), Theirs()):
        best = colour(every(reranker, twice(), top_n=5), "retrieve", "query")
        assert sorted(told(best)) == [("a", []), ("b", []), ("c", [])]
        best = colour(every(reranker, twice(), top_n=5, distinct="text"), "retrieve", "query")
        assert sorted(told(best)) == [("a", []), ("b", ["c"])]


@few
def test_an_engine_merges_before_a_postprocessor_of_any_make(colour: Colour) -> None:
    for reranker in (Scripted(), RerankPostprocessor(reranker=Scripted(), top_n=None), Theirs()):
        engine = RetrieverQueryEngine(Bringing(twice()), TreeSummarize(llm=Says()))
        better: Any = with_rerank(engine, reranker, widen=lambda each, _: each, top_n=5, distinct="text")
        found = colour(better, "query", "query").source_nodes
        assert sorted(told(found)) == [("a", []), ("b", ["c"])]


@few
def test_an_index_merges_once(colour: Colour) -> None:
    nodes = [each.node for each in twice()[:2]] + [TextNode(text="HIGH 3", id_="d")]
    cases: list[Any] = [
        (Theirs(), "text"),
        (Scripted(), "text"),
        (RerankPostprocessor(reranker=Scripted(), distinct="text"), "document"),
    ]
    for reranker, distinct in cases:
        index: Any = with_rerank(SummaryIndex(nodes), reranker, top_n=5, distinct=distinct)
        retriever = index.as_retriever()
        assert told(colour(retriever, "retrieve", "query")) == [("b", ["d"]), ("a", [])]
        inner = retriever.postprocessor
        assert not isinstance(getattr(inner, "postprocessor", None), DistinctPostprocessor)


def test_a_postprocessor_that_says_something_else_has_its_way_where_nothing_else_is_said() -> None:
    for own in ("text", None, 0.9):
        mine = RerankPostprocessor(reranker=Scripted(), distinct=own)
        assert every(mine, []).postprocessor.distinct == own
        assert every(mine, [], distinct=0.5).postprocessor.distinct == 0.5
    assert every(RerankPostprocessor(reranker=Scripted()), [], distinct=None).postprocessor.distinct is None


def test_too_few_candidates_are_those_that_the_first_stage_brought(colour: Colour) -> None:
    def notes(count: int) -> list[NodeWithScore]:
        return [node("note 1", str(number)) for number in range(count)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (best,) = colour(every(Scripted(), notes(50), distinct="text"), "retrieve", "query")
    assert len(best.merged_nodes) == 49
    with pytest.warns(RecallWarning, match="brought 9 candidates"):
        colour(every(Scripted(), notes(9), distinct="text"), "retrieve", "query")


# ── Settings ──


@pytest.mark.parametrize("wrong", [0, 1.5, True, "id"])
def test_a_wrong_setting_is_an_error_that_says_what_there_is(wrong: Any) -> None:
    for reranker in (Scripted(), Theirs()):
        with pytest.raises(ConfigurationError, match='distinct must be "document", "text"'):
            every(reranker, [], distinct=wrong)
    with pytest.raises(ValidationError, match='distinct must be "document", "text"'):
        RerankPostprocessor(reranker=Scripted(), distinct=wrong)


def test_a_stage_cannot_merge_for_itself() -> None:
    with pytest.raises(ValidationError, match=r"stages\[1\] has a distinct= of its own"):
        CascadeRerank(stages=[CrossEncoderRerank(), CrossEncoderRerank(distinct=None)])


def test_dicts_bring_the_same_setting_back() -> None:
    for distinct in ("document", "text", 0.9, None):
        made = CrossEncoderRerank(distinct=distinct)
        assert CrossEncoderRerank.from_dict(made.to_dict()).distinct == distinct
    theirs = DistinctPostprocessor(postprocessor=Theirs())
    assert theirs.to_dict()["class_name"] == "DistinctPostprocessor"


def test_a_reranked_node_of_ones_own_stands_for_none() -> None:
    assert RerankedNode(node=TextNode(text="x")).merged_nodes == []


def test_what_is_merged_changes_without_another_reranker_being_made() -> None:
    class Mine(RerankPostprocessor):
        def _build(self) -> Scripted:
            return Scripted()

    for made in (Mine(), Mine(reranker=Scripted())):
        changed = made.model_copy(update={"distinct": "text"})
        assert changed.loaded is made.loaded
        assert changed.distinct == "text"

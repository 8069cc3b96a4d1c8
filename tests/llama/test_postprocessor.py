"""A reranker as a LlamaIndex postprocessor: nodes are not touched, scores are floats, events come in pairs."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from llama_index.core.callbacks import CallbackManager, EventPayload
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import (
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from pydantic import ValidationError

from llama_rerank_kit import CrossEncoderRerank, RecallWarning, RerankedNode, RerankPostprocessor
from rerank_kit import (
    BackendError,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Document,
    Fallback,
    Hit,
    InvalidResponse,
    MissingExtra,
    Ranking,
    Reranker,
)
from rerank_kit.flow import Flow, blocking
from rerank_kit.local import OnnxCrossEncoder
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.doubles import Answering, Failing, Gated, Scripted
from tests.llama.recording import Callbacks, recorded
from tests.servers import eventually

QUERY = QueryBundle("query")


class Page(TextNode):
    """A user's own subclass."""

    number: int = 0


def pages() -> list[NodeWithScore]:
    low = {"text": "low 1", "id_": "a", "metadata": {"source": "x"}, "number": 7}
    return [
        NodeWithScore(node=Page.model_validate(low), score=0.9),
        NodeWithScore(node=TextNode(text="high 3", id_="b"), score=0.5),
        NodeWithScore(node=TextNode(text="middle 2", id_="c")),
    ]


def ends_in(text: str) -> float:
    return float(text.rsplit(maxsplit=1)[-1])


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [each.node_id for each in nodes]


# ── Nodes and scores ──


def test_what_comes_out_equals_plain_nodes_with_the_same_scores(colour: Colour) -> None:
    best = colour(RerankPostprocessor(reranker=Scripted(ends_in)), "postprocess_nodes", pages(), QUERY)
    low, high, middle = (each.node for each in pages())
    plain = [NodeWithScore(node=node, score=score) for node, score in ((high, 3.0), (middle, 2.0), (low, 1.0))]
    assert best == plain
    assert plain == best
    assert plain[0] in best
    for other in (NodeWithScore(node=high, score=2.9), NodeWithScore(node=low, score=3.0), NodeWithScore(node=high)):
        assert best[0] != other
        assert other != best[0]


def test_two_reranked_nodes_are_equal_when_all_that_they_remember_is() -> None:
    node = TextNode(text="x", id_="x")
    first = RerankedNode(node=node, score=1.0, relevance_reason="it says so")
    assert first == RerankedNode(node=node.model_copy(), score=1.0, relevance_reason="it says so")
    assert first != RerankedNode(node=node, score=1.0, relevance_reason="it says the opposite")
    assert first != RerankedNode(node=node, score=1.0, relevance_reason="it says so", rerank_failed="TimeoutError: ")


def test_a_reranked_node_equals_nothing_else() -> None:
    class Dated(NodeWithScore):
        """A user's own, whose date would be passed over."""

        date: str = "today"

    reranked = RerankedNode(node=TextNode(text="x", id_="x"), score=1.0)
    for other in (Dated(node=reranked.node, score=1.0), reranked.node, (reranked.node, 1.0), None):
        assert reranked != other
        assert other != reranked


def test_a_reranked_node_can_be_hashed_no_more_than_a_plain_one() -> None:
    for node in (NodeWithScore(node=TextNode()), RerankedNode(node=TextNode())):
        with pytest.raises(TypeError, match="unhashable"):
            hash(node)


def test_the_very_nodes_that_came_in_come_out_best_first(colour: Colour) -> None:
    given = pages()
    best = colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", given, QUERY)
    assert ids(best) == ["b", "c", "a"]
    assert [each.score for each in best] == [3.0, 2.0, 1.0]
    assert [each.node for each in best] == [given[1].node, given[2].node, given[0].node]
    assert best[2].node is given[0].node
    assert isinstance(given[0].node, Page)
    assert given[0].node.number == 7


def test_what_came_in_is_not_touched(colour: Colour) -> None:
    given = pages()
    before = copy.deepcopy(given)
    kinds = [type(each) for each in given]
    best = colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", given, QUERY)
    best[0].score = 99.0
    assert given == before
    assert [type(each) for each in given] == kinds
    assert [each.node.hash for each in given] == [each.node.hash for each in before]


def test_earlier_scores_are_kept_in_order_and_a_missing_one_leaves_no_gap(colour: Colour) -> None:
    first = RerankPostprocessor(reranker=Scripted())
    second = RerankPostprocessor(reranker=Scripted(lambda text: -ends_in(text)))
    once = colour(first, "postprocess_nodes", pages(), QUERY)
    twice = colour(second, "postprocess_nodes", once, QUERY)
    assert {each.node_id: (each.score, each.earlier_scores) for each in twice} == {
        "a": (-1.0, [0.9, 1.0]),
        "b": (-3.0, [0.5, 3.0]),
        "c": (-2.0, [2.0]),
    }
    assert once[0].earlier_scores == [0.5]


@pytest.mark.parametrize("mode", list(MetadataMode))
def test_no_later_reader_sees_anything_of_the_reranking_in_the_text(colour: Colour, mode: MetadataMode) -> None:
    given = pages()
    before = {each.node_id: each.node.get_content(mode) for each in given}
    best = colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", given, QUERY)
    assert {each.node_id: each.get_content(mode) for each in best} == before
    assert {each.node_id: each.metadata for each in best} == {"a": {"source": "x"}, "b": {}, "c": {}}


def test_everything_dumps_to_json_whatever_numbers_went_in(colour: Colour) -> None:
    given = pages()
    given[0].score = np.float32(0.25)  # type: ignore[assignment]  # LlamaIndex's own rerankers leave such scores
    reranker = Scripted(lambda text: np.float32(ends_in(text)))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", given, QUERY)
    assert [type(each.score) for each in best] == [float] * 3
    dumped = json.loads(json.dumps([each.to_dict() for each in best]))
    assert dumped[2]["score"] == 1.0
    assert dumped[2]["earlier_scores"] == [0.25]
    assert dumped[2]["class_name"] == "NodeWithScore"
    assert json.loads(best[2].to_json()) == dumped[2]


def test_the_reranker_gets_the_query_the_metadata_and_the_score_of_the_stage_before(colour: Colour) -> None:
    reranker = Scripted()
    colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QueryBundle("why?"))
    ((query, sent),) = reranker.sent
    assert query == "why?"
    assert [document.score for document in sent] == [0.9, 0.5, None]
    assert sent[0].metadata == {"source": "x"}


def test_query_str_and_query_bundle_both_work_and_one_is_needed(colour: Colour) -> None:
    postprocessor = RerankPostprocessor(reranker=Scripted())
    by_bundle = colour(postprocessor, "postprocess_nodes", pages(), query_bundle=QUERY)
    assert colour(postprocessor, "postprocess_nodes", pages(), query_str="query") == by_bundle
    with pytest.raises(ConfigurationError, match="query_str= or query_bundle="):
        colour(postprocessor, "postprocess_nodes", pages())
    with pytest.raises(ValueError, match="both"):
        colour(postprocessor, "postprocess_nodes", pages(), query_str="query", query_bundle=QUERY)


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (MetadataMode.EMBED, "seen: 1\n\ntext 5"),
        (MetadataMode.LLM, "seen: 1\nhidden: 2\n\ntext 5"),
        (MetadataMode.NONE, "text 5"),
    ],
)
def test_the_model_reads_the_text_of_the_metadata_mode(colour: Colour, mode: MetadataMode, text: str) -> None:
    reranker = Scripted()
    node = TextNode(text="text 5", metadata={"seen": 1, "hidden": 2}, excluded_embed_metadata_keys=["hidden"])
    postprocessor = RerankPostprocessor(reranker=reranker, metadata_mode=mode)
    colour(postprocessor, "postprocess_nodes", [NodeWithScore(node=node)], QUERY)
    assert reranker.sent[0][1][0].text == text


def test_by_default_the_model_reads_what_an_embedding_model_reads() -> None:
    assert RerankPostprocessor(reranker=Scripted()).metadata_mode is MetadataMode.EMBED


def test_nodes_of_every_kind_are_taken_and_those_without_text_rank_last(colour: Colour) -> None:
    given = [
        NodeWithScore(node=ImageNode(image_url="https://example.org/x.png", id_="image"), score=0.9),
        NodeWithScore(node=Node(text_resource=MediaResource(text="modern 2"), id_="modern"), score=0.8),
        NodeWithScore(node=IndexNode(text="index 3", index_id="i", id_="index", obj=Scripted()), score=0.7),
    ]
    best = colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", given, QUERY)
    assert ids(best) == ["index", "modern", "image"]
    assert best[0].node is given[2].node


def test_top_n_and_threshold_cut(colour: Colour) -> None:
    def best(**limits: Any) -> list[str]:
        return ids(colour(RerankPostprocessor(reranker=Scripted(), **limits), "postprocess_nodes", pages(), QUERY))

    assert best(top_n=1) == ["b"]
    assert best(top_n=None, threshold=2) == ["b", "c"]
    assert best(top_n=None, threshold=0.0) == ["b", "c", "a"]
    assert best(top_n=99) == ["b", "c", "a"]


def test_the_reason_for_a_score_is_kept_beside_it(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(1, 0.9, why="it says so"), Hit(0, 0.1))))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QUERY)
    assert [each.relevance_reason for each in best] == ["it says so", None]


def test_by_default_three_come_out(colour: Colour) -> None:
    many = [NodeWithScore(node=TextNode(text=f"text {number}")) for number in range(9)]
    assert len(colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", many, QUERY)) == 3


def test_equal_scores_keep_the_order_of_the_first_stage(colour: Colour) -> None:
    reranker = Scripted(lambda _: 0.5)
    assert ids(colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QUERY)) == ["a", "b", "c"]


def test_the_decisive_part_of_a_long_text_is_kept_beside_the_score(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(1, 0.9, passage=(0, 4)), Hit(0, 0.1))))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QUERY)
    assert [each.relevant_passage for each in best] == ["high", None]


# ── Settings ──


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_n": 0},
        {"top_n": -1},
        {"threshold": math.nan},
        {"timeout": 0},
        {"timeout": math.inf},
        {"on_error": "ignore"},
        {"reranker": "bge"},
        {"reranker": Scripted},
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"reranker": Scripted(), **wrong}
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        RerankPostprocessor(**fields)


def test_a_reranker_of_ones_own_is_not_in_the_dict_and_is_passed_again(colour: Colour) -> None:
    made = RerankPostprocessor(reranker=Scripted(), top_n=2)
    assert "reranker" not in made.to_dict()
    again = RerankPostprocessor.from_dict(made.to_dict(), reranker=Scripted(lambda text: -ends_in(text)))
    assert ids(colour(again, "postprocess_nodes", pages(), QUERY)) == ["a", "c"]


def test_a_pickle_carries_the_reranker_and_leaves_the_callback_manager_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = RerankPostprocessor(reranker=Failing(ValueError("x")), callback_manager=CallbackManager([Callbacks()]))
    again: RerankPostprocessor = pickle.loads(pickle.dumps(made))
    assert isinstance(again.loaded, Failing)
    assert again.callback_manager.handlers == []
    assert caplog.records == []


def test_a_reranker_that_cannot_be_pickled_is_an_error_and_not_lost_in_silence() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(RerankPostprocessor(reranker=Scripted(lambda _: 0.5)))


def test_a_reranker_knows_documents_by_the_ids_of_their_nodes(colour: Colour) -> None:
    reranker = Scripted(ends_in)
    colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QUERY)
    ((_, sent),) = reranker.sent
    assert [document.id for document in sent] == ["a", "b", "c"]


def test_it_can_be_copied_deeply(colour: Colour) -> None:
    made = RerankPostprocessor(reranker=Scripted(ends_in), top_n=2)
    other = copy.deepcopy(made)
    assert ids(colour(other, "postprocess_nodes", pages(), QUERY)) == ["b", "c"]


def test_the_best_local_reranker_is_taken_when_none_is_given(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="rerank_kit"):
        assert isinstance(RerankPostprocessor().loaded, OnnxCrossEncoder)
    assert "taking the local OnnxCrossEncoder('ms-marco-MiniLM-L-12-v2'" in caplog.text


class Backwards(RerankPostprocessor):
    """A subclass takes a few lines."""

    factor: float = -1.0

    def _build(self) -> Reranker:
        return Scripted(lambda text: self.factor * ends_in(text))


def test_a_subclass_takes_a_few_lines(colour: Colour) -> None:
    again = Backwards.from_json(Backwards(top_n=2).to_json())
    assert ids(colour(again, "postprocess_nodes", pages(), QUERY)) == ["a", "c"]
    assert again.to_dict()["class_name"] == "Backwards"


# ── Failure ──


@pytest.mark.parametrize("error", [RuntimeError("no memory"), DeadlineExceeded("too late")])
def test_a_failed_reranking_raises_by_default(colour: Colour, error: Exception) -> None:
    with pytest.raises(type(error)):
        colour(RerankPostprocessor(reranker=Failing(error)), "postprocess_nodes", pages(), QUERY)


def test_with_keep_it_returns_the_first_stages_order_flagged(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    postprocessor = RerankPostprocessor(reranker=Failing(RuntimeError("no memory")), on_error="keep", top_n=2)
    best = colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    assert [(each.node_id, each.score, each.earlier_scores) for each in best] == [
        ("a", None, [0.9]),
        ("b", None, [0.5]),
    ]
    assert {each.rerank_failed for each in best} == {"RuntimeError: no memory"}
    (line,) = caplog.records
    assert (line.exc_info, line.getMessage().splitlines()) == (None, [line.getMessage()])
    assert line.getMessage().endswith("RuntimeError: no memory")
    json.dumps([each.to_dict() for each in best])


def test_with_keep_no_node_has_a_score_and_those_that_were_there_are_earlier_ones(colour: Colour) -> None:
    postprocessor = RerankPostprocessor(reranker=Failing(RuntimeError("x")), on_error="keep")
    once = [RerankedNode(node=TextNode(text="x"), score=2.0, earlier_scores=[1.0]), pages()[2]]
    best = colour(postprocessor, "postprocess_nodes", once, QUERY)
    assert [(each.score, each.earlier_scores) for each in best] == [(None, [1.0, 2.0]), (None, [])]


@pytest.mark.parametrize("error", [ConfigurationError("wrong key"), MissingExtra("x is missing", "x")])
def test_a_wrong_setting_raises_even_with_keep(colour: Colour, error: Exception) -> None:
    with pytest.raises(type(error)):
        colour(RerankPostprocessor(reranker=Failing(error), on_error="keep"), "postprocess_nodes", pages(), QUERY)


@pytest.mark.parametrize("question", ["", " \n\t", "\u200b\ufeff"], ids=ascii)
def test_with_keep_a_blank_question_gives_the_first_stages_order(colour: Colour, question: str) -> None:
    reranker = Scripted()
    postprocessor = RerankPostprocessor(reranker=reranker, on_error="keep", top_n=2)
    best = colour(postprocessor, "postprocess_nodes", pages(), QueryBundle(question))
    assert [(each.node_id, each.score, each.earlier_scores) for each in best] == [
        ("a", None, [0.9]),
        ("b", None, [0.5]),
    ]
    assert all(each.rerank_failed.startswith("BlankQuery: query is empty") for each in best)
    assert reranker.sent == []


def test_without_keep_a_blank_question_raises(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="query is empty"):
        colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", pages(), QueryBundle(" "))


def test_with_keep_a_timeout_degrades_too(colour: Colour) -> None:
    class Slow(Reranker):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            while True:
                yield from blocking(deadline.check)

    postprocessor = RerankPostprocessor(reranker=Slow(), timeout=0.01, on_error="keep")
    best = colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    assert best[0].rerank_failed.startswith("DeadlineExceeded")


def test_too_few_or_impossible_scores_are_an_error_and_no_silent_loss(colour: Colour) -> None:
    for reranker in (Scripted(lambda _: math.nan), Answering(Ranking((Hit(0, 1.0), Hit(0, 1.0))))):
        with pytest.raises(InvalidResponse):
            colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", pages(), QUERY)


# ── Events ──


def test_events_come_in_a_pair_and_say_what_happened(colour: Colour) -> None:
    with recorded() as events:
        colour(RerankPostprocessor(reranker=Scripted(), top_n=2), "postprocess_nodes", pages(), QUERY)
    (start,), (end,) = events.starts, events.ends
    assert (start.query, start.top_n, start.model_name) == (QUERY, 2, "scripted")
    assert ids(start.nodes) == ["a", "b", "c"]
    assert ids(end.nodes) == ["b", "c"]
    report = end.tags["rerank"]
    assert [hit["first_stage_rank"] for hit in report["hits"]] == [2, 3]
    assert report["usage"]["pairs"] == 3
    assert report["outcome"] == "ok"
    for event in (start, end):
        json.dumps(event.model_dump(mode="json"))
        event.model_dump_json()


def test_the_reranking_is_a_span_and_the_events_belong_to_it(colour: Colour) -> None:
    with recorded() as events:
        colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", pages(), QUERY)
    spans = [*events.spans_of("_postprocess_nodes"), *events.spans_of("_apostprocess_nodes")]
    assert [events.starts[0].span_id, events.ends[0].span_id] == spans * 2
    assert len(spans) == 1


def test_without_a_limit_the_start_event_says_all(colour: Colour) -> None:
    with recorded() as events:
        colour(RerankPostprocessor(reranker=Failing(KeyError()), top_n=None), "postprocess_nodes", [], QUERY)
        colour(RerankPostprocessor(reranker=Scripted(model=None), top_n=None), "postprocess_nodes", pages(), QUERY)
    assert [start.top_n for start in events.starts] == [0, 3]
    assert [start.model_name for start in events.starts] == ["Failing", "Scripted"]


def test_nothing_in_is_nothing_out_with_a_pair_of_events_and_no_call_of_the_model(colour: Colour) -> None:
    reranker, callbacks = Scripted(), Callbacks()
    postprocessor = RerankPostprocessor(reranker=reranker, callback_manager=CallbackManager([callbacks]))
    with recorded() as events:
        assert colour(postprocessor, "postprocess_nodes", [], QUERY) == []
    assert len(events.starts) == len(events.ends) == len(callbacks.starts) == len(callbacks.ends) == 1
    assert reranker.sent == []


def test_events_come_in_a_pair_when_reranking_fails(colour: Colour) -> None:
    callbacks = Callbacks()
    postprocessor = RerankPostprocessor(
        reranker=Failing(RuntimeError("no memory")), callback_manager=CallbackManager([callbacks])
    )
    with recorded() as events, pytest.raises(RuntimeError):
        colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    assert (len(events.starts), len(events.ends)) == (1, 1)
    assert events.ends[0].nodes == []
    assert len(callbacks.starts) == 1
    assert isinstance(callbacks.ends[0][EventPayload.EXCEPTION], RuntimeError)


def test_a_kept_order_says_in_the_event_that_it_is_one(colour: Colour) -> None:
    with recorded() as events:
        postprocessor = RerankPostprocessor(reranker=Failing(RuntimeError("x")), on_error="keep")
        colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    assert ids(events.ends[0].nodes) == ["a", "b", "c"]
    assert events.ends[0].tags["rerank"] == {
        "outcome": "failed",
        "problem": "RuntimeError: x",
        "merged": 0,
    }


def test_events_come_in_a_pair_when_the_call_is_cancelled() -> None:
    class Waiting(Reranker):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            yield from blocking(lambda: None)
            reached.set()
            while True:
                yield from blocking(deadline.check)

    callbacks = Callbacks()
    postprocessor = RerankPostprocessor(
        reranker=Waiting(), on_error="keep", callback_manager=CallbackManager([callbacks])
    )

    async def cancelled() -> None:
        task = asyncio.create_task(postprocessor.apostprocess_nodes(pages(), QUERY))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    reached = asyncio.Event()
    with recorded() as events:
        asyncio.run(cancelled())
    assert len(events.starts) == len(events.ends) == len(callbacks.starts) == len(callbacks.ends) == 1


def test_the_older_callbacks_get_their_pair_too(colour: Colour) -> None:
    callbacks = Callbacks()
    postprocessor = RerankPostprocessor(reranker=Scripted(), top_n=2, callback_manager=CallbackManager([callbacks]))
    colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    (start,), (end,) = callbacks.starts, callbacks.ends
    assert ids(start[EventPayload.NODES]) == ["a", "b", "c"]
    assert (start[EventPayload.MODEL_NAME], start[EventPayload.QUERY_STR], start[EventPayload.TOP_K]) == (
        "scripted",
        "query",
        2,
    )
    assert ids(end[EventPayload.NODES]) == ["b", "c"]


# ── Async ──


def test_async_calls_wait_side_by_side_and_leave_the_loop_free() -> None:
    class Together(Reranker):
        """Answers once all of them wait."""

        def __init__(self) -> None:
            self.waiting = 0

        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            self.waiting += 1
            while self.waiting < 20:
                yield from blocking(deadline.check)
            return Ranking.by_score([0.0] * len(documents))

    postprocessor = RerankPostprocessor(reranker=Together(), timeout=60)

    async def all_at_once() -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(postprocessor.apostprocess_nodes(pages(), QUERY) for _ in range(20)))

    assert [ids(best) for best in asyncio.run(all_at_once())] == [["a", "b", "c"]] * 20


def test_too_few_candidates_are_warned_of_once_at_the_users_line(colour: Colour) -> None:
    postprocessor = RerankPostprocessor(reranker=Scripted(), recall=50)
    with pytest.warns(RecallWarning, match="brought 3 candidates where 50 were asked for") as caught:
        colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    assert "conftest" in caught[0].filename
    colour(postprocessor, "postprocess_nodes", pages(), QUERY)
    colour(RerankPostprocessor(reranker=Scripted(), recall=50), "postprocess_nodes", [], QUERY)


def test_it_is_a_node_postprocessor() -> None:
    assert issubclass(CrossEncoderRerank, BaseNodePostprocessor)


@pytest.mark.parametrize("on_error", ["raise", "keep"])
def test_a_cancelled_call_drops_the_pairs_that_have_not_begun(on_error: Any) -> None:
    gated = Gated()
    postprocessor = RerankPostprocessor(reranker=gated, on_error=on_error)
    begun = tasks_left_by_cancelling(
        lambda: postprocessor.apostprocess_nodes(pages(), QUERY), lambda: bool(gated.begun)
    )
    assert begun == 1
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert len(gated.begun) == 1


def test_nodes_say_where_they_stood_and_what_of_their_ranking_is_degraded(colour: Colour) -> None:
    nodes = [NodeWithScore(node=TextNode(text=f"note {number}", id_=str(number)), score=0.5) for number in (1, 3, 2)]
    fallback = Fallback(Failing(BackendError("out of order")), Scripted())
    best = colour(RerankPostprocessor(reranker=fallback), "postprocess_nodes", nodes, query_str="query")
    assert [(each.node_id, each.first_stage_rank) for each in best] == [("3", 2), ("2", 3), ("1", 1)]
    assert all("out of order" in each.rerank_degraded for each in best)
    again = colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", best[::-1], query_str="query")
    assert [(each.first_stage_rank, each.rerank_degraded) for each in again] == [(2, None), (3, None), (1, None)]


def test_nodes_have_no_score_where_nothing_could_be_ranked(colour: Colour) -> None:
    nodes = [NodeWithScore(node=TextNode(text="note"), score=0.5)]
    answer = Ranking((Hit(0, 0.0),), failure="no server")
    (kept,) = colour(RerankPostprocessor(reranker=Answering(answer)), "postprocess_nodes", nodes, query_str="query")
    assert (kept.score, kept.earlier_scores) == (None, [0.5])
    assert kept.rerank_degraded == kept.rerank_failed == "no server"
    again = colour(RerankPostprocessor(reranker=Scripted(len)), "postprocess_nodes", [kept], query_str="query")
    assert again[0].rerank_failed is None

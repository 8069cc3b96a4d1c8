"""What every reranker owes its callers, tested on the base class."""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import (
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Document,
    Hit,
    InvalidResponse,
    Ranking,
    Reranker,
    Span,
    Usage,
)
from rerank_kit.flow import Flow, blocking, sleep
from rerank_kit.observe.hooks import log_span
from tests.conftest import Colour
from tests.doubles import Answering, Failing, Scripted

DOCUMENTS = ["low 1", "high 3", "middle 2"]


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking.hits]


def test_hits_come_best_first_and_point_into_the_callers_sequence(colour: Colour) -> None:
    ranking = colour(Scripted(), "rerank", "query", DOCUMENTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 3.0), (2, 2.0), (0, 1.0)]


def test_documents_and_plain_strings_are_the_same(colour: Colour) -> None:
    as_documents = [Document(text, {"id": text}, score=0.5) for text in DOCUMENTS]
    reranker = Scripted()
    assert indices(colour(reranker, "rerank", "query", as_documents)) == [1, 2, 0]
    assert reranker.sent[0][1] == as_documents


@pytest.mark.parametrize(("top_n", "expected"), [(1, [1]), (2, [1, 2]), (99, [1, 2, 0]), (None, [1, 2, 0])])
def test_top_n_cuts_and_is_clamped(colour: Colour, top_n: int | None, expected: list[int]) -> None:
    assert indices(colour(Scripted(), "rerank", "query", DOCUMENTS, top_n=top_n)) == expected


@pytest.mark.parametrize("top_n", [0, -1, 1.5, "3", True])
def test_a_top_n_that_asks_for_nothing_is_an_error(colour: Colour, top_n: Any) -> None:
    with pytest.raises(ConfigurationError, match="top_n must be a whole number of at least 1"):
        colour(Scripted(), "rerank", "query", DOCUMENTS, top_n=top_n)


def test_a_threshold_leaves_out_lower_scores_and_keeps_equal_ones(colour: Colour) -> None:
    assert indices(colour(Scripted(), "rerank", "query", DOCUMENTS, threshold=2)) == [1, 2]


def test_a_threshold_of_zero_is_a_threshold(colour: Colour) -> None:
    assert indices(colour(Scripted(), "rerank", "query", ["a -1", "b 0", "c 1"], threshold=0.0)) == [2, 1]


@pytest.mark.parametrize("threshold", [math.nan, math.inf, "0.5", False])
def test_a_threshold_that_is_no_number_is_an_error(threshold: Any) -> None:
    with pytest.raises(ConfigurationError, match="threshold must be a finite number"):
        Scripted().rerank("query", DOCUMENTS, threshold=threshold)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, "1"])
def test_a_timeout_that_leaves_no_time_is_an_error(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds"):
        Scripted().rerank("query", DOCUMENTS, timeout=timeout)


@pytest.mark.parametrize("query", ["", "  \n", None, 7])
def test_an_empty_query_is_an_error(colour: Colour, query: Any) -> None:
    with pytest.raises(ConfigurationError, match="query"):
        colour(Scripted(), "rerank", query, DOCUMENTS)


@pytest.mark.parametrize(
    ("documents", "remedy"),
    [
        ("one text", "str: wrap it in a list"),
        (Document("one"), "Document: wrap it in a list"),
        ({"a", "b"}, r"set: pass list\(documents\)"),
        ((text for text in ["a"]), r"generator: pass list\(documents\)"),
        ({"id": "a"}, r"dict: pass list\(documents.values\(\)\), and the keys as Document\(text, id=key\)"),
        (7, "int: pass all candidates in a list"),
        (None, "NoneType: pass all candidates in a list"),
    ],
)
def test_documents_that_are_no_list_are_told_how_to_be_one(documents: Any, remedy: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=f"(?m)^documents must be a list of Document or str, not {remedy}$"):
        colour(Scripted(), "rerank", "query", documents)


@pytest.mark.parametrize(
    ("item", "remedy"),
    [
        ({"text": "a"}, r"a dict: pass Document\(each\['text'\]\)"),
        ({"id": 3, "page_content": "a"}, r"a dict: pass Document\(each\['page_content'\]\)"),
        ({"title": "a"}, r"a dict: pass Document\(each\[\"…\"\]\)"),
        (("id", "a"), r"tuple \(\('id', 'a'\)\): pass its text, or Document\(text, metadata, id=…\)"),
        (["a"], r"list \(\['a'\]\): pass its text, or Document\(text, metadata, id=…\)"),
        (None, r"NoneType \(None\): pass its text, or Document\(text, metadata, id=…\)"),
    ],
)
def test_what_is_no_document_is_told_how_to_be_one(item: Any, remedy: str, colour: Colour) -> None:
    told = rf"(?m)^documents\[1\] must be a rerank_kit.Document or a str, not {remedy}$"
    with pytest.raises(ConfigurationError, match=told):
        colour(Scripted(), "rerank", "query", ["fine 1", item])


def test_a_query_and_documents_that_are_swapped_are_told_so(colour: Colour) -> None:
    for documents in (["a 1"], [Document("a 1")]):
        with pytest.raises(ConfigurationError, match=r"are swapped: write rerank\(query, documents\)"):
            colour(Scripted(), "rerank", documents, "query")


@pytest.mark.parametrize(
    ("query", "remedy"), [({"question": "q"}, r"query\['question'\]"), ({"q": "q"}, r"query\[\"…\"\]")]
)
def test_a_query_in_a_mapping_is_told_of(query: Any, remedy: str, colour: Colour) -> None:
    told = f"(?m)query must be a str, not dict: .*Pass the text in it, {remedy}$"
    with pytest.raises(ConfigurationError, match=told):
        colour(Scripted(), "rerank", query, ["a 1"])


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("langchain_core.documents.base", r": wrap the reranker in langchain_rerank_kit\.RerankCompressor, or pass .*"),
        ("llama_index.core.schema", r": wrap the reranker in llama_rerank_kit\.RerankPostprocessor, or pass .*"),
        ("somewhere.langchain_core", ""),
    ],
)
def test_a_document_of_a_framework_is_told_by_its_module_with_what_to_do(module: str, remedy: str) -> None:
    theirs: Any = type("Document", (), {"__module__": module})
    mine: Any = type("Page", (theirs,), {"__module__": "mine"})
    for kind, name in ((theirs, f"{module}.Document"), (mine, "mine.Page")):
        told = rf"(?m)documents\[1\] must be a rerank_kit\.Document or a str, not {re.escape(name)}{remedy}$"
        with pytest.raises(ConfigurationError, match=told):
            Scripted().rerank("query", ["a 1", kind()])


@pytest.mark.parametrize("item", [None, 7, Document(None)])  # type: ignore[arg-type]
def test_a_wrong_document_is_named_by_its_place(item: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"documents\[1\]"):
        Scripted().rerank("query", ["fine 1", item])


def test_no_documents_give_an_empty_ranking_without_asking_the_model(colour: Colour) -> None:
    reranker = Scripted()
    assert colour(reranker, "rerank", "query", []).hits == ()
    assert reranker.sent == []


def test_documents_without_text_are_never_sent_and_rank_last(colour: Colour) -> None:
    reranker = Scripted()
    ranking = colour(reranker, "rerank", "query", ["", "low 1", " \n\t", "high 3"])
    assert indices(ranking) == [3, 1, 0, 2]
    assert [document.text for document in reranker.sent[0][1]] == ["low 1", "high 3"]
    assert ranking.usage == Usage(pairs=2, empty=2)


def test_documents_without_text_score_no_higher_than_any_other() -> None:
    ranking = Scripted().rerank("query", ["", "a -4", "b -2"])
    assert [(hit.index, hit.score) for hit in ranking] == [(2, -2.0), (1, -4.0), (0, -4.0)]


def test_documents_without_text_do_not_pass_a_threshold() -> None:
    assert indices(Scripted().rerank("query", ["", "a 0"], threshold=0.0)) == [1]


def test_nothing_but_empty_documents_is_ranked_without_asking_the_model(colour: Colour) -> None:
    reranker = Scripted()
    assert indices(colour(reranker, "rerank", "query", ["", " "])) == [0, 1]
    assert reranker.sent == []


@pytest.mark.parametrize("hits", [[Hit(3, 1.0)], [Hit(-1, 1.0)], [Hit(0, 1.0), Hit(0, 0.5)]])
def test_an_index_out_of_range_or_twice_is_an_invalid_response(colour: Colour, hits: list[Hit]) -> None:
    with pytest.raises(InvalidResponse, match="index") as caught:
        colour(Answering(Ranking(tuple(hits))), "rerank", "query", DOCUMENTS)
    assert caught.value.backend == "Answering"


def test_nan_is_an_invalid_response_and_not_a_rank(colour: Colour) -> None:
    with pytest.raises(InvalidResponse, match="finite"):
        colour(Scripted(lambda _: math.nan), "rerank", "query", DOCUMENTS)
    with pytest.raises(InvalidResponse, match="finite"):
        colour(Answering(Ranking((Hit(0, math.nan),))), "rerank", "query", DOCUMENTS)


def test_a_filter_may_return_fewer_documents() -> None:
    assert indices(Answering(Ranking((Hit(2, 1.0, "answers"),))).rerank("query", DOCUMENTS)) == [2]


def test_a_ranking_tells_who_did_what(colour: Colour) -> None:
    ranking = colour(Scripted(), "rerank", "query", ["", *DOCUMENTS], top_n=2)
    (span,) = ranking.spans
    assert (span.backend, span.model, span.documents_in, span.documents_out) == ("Scripted", "scripted", 4, 2)
    assert span.outcome == "ok"
    assert span.problem is None
    assert span.seconds >= 0
    assert span.usage == ranking.usage


def test_hooks_receive_the_span_of_every_ranking(colour: Colour) -> None:
    seen: list[Span] = []
    reranker = Scripted()
    reranker.hooks = [seen.append]
    ranking = colour(reranker, "rerank", "query", DOCUMENTS)
    assert tuple(seen) == ranking.spans


def test_hooks_hear_of_failures_too(colour: Colour) -> None:
    seen: list[Span] = []
    reranker = Failing(RuntimeError("no memory"))
    reranker.hooks = [seen.append]
    with pytest.raises(RuntimeError):
        colour(reranker, "rerank", "query", DOCUMENTS)
    assert [(span.outcome, span.problem, span.documents_out) for span in seen] == [
        ("failed", "RuntimeError: no memory", 0)
    ]


def test_a_hook_that_fails_does_not_cost_the_ranking(caplog: pytest.LogCaptureFixture) -> None:
    def broken(span: Span) -> None:
        raise ValueError(span)

    reranker = Scripted()
    reranker.hooks = [broken]
    assert len(reranker.rerank("query", DOCUMENTS)) == 3
    assert "a hook failed" in caplog.text


def test_a_degraded_part_makes_the_whole_degraded_and_says_why() -> None:
    part = Span("Inner", None, 3, 3, 0.1, outcome="degraded", problem="budget used up")
    ranking = Answering(Ranking((Hit(0, 1.0),), spans=(part,))).rerank("query", DOCUMENTS)
    assert ranking.degraded
    assert ranking.spans[0] is part
    assert (ranking.spans[1].outcome, ranking.spans[1].problem) == ("degraded", "budget used up")


def test_rankings_can_be_logged_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rerank_kit")
    reranker = Scripted()
    reranker.hooks = [log_span]
    reranker.rerank("query", DOCUMENTS)
    broken = Failing(RuntimeError("no memory"))
    broken.hooks = [log_span]
    with pytest.raises(RuntimeError):
        broken.rerank("query", DOCUMENTS)
    fine, failed = caplog.records
    assert "Scripted(scripted) ok: 3 documents to 3" in fine.getMessage()
    assert (failed.levelno, "no memory" in failed.getMessage()) == (logging.WARNING, True)


def test_a_deadline_that_has_passed_stops_the_work(colour: Colour) -> None:
    class Slow(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            while True:
                yield from blocking(deadline.check)

    with pytest.raises(DeadlineExceeded):
        colour(Slow(), "rerank", "query", DOCUMENTS, timeout=0.01)


@pytest.mark.parametrize(("door", "arguments"), [("rerank", ("q", DOCUMENTS)), ("rerank_many", (["q"], [DOCUMENTS]))])
def test_a_ranking_that_comes_late_is_none_unless_it_says_that_it_did_less(
    door: str, arguments: tuple[Any, ...], colour: Colour
) -> None:
    @dataclass
    class Late(Scripted):
        less: bool = False

        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            ranking = yield from super().flow(query, documents, Deadline())
            yield from sleep(deadline.remaining() or 0.0)
            span = Span("Late", None, len(documents), len(documents), 0.0, outcome="degraded", problem="no time")
            return replace(ranking, spans=(span,) if self.less else ())

    with pytest.raises(DeadlineExceeded):
        colour(Late(), door, *arguments, timeout=0.01)
    assert colour(Late(less=True), door, *arguments, timeout=0.01)


def test_many_queries_come_back_in_order(colour: Colour) -> None:
    rankings = colour(Scripted(), "rerank_many", ["a", "b", "c"], [DOCUMENTS, [], ["", "x 1"]], top_n=2)
    assert [indices(ranking) for ranking in rankings] == [[1, 2], [], [1, 0]]
    assert all(ranking.spans for ranking in rankings)


@pytest.mark.parametrize(
    ("queries", "documents", "told"),
    [
        (["a"], [], "must be lists of equal length, not of 1 and 0: one list of documents for each query"),
        ("ab", [["x 1"], ["y 2"]], "queries must be a list, not 'ab': one list of documents for each query"),
        (["a"], "x", "documents must be a list, not 'x': one list of documents for each query"),
        (["a"], None, "documents must be a list, not None: one list of documents for each query"),
    ],
)
def test_queries_and_documents_must_pair_up(colour: Colour, queries: Any, documents: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        colour(Scripted(), "rerank_many", queries, documents)


def test_one_bad_query_among_many_is_named_before_any_work() -> None:
    reranker = Scripted()
    with pytest.raises(ConfigurationError, match="query"):
        reranker.rerank_many(["fine", ""], [DOCUMENTS, DOCUMENTS])
    assert reranker.sent == []


def test_a_back_end_must_answer_every_query() -> None:
    class Forgetful(Scripted):
        def flow_many(self, requests: Sequence[Any], deadline: Deadline) -> Flow[list[Ranking]]:
            yield from ()
            return []

    with pytest.raises(InvalidResponse, match="0 rankings for 1 queries"):
        Forgetful().rerank("query", DOCUMENTS)


def test_a_cancelled_ranking_is_told_to_hooks() -> None:
    seen: list[Span] = []

    class Endless(Scripted):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            from rerank_kit.flow import sleep

            yield from sleep(60)
            return Ranking(())

    async def cancelled() -> None:
        reranker = Endless()
        reranker.hooks = [seen.append]
        task = asyncio.create_task(reranker.arerank("query", DOCUMENTS))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert seen[0].outcome == "failed"


def test_a_reranker_is_abstract() -> None:
    with pytest.raises(TypeError):
        Reranker()  # type: ignore[abstract]


texts = st.one_of(st.integers(-3, 3).map(lambda number: f"text {number}"), st.sampled_from(["", " ", "\n"]))


@settings(deadline=None)
@given(
    documents=st.lists(texts, max_size=12),
    top_n=st.one_of(st.none(), st.integers(1, 15)),
    threshold=st.one_of(st.none(), st.integers(-4, 4)),
)
def test_no_document_is_lost_doubled_or_out_of_order(
    documents: list[str], top_n: int | None, threshold: int | None
) -> None:
    whole = Scripted().rerank("query", documents)
    assert sorted(indices(whole)) == list(range(len(documents)))
    assert [hit.score for hit in whole] == sorted((hit.score for hit in whole), reverse=True)
    cut = Scripted().rerank("query", documents, top_n=top_n, threshold=threshold)
    passing = [hit for hit in whole if threshold is None or (hit.score >= threshold and documents[hit.index].strip())]
    assert list(cut.hits) == passing[:top_n]

"""`on_error="keep"`, and compressors that write no score: no older score passes for a new one."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda
from pydantic import SkipValidation

from langchain_rerank_kit import BM25Retriever, RerankCompressor, RerankRetriever, with_rerank
from rerank_kit import BackendError, ConfigurationError, Reranker
from tests.conftest import Colour
from tests.doubles import Failing, Scripted

TEXTS = [f"The threshold of rule {number} is {number} dollars." for number in range(50)]
QUESTION = "What is the threshold of rule 17?"
BLANK = ["", " \n\t", "\u200b\ufeff"]
BROKEN = Failing(BackendError("no memory,\nnone at all"))


def found_by_bm25(count: int = 50) -> list[Document]:
    return BM25Retriever.from_texts(TEXTS, k=count).invoke(QUESTION)


def said(documents: list[Document]) -> list[dict[str, Any]]:
    return [document.metadata for document in documents]


# ── Kept ──


def test_the_log_says_it_in_one_line_and_where_at_the_level_of_debug(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="rerank_kit")
    colour(with_rerank(BM25Retriever.from_texts(TEXTS), BROKEN, on_error="keep"), "invoke", QUESTION)
    line, where = caplog.records
    assert (line.levelname, line.exc_info, where.levelname) == ("WARNING", None, "DEBUG")
    assert line.getMessage().endswith("BackendError: no memory, none at all")
    assert where.exc_info is not None
    assert where.exc_info[0] is BackendError


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_a_blank_question_is_no_warning(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="rerank_kit")
    retriever = with_rerank(lambda _: found_by_bm25(), Scripted(), on_error="keep", widen=lambda each, _: each)
    colour(retriever, "invoke", " ")
    assert [each.levelname for each in caplog.records if "order is kept" in each.getMessage()] == ["INFO"]


def test_kept_documents_have_no_relevance_score_and_what_they_came_with_is_an_earlier_one(colour: Colour) -> None:
    first = BM25Retriever.from_texts(TEXTS)
    found = colour(with_rerank(first, BROKEN, on_error="keep", top_n=3), "invoke", QUESTION)
    expected = [
        {
            "first_stage_rank": place,
            "earlier_relevance_scores": [each.metadata["relevance_score"]],
            "rerank_failed": f"BackendError: {BROKEN.error}",
        }
        for place, each in enumerate(found_by_bm25(3), 1)
    ]
    assert said(found) == expected


def test_kept_documents_without_a_score_get_none(colour: Colour) -> None:
    def search(query: str, k: int = 4) -> list[Document]:
        return [Document(page_content=f"x {number}") for number in range(k)]

    found = colour(with_rerank(search, BROKEN, on_error="keep", top_n=1), "invoke", QUESTION)
    assert list(found[0].metadata) == ["first_stage_rank", "rerank_failed"]


def test_what_failed_before_and_is_reranked_now_is_no_failure_any_more(colour: Colour) -> None:
    kept = with_rerank(BM25Retriever.from_texts(TEXTS), BROKEN, on_error="keep", recall=50, top_n=50)
    found = colour(with_rerank(kept, Scripted(len)), "invoke", QUESTION)
    assert all("rerank_failed" not in each.metadata for each in found)
    assert [len(each.metadata["earlier_relevance_scores"]) for each in found] == [1] * 5


def test_a_passage_that_an_older_score_is_for_goes_with_it(colour: Colour) -> None:
    before = Document(page_content="text", metadata={"relevant_passage": "text", "relevance_score": 0.5})
    (after,) = colour(RerankCompressor(reranker=Scripted(len)), "compress_documents", [before], QUESTION)
    assert after.metadata == {"relevance_score": 4.0, "earlier_relevance_scores": [0.5], "first_stage_rank": 1}


# ── A question with nothing in it ──


@pytest.mark.parametrize("question", BLANK, ids=ascii)
def test_with_keep_a_blank_question_gives_the_first_stages_order(colour: Colour, question: str) -> None:
    first: RunnableLambda[str, list[Document]] = RunnableLambda(lambda _: found_by_bm25())
    reranker = Scripted()
    found = colour(with_rerank(first, reranker, on_error="keep", widen=as_it_is), "invoke", question)
    assert [each.page_content for each in found] == [each.page_content for each in found_by_bm25(5)]
    assert all(each.metadata["rerank_failed"].startswith("BlankQuery: query is empty") for each in found)
    assert reranker.sent == []


def test_without_keep_a_blank_question_raises(colour: Colour) -> None:
    first: RunnableLambda[str, list[Document]] = RunnableLambda(lambda _: found_by_bm25())
    with pytest.raises(ConfigurationError, match="query is empty"):
        colour(with_rerank(first, Scripted(), widen=as_it_is), "invoke", " ")


def as_it_is(retriever: Any, recall: int) -> Any:
    return retriever


# ── Compressors of another make ──


class Theirs(BaseDocumentCompressor):
    """Gives the documents in reverse, each made by a function of the document and its new place."""

    make: SkipValidation[Callable[[Document, int], Document]]

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return [self.make(document, place) for place, document in enumerate(reversed(documents))]


def behind_bm25(make: Callable[[Document, int], Document], **options: Any) -> RerankRetriever:
    return with_rerank(BM25Retriever.from_texts(TEXTS), Theirs(make=make), top_n=3, **options)


def extracted(document: Document, place: int) -> Document:
    return Document(page_content="an extract", metadata=document.metadata)


@pytest.mark.parametrize(
    "make",
    [
        lambda document, place: document,
        lambda document, place: copy.deepcopy(document),
        lambda document, place: pickle.loads(pickle.dumps(document)),
        extracted,
    ],
    ids=["the very same", "copied", "rebuilt", "with another text"],
)
def test_a_score_that_the_compressor_did_not_write_is_an_earlier_one(
    colour: Colour, make: Callable[[Document, int], Document]
) -> None:
    found = colour(behind_bm25(make), "invoke", QUESTION)
    worst = [each.metadata["relevance_score"] for each in reversed(found_by_bm25())]
    assert said(found) == [{"earlier_relevance_scores": [score]} for score in worst[:3]]


def rewritten(document: Document, place: int) -> Document:
    document.metadata["relevance_score"] = 1 / (place + 1)
    return document


def only_the_first(document: Document, place: int) -> Document:
    return rewritten(document, place) if place == 0 else document


def same_as_before(document: Document, place: int) -> Document:
    """It writes, for all but the first, what happened to be there before."""
    return rewritten(document, 0) if place == 0 else pickle.loads(pickle.dumps(document))


def test_a_score_that_the_compressor_wrote_stays(colour: Colour) -> None:
    found = colour(behind_bm25(rewritten), "invoke", QUESTION)
    assert said(found) == [{"relevance_score": score} for score in (1.0, 1 / 2, 1 / 3)]


def test_those_among_others_that_it_did_not_score_have_no_score(colour: Colour) -> None:
    found = colour(behind_bm25(only_the_first), "invoke", QUESTION)
    assert ["relevance_score" in each.metadata for each in found] == [True, False, False]
    assert ["earlier_relevance_scores" in each.metadata for each in found] == [False, True, True]


def test_a_score_that_happens_to_be_the_same_as_before_is_a_score(colour: Colour) -> None:
    found = colour(behind_bm25(same_as_before), "invoke", QUESTION)
    assert ["relevance_score" in each.metadata for each in found] == [True, True, True]


def test_odd_values_under_the_key_fail_nothing(colour: Colour) -> None:
    values: list[Any] = [[], {}, "high", object()]

    def search(query: str, k: int = 4) -> list[Document]:
        return [
            Document(page_content=f"x {at}", metadata={"relevance_score": odd}) for at, odd in enumerate(values * 12)
        ]

    found = colour(with_rerank(search, Theirs(make=lambda document, place: document), top_n=48), "invoke", QUESTION)
    assert all("relevance_score" not in each.metadata for each in found)
    assert [each.metadata["earlier_relevance_scores"] for each in found[1:4]] == [["high"], [{}], [[]]]


def test_a_threshold_that_no_score_can_reach_is_refused(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"Theirs writes no relevance_score, so threshold=0.5.*threshold=None"):
        colour(behind_bm25(extracted, threshold=0.5, on_error="keep"), "invoke", QUESTION)
    assert len(colour(behind_bm25(rewritten, threshold=0.5), "invoke", QUESTION)) == 2


OLD: dict[str, Any] = {
    "rerank_degraded": "old",
    "relevance_reason": "old",
    "relevance_verdict": "yes",
    "rerank_answerable": 0.5,
    "relevance_passage": "mine",
    "relevant_passage": "old",
    "relevance_probabilities": {"yes": 1.0},
}


def test_what_an_earlier_ranking_said_is_not_said_of_documents_that_are_kept(colour: Colour) -> None:
    pages = [Document(f"x {at}", metadata=dict(OLD)) for at in range(50)]
    retriever = with_rerank(lambda query, k=4: pages, Failing(BackendError("down")), on_error="keep")
    for each in colour(retriever, "invoke", QUESTION):
        assert each.metadata.keys() == {"first_stage_rank", "rerank_failed", "relevance_passage"}


@pytest.mark.parametrize(("before", "after"), [("mine", 1), (None, 1), (0, 1), (True, 1), (7, 7)])
@pytest.mark.parametrize("reranker", [Failing(BackendError("down")), Scripted()])
def test_a_rank_is_a_number(colour: Colour, before: Any, after: int, reranker: Reranker) -> None:
    pages = [Document(f"x {49 - at}", metadata={} if at else {"first_stage_rank": before}) for at in range(50)]
    retriever = with_rerank(lambda query, k=4: pages, reranker, on_error="keep")
    best = colour(retriever, "invoke", QUESTION)[0]
    assert (best.page_content, best.metadata["first_stage_rank"]) == ("x 49", after)

"""A filter knows whether anything answers, and abstains where too few votes say so, if asked to."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import BackendError, ConfigurationError
from rerank_kit.judge import LLMJudge, Mode
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, Answer, Scripted, about, found, honest, in_turn, verdict


def no(question: Any) -> Answer:
    return verdict(question, "no")


def test_a_filter_tells_whether_anything_answers(colour: Colour) -> None:
    assert colour(LLMJudge(Scripted()), "rerank", QUERY, DOCUMENTS).answerable == 1.0
    assert colour(LLMJudge(Scripted(no)), "rerank", QUERY, DOCUMENTS).answerable == 0.0


def test_it_is_the_share_of_votes_for_the_best(colour: Colour) -> None:
    chat = Scripted(in_turn(no, lambda question: verdict(question, "yes"), no))
    judge = LLMJudge(chat, samples=3, concurrency=1)
    assert colour(judge, "rerank", QUERY, ["cat dog"]).answerable == pytest.approx(1 / 3)


@pytest.mark.parametrize("mode", ["grade", "listwise"])
def test_no_other_mode_is_asked_that(mode: Mode, colour: Colour) -> None:
    assert colour(LLMJudge(Scripted(), mode=mode), "rerank", QUERY, DOCUMENTS).answerable is None
    with pytest.raises(ConfigurationError, match=f"min_answerable must be None with mode='{mode}'"):
        LLMJudge(Scripted(), mode=mode, min_answerable=0.5)


def test_where_too_few_say_so_there_are_no_hits_whatever_is_to_be_kept(colour: Colour) -> None:
    judge = LLMJudge(Scripted(no), min_keep=3, min_answerable=0.5)
    ranking = colour(judge, "rerank", QUERY, DOCUMENTS)
    assert (len(ranking), ranking.answerable) == (0, 0.0)
    told = colour(
        LLMJudge(Scripted(no), min_keep=3, min_answerable=0.5, unanswerable="flag"), "rerank", QUERY, DOCUMENTS
    )
    assert (len(told), told.problem) == (3, "probably no document answers: 0 is below min_answerable=0.5")


def test_what_is_not_judged_may_answer(colour: Colour) -> None:
    def says(question: Any) -> Answer:
        return BackendError("down") if "run" in str(question.documents) else no(question)

    ranking = colour(LLMJudge(Scripted(says), min_answerable=0.5), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.answerable) == ([1], None)
    assert str(ranking.problem).endswith("whether any document answers is not known")
    down = BackendError("down")
    votes = in_turn(honest, down, honest, down, no, down)
    unsure = LLMJudge(Scripted(votes), samples=3, concurrency=1, min_answerable=0.9)
    ranking = colour(unsure, "rerank", QUERY, ["cat", "b"])
    assert (len(ranking), ranking.answerable) == (2, None)
    sure = Scripted(about("run", BackendError("down")))
    assert colour(LLMJudge(sure, min_answerable=0.5), "rerank", QUERY, DOCUMENTS).answerable == 1.0


def test_documents_without_text_do_not_answer(colour: Colour) -> None:
    for mode, answerable in (("filter", 0.0), ("grade", None)):
        silent = colour(LLMJudge(Scripted(), mode=mode), "rerank", QUERY, [" ", ""])  # type: ignore[arg-type]
        assert (found(silent), silent.answerable) == ([0, 1], answerable)
    careful = LLMJudge(Scripted(), min_answerable=0.5)
    assert len(colour(careful, "rerank", QUERY, [" ", ""])) == 0

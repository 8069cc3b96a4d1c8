"""Where a stage says that nothing answers, a cascade does, and what a stage could not judge is judged by the next."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import BackendError, Cascade, Fallback, Reranker, Stage
from rerank_kit.decide import DecisionReranker
from rerank_kit.judge import LLMJudge
from tests.conftest import Colour
from tests.decide.doubles import Scripted as Decisions
from tests.decide.doubles import without
from tests.doubles import Scripted as Scorer
from tests.judge.doubles import Scripted as Chat
from tests.judge.doubles import verdict

TEXTS = ["a cat 1", "the cat and the dog run 2", "nothing of the kind 3", "a dog 4"]
BLANK = " "
NOTHING = "quantum chromodynamics"

ABSTAINING: dict[str, Reranker] = {
    "decision model": DecisionReranker(Decisions(), min_answerable=0.5),
    "judge": LLMJudge(Chat(), min_answerable=0.5, min_keep=3),
    "fallback": Fallback(DecisionReranker(Decisions(), min_answerable=0.5), Scorer()),
    "cascade": Cascade(DecisionReranker(Decisions(), min_answerable=0.5), keep_rest=True),
}


@pytest.mark.parametrize("inner", ABSTAINING.values(), ids=list(ABSTAINING))
@pytest.mark.parametrize("keep_rest", [False, True])
def test_nothing_is_kept_where_a_stage_says_that_nothing_answers(
    inner: Reranker, keep_rest: bool, colour: Colour
) -> None:
    last = Scorer()
    stages = [Stage(Scorer(), top_n=3), Stage(inner), Stage(last, when=lambda query, ranking: True)]
    cascade = Cascade(*stages, keep_rest=keep_rest)
    ranking = colour(cascade, "rerank", NOTHING, [*TEXTS, BLANK])
    assert (ranking.hits, ranking.answerable, ranking.abstained, ranking.degraded) == ((), 0.0, True, False)
    assert last.sent == []
    told = {each.index: each.why for each in ranking.dropped}
    assert set(told) == {0, 1, 2, 3, 4}
    assert all("probably no document answers: 0 is below min_answerable=0.5" in told[place] for place in (1, 2, 3))
    assert "top_n=3" in told[0]


@pytest.mark.parametrize("inner", ABSTAINING.values(), ids=list(ABSTAINING))
def test_where_something_answers_the_rest_is_kept(inner: Reranker, colour: Colour) -> None:
    ranking = colour(Cascade(Stage(Scorer(), top_n=3), Stage(inner), keep_rest=True), "rerank", "cat dog", TEXTS)
    assert (len(ranking), ranking.abstained, ranking.dropped) == (4, False, ())


def test_a_filter_that_lets_nothing_through_has_not_said_that_nothing_answers(colour: Colour) -> None:
    judge = LLMJudge(Chat(lambda question: verdict(question, "no")), min_keep=0)
    ranking = colour(Cascade(Stage(judge), keep_rest=True), "rerank", "cat dog", TEXTS)
    assert (len(ranking), ranking.abstained) == (4, False)


def unjudging(*, everything: bool = False) -> DecisionReranker:
    def down(*_: Any) -> BackendError:
        return BackendError("down")

    return DecisionReranker(Decisions(change=down if everything else without("kind")))


@pytest.mark.parametrize("everything", [False, True])
def test_what_could_not_be_judged_is_no_more_once_a_later_stage_has_ranked_it(everything: bool, colour: Colour) -> None:
    cascade = Cascade(unjudging(everything=everything), Scorer())
    ranking = colour(cascade, "rerank", "cat dog", TEXTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(3, 4.0), (2, 3.0), (1, 2.0), (0, 1.0)]
    assert (ranking[1].verdict, ranking[1].why) == (None, None)
    assert ranking[0].verdict == (None if everything else "2")
    assert ranking.usage.unjudged == (4 if everything else 1)


@pytest.mark.parametrize("skipped", [False, True])
def test_it_stays_unjudged_where_no_later_stage_has_ranked(skipped: bool, colour: Colour) -> None:
    idle = Cascade(Stage(Scorer(), when=lambda query, ranking: False))
    cascade = Cascade(unjudging(), idle if skipped else unjudging(everything=True))
    assert colour(cascade, "rerank", "cat dog", TEXTS)[-1].verdict == "unjudged"

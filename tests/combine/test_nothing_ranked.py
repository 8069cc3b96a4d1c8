"""A ranking in which nothing was ranked is a failure for whoever has something to fall back on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rerank_kit import (
    AllFailed,
    Cached,
    Cascade,
    Deadline,
    Document,
    Fallback,
    Hit,
    Ranking,
    Reranker,
    Stage,
    StatusError,
    Usage,
)
from rerank_kit.combine.hedged import Hedged
from rerank_kit.flow import Flow, sleep
from rerank_kit.judge import Completion, LLMJudge, Mode
from tests.conftest import Colour
from tests.doubles import Failing
from tests.doubles import Scripted as Scorer
from tests.judge.doubles import DOCUMENTS, QUERY, Scripted, about, found

TEXTS = ["low 1", "high 3", "middle 2"]
DOWN = StatusError("the server answered 503", status=503)
MODES: list[Mode] = ["filter", "grade", "listwise"]
ANSWERS: dict[str, Any] = {
    "down": DOWN,
    "unreadable": "?",
    "refused": Completion("", "refusal"),
    "cut off": Completion('{"label": "', "length"),
}


class Keeping(Reranker):
    """Keeps the documents unranked, after a while."""

    @property
    def fingerprint(self) -> str:
        return "keeping"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from sleep(self.seconds)
        hits = tuple(Hit(place, 0.0) for place in range(len(documents)))
        return Ranking(hits, Usage(requests=2), failure="it has no idea")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_where_a_judge_judges_nothing_the_next_one_answers(mode: Mode, answer: Any, colour: Colour) -> None:
    ranking = colour(
        Fallback(LLMJudge(Scripted(lambda question: answer), mode=mode), Scorer()), "rerank", QUERY, [*TEXTS, " "]
    )
    assert found(ranking) == [1, 2, 0, 3]
    assert ranking.degraded
    assert ranking.failure is None
    failed = next(span for span in ranking.spans if span.backend == "LLMJudge")
    assert (failed.outcome, failed.documents_out) == ("failed", 0)
    assert "could not be judged" in str(ranking.spans[-1].problem)
    assert ranking.usage.requests == failed.usage.requests > 0
    assert (ranking.usage.unjudged, ranking.usage.empty) == (0, 1)


def test_where_a_judge_judges_something_it_is_not_replaced(colour: Colour) -> None:
    judge = LLMJudge(Scripted(about("run", DOWN)))
    other = Scorer()
    ranking = colour(Fallback(judge, other), "rerank", QUERY, DOCUMENTS)
    assert ranking.usage.unjudged == 1
    assert other.sent == []


def test_where_nobody_does_better_what_was_kept_comes_out(colour: Colour) -> None:
    ranking = colour(Fallback(Failing(DOWN), Keeping(), Keeping()), "rerank", QUERY, TEXTS)
    assert found(ranking) == [0, 1, 2]
    assert ranking.failure == "it has no idea"
    assert ranking.degraded
    assert [span.outcome for span in ranking.spans] == ["failed", "failed", "degraded", "degraded"]
    assert "503" in str(ranking.spans[-1].problem)
    assert ranking.usage.requests == 4
    outer = colour(Fallback(Fallback(Keeping(), Failing(DOWN)), Scorer()), "rerank", QUERY, TEXTS)
    assert found(outer) == [1, 2, 0]


def test_when_the_time_is_over_what_was_kept_comes_out_and_nobody_else_is_asked(colour: Colour) -> None:
    other = Scorer()
    ranking = colour(Fallback(Keeping(0.03), other), "rerank", QUERY, TEXTS, timeout=0.01)
    assert (ranking.failure, other.sent) == ("it has no idea", [])


def test_who_keeps_ranking_nothing_is_left_out_for_a_while(colour: Colour) -> None:
    asked = Fallback(Keeping(), Scorer(), failures=1)
    colour(asked, "rerank", QUERY, TEXTS)
    ranking = colour(asked, "rerank", QUERY, TEXTS)
    assert "was left out" in str(ranking.spans[-1].problem)


def test_errors_alone_still_raise(colour: Colour) -> None:
    with pytest.raises(AllFailed):
        colour(Fallback(Failing(DOWN), Failing(DOWN)), "rerank", QUERY, TEXTS)


def test_a_hedged_request_that_ranks_nothing_does_not_win(colour: Colour) -> None:
    ranking = colour(Hedged(Keeping(0.03), other=Scorer(), after=0.01), "rerank", QUERY, TEXTS)
    assert found(ranking) == [1, 2, 0]
    late = colour(Hedged(Keeping(0.03), other=Keeping(), after=0.01), "rerank", QUERY, TEXTS)
    assert (found(late), late.failure) == ([0, 1, 2], "it has no idea")
    failing = colour(Hedged(Keeping(0.03), other=Failing(DOWN), after=0.01), "rerank", QUERY, TEXTS)
    assert failing.failure == "it has no idea"


def test_a_cascade_falls_back_on_what_was_ranked_before(colour: Colour) -> None:
    ranking = colour(Cascade(Stage(Scorer()), Stage(Keeping())), "rerank", QUERY, TEXTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 3.0), (2, 2.0), (0, 1.0)]
    assert ranking.failure is None
    nothing = colour(Cascade(Stage(Keeping()), Stage(Keeping())), "rerank", QUERY, [Document("a", score=0.5)])
    assert [(hit.index, hit.score) for hit in nothing] == [(0, 0.5)]
    assert (nothing.failure, nothing.degraded) == ("it has no idea", True)
    mended = colour(Cascade(Stage(Keeping()), Stage(Scorer())), "rerank", QUERY, TEXTS)
    assert (found(mended), mended.failure) == ([1, 2, 0], None)


def test_a_cache_keeps_nothing_of_it_and_says_so(colour: Colour) -> None:
    cached = Cached(Keeping())
    for _ in range(2):
        ranking = colour(cached, "rerank", QUERY, TEXTS)
        assert (ranking.failure, ranking.usage.cached) == ("it has no idea", 0)

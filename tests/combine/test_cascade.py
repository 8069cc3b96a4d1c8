"""A cascade ranks in stages; hits point at the caller's documents, and budgets are kept or their end is said."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rerank_kit import (
    Budget,
    BudgetExceeded,
    Cascade,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Document,
    Hit,
    Ranking,
    Reranker,
    Rules,
    Span,
    Stage,
    Usage,
)
from rerank_kit.flow import Flow, blocking, run
from rerank_kit.ranking import best_first
from rerank_kit.rules import contains
from tests.conftest import Colour
from tests.doubles import Answering, Failing, Scripted
from tests.rules.hostile import MAKERS

DOCUMENTS = ["a 1", "b 4", "c 2", "d 5", "e 3"]


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]


def backwards() -> Scripted:
    return Scripted(lambda text: -float(text.split()[-1]), model="backwards")


# ── Stages ──


def test_hits_point_at_the_callers_documents_whatever_the_stages_left_out(colour: Colour) -> None:
    ranking = colour(Cascade(Stage(Scripted(), top_n=3), Stage(backwards(), top_n=2)), "rerank", "query", DOCUMENTS)
    assert [(hit.index, hit.score) for hit in ranking] == [(4, -3.0), (1, -4.0)]


def test_each_stage_gets_what_the_one_before_left_in_its_order_and_with_its_scores(colour: Colour) -> None:
    second = backwards()
    first = [Document(text, score=0.5) for text in DOCUMENTS]
    colour(Cascade(Stage(Scripted(), top_n=3), second), "rerank", "query", first)
    ((query, sent),) = second.sent
    assert query == "query"
    assert [(document.text, document.score) for document in sent] == [("d 5", 5.0), ("b 4", 4.0), ("e 3", 3.0)]


def test_the_first_stage_gets_the_documents_as_they_are(colour: Colour) -> None:
    first = Scripted()
    given = [Document("a 1", {"key": 1}, 0.5), Document("b 2")]
    colour(Cascade(first), "rerank", "query", given)
    assert first.sent[0][1] == given


def test_a_cascade_that_skips_all_its_stages_passes_the_documents_on_as_they_are(colour: Colour) -> None:
    idle, last = Cascade(Stage(Scripted(), when=lambda query, ranking: False)), Scripted()
    given = [Document("a 1"), Document("b 2", score=7.0)]
    colour(Cascade(idle, last), "rerank", "query", given)
    assert last.sent[0][1] == given


def test_a_threshold_of_a_stage_leaves_out_lower_scores(colour: Colour) -> None:
    ranking = colour(Cascade(Stage(Scripted(), threshold=4)), "rerank", "query", [*DOCUMENTS, ""])
    assert indices(ranking) == [3, 1]


def test_what_could_not_be_read_passes_no_threshold_and_ranks_last(colour: Colour) -> None:
    documents = ["", "a -4", "b -2"]
    assert indices(colour(Cascade(Scripted()), "rerank", "query", documents)) == [2, 1, 0]
    assert indices(colour(Cascade(Stage(Scripted(), threshold=-4)), "rerank", "query", documents)) == [2, 1]


@pytest.mark.parametrize("wrap", [Cascade, lambda stage: Cascade(Cascade(stage))])
def test_the_threshold_of_the_call_too_is_passed_only_by_what_was_read(colour: Colour, wrap: Any) -> None:
    documents = ["", "a 0", "b 1", "c -1"]
    assert indices(colour(wrap(Scripted()), "rerank", "query", documents, threshold=0.0)) == [2, 1]
    assert indices(colour(Cascade(Stage(wrap(Scripted()), threshold=0)), "rerank", "query", documents)) == [2, 1]
    rules = Rules(prefer=[lambda query, document: 1.0])
    assert indices(colour(wrap(rules), "rerank", "query", ["", "a"], threshold=0.5)) == [0, 1]


def test_the_last_reason_and_the_last_passage_given_are_those_of_the_hit() -> None:
    first = Answering(Ranking((Hit(1, 2.0, "answers", (0, 1)), Hit(0, 1.0, "does not"))))
    second = Answering(Ranking((Hit(1, 9.0), Hit(0, 8.0, "better"))))
    ranking = Cascade(first, second).rerank("query", ["a", "b"])
    assert list(ranking) == [Hit(0, 9.0, "does not"), Hit(1, 8.0, "better", (0, 1))]


def test_top_n_and_threshold_of_the_call_cut_the_whole(colour: Colour) -> None:
    cascade = Cascade(Stage(Scripted(), top_n=4))
    assert indices(colour(cascade, "rerank", "query", DOCUMENTS, top_n=1)) == [3]
    assert indices(colour(cascade, "rerank", "query", DOCUMENTS, threshold=4)) == [3, 1]


def test_a_stage_that_fails_fails_the_cascade(colour: Colour) -> None:
    with pytest.raises(RuntimeError, match="no memory"):
        colour(Cascade(Scripted(), Failing(RuntimeError("no memory"))), "rerank", "query", DOCUMENTS)


def test_many_queries_go_through_the_stages_side_by_side(colour: Colour) -> None:
    cascade = Cascade(Stage(Scripted(), top_n=1))
    rankings = colour(cascade, "rerank_many", ["a", "b"], [DOCUMENTS, DOCUMENTS[:3]])
    assert [indices(ranking) for ranking in rankings] == [[3], [1]]


# ── The rest ──


def test_what_stages_leave_out_can_be_kept_below_the_others_the_last_cut_first(colour: Colour) -> None:
    cascade = Cascade(Stage(Scripted(), top_n=3), Stage(backwards(), top_n=1), keep_rest=True)
    ranking = colour(cascade, "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [4, 1, 3, 2, 0]
    scores = [hit.score for hit in ranking]
    assert scores == sorted(scores, reverse=True)


def test_documents_that_a_filter_does_not_return_come_below_those_that_it_cuts() -> None:
    picky = Answering(Ranking((Hit(2, 3.0), Hit(1, 1.0))))
    assert indices(Cascade(Stage(picky, top_n=1), keep_rest=True).rerank("query", DOCUMENTS)) == [2, 1, 0, 3, 4]


def test_when_nothing_passes_the_rest_is_all_there_is() -> None:
    cascade = Cascade(Stage(Scripted(), threshold=99), keep_rest=True)
    ranking = cascade.rerank("query", DOCUMENTS)
    assert indices(ranking) == [3, 1, 4, 2, 0]
    assert indices(Cascade(Stage(Scripted(), threshold=99)).rerank("query", DOCUMENTS)) == []


# ── Conditions ──


def test_a_stage_runs_only_when_its_condition_holds(colour: Colour) -> None:
    judge = backwards()
    asked: list[tuple[str, list[int]]] = []

    def unclear(query: str, ranking: Ranking) -> bool:
        asked.append((query, indices(ranking)))
        return ranking.hits[0].score < 5

    cascade = Cascade(Stage(Scripted(), top_n=2), Stage(judge, when=unclear, name="judge"))
    ranking = colour(cascade, "rerank", "query", DOCUMENTS)
    assert indices(ranking) == [3, 1]
    assert (asked, judge.sent) == ([("query", [3, 1])], [])
    skipped = ranking.spans[1]
    assert (skipped.stage, skipped.outcome, skipped.cost) == ("judge", "skipped", 0.0)
    assert not ranking.degraded
    assert indices(colour(cascade, "rerank", "query", DOCUMENTS[:3])) == [2, 1]


def test_a_condition_on_the_first_stage_sees_the_order_and_the_scores_of_the_search() -> None:
    seen: list[tuple[int, float]] = []

    def note(query: str, ranking: Ranking) -> bool:
        seen.extend((hit.index, hit.score) for hit in ranking)
        return False

    first = [Document("a", score=0.5), Document("b"), Document("c", score=float("nan"))]
    ranking = Cascade(Stage(Scripted(), when=note)).rerank("query", first)
    assert seen == [(0, 0.5), (1, 0.0), (2, 0.0)]
    assert [(hit.index, hit.score) for hit in ranking] == seen


def test_where_no_document_is_left_no_stage_runs_and_no_condition_is_asked() -> None:
    never = Failing(AssertionError())
    cascade = Cascade(Stage(Scripted(), threshold=99), Stage(never, when=lambda _, ranking: bool(ranking.hits[0])))
    ranking = cascade.rerank("query", DOCUMENTS)
    assert (len(ranking), ranking.spans[1].outcome) == (0, "skipped")


# ── Budgets, on a clock that a test moves ──


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Taking(Reranker):
    """Takes that many seconds on the clock, costs that much, and turns the order around."""

    clock: Clock
    seconds: float
    price: float | None = None
    runs: int = 0

    def cost(self, usage: Usage) -> float | None:
        return self.price

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        self.runs += 1
        yield from blocking(self.work, deadline)
        return Ranking.by_score(range(len(documents)))

    def work(self, deadline: Deadline) -> None:
        for _ in range(int(self.seconds)):
            self.clock.now += 1
            deadline.check()


def ranked(cascade: Cascade, clock: Clock, seconds: float | None = None) -> Ranking:
    deadline = Deadline.after(seconds, clock)
    return run(cascade.reranking([("query", DOCUMENTS)], deadline=deadline))[0]


def test_a_used_up_budget_of_time_gives_the_ranking_so_far_and_says_so() -> None:
    clock = Clock()
    first, second, third = Taking(clock, 2), Taking(clock, 9), Taking(clock, 1)
    ranking = ranked(Cascade(first, Stage(second, name="judge"), third, budget=4), clock)
    assert clock.now == 4.0
    assert indices(ranking) == [4, 3, 2, 1, 0]
    assert ranking.degraded
    assert [span.outcome for span in ranking.spans] == ["ok", "degraded", "degraded", "degraded"]
    assert "stage judge was given up" in str(ranking.spans[1].problem)
    assert ranking.spans[1].seconds == 2.0
    assert "stage Taking was not run: the budget of 4 seconds is used up" in str(ranking.spans[2].problem)
    assert str(ranking.spans[1].problem) in str(ranking.spans[3].problem)
    assert third.runs == 0


def test_a_used_up_budget_of_time_raises_where_that_is_asked_for() -> None:
    clock = Clock()
    cascade = Cascade(Taking(clock, 9), budget=Budget(seconds=4), on_budget="raise")
    with pytest.raises(DeadlineExceeded):
        ranked(cascade, clock)

    class Rude(Taking):
        def work(self, deadline: Deadline) -> None:
            self.clock.now += 9

    with pytest.raises(DeadlineExceeded, match="budget of 4 seconds"):
        ranked(Cascade(Rude(clock, 9), Taking(clock, 1), budget=4, on_budget="raise"), clock)


def test_a_timeout_of_a_stage_costs_only_that_stage() -> None:
    clock = Clock()
    ranking = ranked(Cascade(Stage(Taking(clock, 9), timeout=3), Taking(clock, 1), budget=10), clock)
    assert clock.now == 4.0
    assert indices(ranking) == [4, 3, 2, 1, 0]
    assert [span.outcome for span in ranking.spans] == ["degraded", "ok", "degraded"]


def test_a_stage_has_no_more_time_than_the_whole() -> None:
    clock = Clock()
    ranking = ranked(Cascade(Stage(Taking(clock, 9), timeout=8), budget=2), clock)
    assert clock.now == 2.0
    assert indices(ranking) == [0, 1, 2, 3, 4]
    assert ranking.degraded


def test_the_callers_own_timeout_raises_always() -> None:
    clock = Clock()
    with pytest.raises(DeadlineExceeded):
        ranked(Cascade(Taking(clock, 9), budget=5), clock, seconds=3)


def test_a_stage_that_gives_up_within_leaves_the_ranking_before_it() -> None:
    clock = Clock()
    inner = Cascade(Taking(clock, 9), budget=2, on_budget="raise")
    ranking = ranked(Cascade(Taking(clock, 1), inner), clock)
    assert indices(ranking) == [4, 3, 2, 1, 0]
    assert ranking.degraded


def test_a_budget_of_money_is_counted_after_each_stage() -> None:
    clock = Clock()
    dear, never = Taking(clock, 0, price=0.02), Taking(clock, 0, price=0.02)
    ranking = ranked(Cascade(Taking(clock, 0, price=0.005), dear, never, budget=Budget(money=0.02)), clock)
    assert (dear.runs, never.runs) == (1, 0)
    assert "the budget of 0.02 in money is used up" in str(ranking.spans[2].problem)
    assert ranking.degraded
    assert ranking.cost == pytest.approx(0.025)


def test_a_used_up_budget_of_money_raises_where_that_is_asked_for() -> None:
    clock = Clock()
    stages = (Taking(clock, 0, price=0.02), Taking(clock, 0))
    with pytest.raises(BudgetExceeded, match=r"0\.02 in money"):
        ranked(Cascade(*stages, budget=Budget(money=0.02), on_budget="raise"), clock)


def test_a_stage_that_costs_more_than_it_may_says_so_or_raises() -> None:
    clock = Clock()
    stage = Stage(Taking(clock, 0, price=0.02), money=0.01, name="judge")
    ranking = ranked(Cascade(stage), clock)
    assert ranking.degraded
    assert ranking.spans[0].problem == "stage judge cost 0.02, and 0.01 was allowed"
    with pytest.raises(BudgetExceeded, match="stage judge cost"):
        ranked(Cascade(stage, on_budget="raise"), clock)
    assert not ranked(Cascade(Stage(Taking(clock, 0, price=0.01), money=0.01)), clock).degraded


def test_what_is_not_known_to_cost_anything_uses_up_no_money_and_leaves_the_sum_unknown() -> None:
    clock = Clock()
    last = Taking(clock, 0, price=0.01)
    stage = Stage(Taking(clock, 0, price=None), money=0.001)
    ranking = ranked(Cascade(stage, last, budget=Budget(money=0.001)), clock)
    assert last.runs == 1
    assert ranking.cost is None
    assert [span.cost for span in ranking.spans] == [None, 0.01, None]


# ── Spans ──


def test_spans_name_the_stages_and_say_what_each_made_of_the_documents(colour: Colour) -> None:
    cascade = Cascade(Stage(Scripted(), top_n=2, name="broad"), backwards())
    ranking = colour(cascade, "rerank", "query", DOCUMENTS)
    broad, precise, whole = ranking.spans
    assert [span.stage for span in ranking.spans] == ["broad", "Scripted", None]
    assert (broad.documents_in, broad.documents_out, precise.documents_in) == (5, 2, 2)
    assert [(hit.index, hit.score) for hit in broad.hits] == [(3, 5.0), (1, 4.0)]
    assert (whole.backend, whole.children) == ("Cascade", (broad, precise))
    assert ranking.usage == Usage(pairs=7) == whole.usage


def test_a_hook_on_the_cascade_hears_of_everything_inside(colour: Colour) -> None:
    seen: list[Span] = []
    inner = Cascade(Stage(Scripted(), top_n=3, name="a"), Stage(backwards(), name="b"))
    outer = Cascade(Stage(inner, name="inner"), Stage(Scripted(), name="c"))
    outer.hooks = [seen.append]
    ranking = colour(outer, "rerank", "query", DOCUMENTS)
    (span,) = seen
    assert span == ranking.spans[-1]
    assert [child.stage for child in span.children] == ["inner", "c"]
    assert [child.stage for child in span.children[0].children] == ["a", "b"]
    assert [hit.index for hit in span.children[0].children[1].hits] == [4, 1, 3]


def test_hits_in_spans_point_at_the_callers_documents_past_the_empty_ones_too() -> None:
    class Around(Reranker):
        """A reranker of a user's own around another."""

        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            return (yield from Cascade(Scripted()).reranking([(query, documents)], deadline=deadline))[0]

    ranking = Around().rerank("query", ["", "a 1", " ", "b 2"])
    assert [hit.index for hit in ranking.spans[0].hits] == [3, 1]
    assert [hit.index for hit in ranking.spans[1].inner[0].hits] == [3, 1]


# ── Settings ──


@pytest.mark.parametrize(
    ("kind", "given", "named", "says"),
    [
        (Cascade, (), {}, "at least one stage"),
        (Cascade, (Scripted(),), {"on_budget": "ignore"}, "on_budget"),
        (Cascade, (Scripted(),), {"budget": 0}, "budget must be a number of seconds above 0, a rerank_kit.Budget, or"),
        (Cascade, (Scripted(),), {"budget": "3s"}, "budget must be a number of seconds.*not '3s'"),
        (Cascade, (Scripted(),), {"keep_rest": "no"}, "keep_rest must be True or False, not 'no'"),
        (Cascade, ([Scripted()],), {}, r"stages\[0\] must be a rerank_kit.Stage or Reranker.*pass them one by one"),
        (Cascade, (Scripted(), Scripted), {}, r"stages\[1\] is the class Scripted: pass an object of it"),
        (Budget, (), {"money": -1}, "money must be"),
        (Stage, ("model",), {}, "reranker must be a rerank_kit.Reranker, not 'model'.*cross_encoder"),
        (Stage, (lambda query, texts: [],), {}, r"reranker must be.*pass Reranker.of\(function\)"),
        (Stage, (Scripted(),), {"top_n": 0}, "top_n must be"),
        (Stage, (Scripted(),), {"threshold": float("nan")}, "threshold must be"),
        (Stage, (Scripted(),), {"timeout": -1}, "timeout must be"),
        (Stage, (Scripted(),), {"money": 0}, "money must be"),
        (Stage, (Scripted(),), {"when": True}, "when must be a function of the query and the ranking so far, not True"),
        (Stage, (Scripted(),), {"when": lambda ranking: True}, "when must be a function of the query and the ranking"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(
    kind: Any, given: tuple[Any, ...], named: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        kind(*given, **named)


def test_it_says_what_its_stages_are() -> None:
    assert repr(Cascade(Stage(Scripted(), name="broad"), Scripted())) == "Cascade(broad, Scripted)"


def test_it_travels_between_processes() -> None:
    cascade = Cascade(Stage(Answering(Ranking((Hit(1, 1.0),))), top_n=1), budget=Budget(money=1), keep_rest=True)
    again: Cascade = pickle.loads(pickle.dumps(cascade))
    assert again.rerank("query", DOCUMENTS).hits == cascade.rerank("query", DOCUMENTS).hits


def test_a_score_of_the_first_stage_that_is_none_counts_as_0(colour: Colour) -> None:
    for make in MAKERS.values():
        documents = [Document("a", score=make()), Document("b", score=-1.0)]
        ranking = colour(Cascade(Rules(prefer=[contains("text", "a")])), "rerank", "q", documents)
        assert sorted(hit.index for hit in ranking) == [0, 1]
        assert all(math.isfinite(hit.score) for hit in ranking)


class Saturated(Reranker):
    """Gives every document the score 1.0, and the logits told."""

    def __init__(self, *logits: float) -> None:
        self.logits = logits

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        hits = [Hit(place, 1.0, logit=logit) for place, logit in enumerate(self.logits)]
        return Ranking(best_first(hits))


def test_what_the_sigmoid_made_the_same_keeps_its_order_for_whoever_sorts_again(colour: Colour) -> None:
    for keep_rest in (False, True):
        cascade = Cascade(Stage(Saturated(40.0, 60.0, 50.0), top_n=2), keep_rest=keep_rest)
        hits = colour(cascade, "rerank", "query", ["a", "b", "c"]).hits
        assert [hit.index for hit in hits] == [1, 2, 0][: 3 if keep_rest else 2]
        assert [hit.logit for hit in hits[:2]] == [60.0, 50.0]
        assert best_first(hits) == hits

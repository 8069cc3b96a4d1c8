"""A decision model gets no more calls and money than it may, and what it takes is said before and after."""

from __future__ import annotations

import json

import pytest

from rerank_kit import BudgetExceeded, Deadline, Document, StatusError
from rerank_kit.decide import DecisionLimits, DecisionReranker
from rerank_kit.errors import ConnectionFailed
from rerank_kit.flow import run
from rerank_kit.judge import Estimate
from rerank_kit.pricing import Price, Prices, known_prices
from rerank_kit.testing import DecisionServer, Fault, odd_usage
from tests.conftest import Colour
from tests.decide.conftest import MakeClient
from tests.decide.doubles import DOCUMENTS, QUERY, Scripted, failing, found

PRICES = Prices([Price("scripted", "chat", 1.0, 1, output=0.0)])
TEXTS = [f"cat {number}" for number in range(10)]


def test_an_estimate_asks_nothing_and_is_on_the_careful_side(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    reranker = DecisionReranker(make(server))
    before = reranker.estimate(QUERY, [*DOCUMENTS, " "])
    assert server.received == []
    ranking = colour(reranker, "rerank", QUERY, [*DOCUMENTS, " "])
    assert (before.calls, before.output_tokens) == (1, 0)
    assert before.input_tokens > ranking.usage.input_tokens > 0
    assert before.cost is not None
    assert before.cost > ranking.cost > 0


def test_an_estimate_is_of_every_call_that_may_be_made() -> None:
    model = Scripted(limits=DecisionLimits(questions=4))
    whole = DecisionReranker(model, prices=PRICES).estimate(QUERY, TEXTS)
    assert (whole.calls, whole.cost) == (4, float(whole.input_tokens))
    assert DecisionReranker(model, max_calls=2).estimate(QUERY, TEXTS).calls == 2
    assert DecisionReranker(model, pairwise=True).estimate(QUERY, TEXTS).calls == 10
    assert DecisionReranker(model).estimate(QUERY, TEXTS).cost is None
    assert DecisionReranker(model).estimate(QUERY, []) == Estimate(0, 0, 0, 0)
    assert model.asked == []


def test_no_more_calls_are_made_than_allowed(colour: Colour) -> None:
    model = Scripted()
    reranker = DecisionReranker(model, pairwise=True, max_calls=3, concurrency=1)
    ranking = colour(reranker, "rerank", QUERY, TEXTS)
    assert len(model.asked) == 3
    assert [hit.verdict for hit in ranking] == ["2"] * 3 + ["unjudged"] * 7
    assert ranking.hits[3].why == "not judged: BudgetExceeded: max_calls=3 is used up"


def test_no_more_is_spent_than_allowed(colour: Colour) -> None:
    model = Scripted()
    one = DecisionReranker(model, pairwise=True, prices=PRICES).estimate(QUERY, TEXTS[:1])
    assert one.cost is not None
    limited = DecisionReranker(model, pairwise=True, prices=PRICES, max_cost=one.cost + 12, concurrency=1)
    ranking = colour(limited, "rerank", QUERY, TEXTS)
    assert len(model.asked) == 2  # the first turned out to cost 10, so that a second one fitted
    assert ranking.cost == 20.0
    assert "leaves no room for another call" in str(ranking.hits[2].why)


def test_calls_that_were_not_made_are_no_splits(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(questions=3))
    usage = colour(DecisionReranker(model, max_calls=1), "rerank", QUERY, TEXTS).usage
    assert (usage.requests, usage.splits, usage.unjudged) == (1, 0, 8)
    late = run(DecisionReranker(model).flow(QUERY, [Document(text) for text in TEXTS], Deadline(0.0, lambda: 1.0)))
    assert (late.usage.requests, late.usage.splits) == (0, 0)


@pytest.mark.parametrize("limit", ["calls", "cost"])
def test_a_used_up_budget_raises_if_asked_to(limit: str, colour: Colour) -> None:
    options: dict[str, float] = {"max_calls": 1} if limit == "calls" else {"max_cost": 0.1}
    reranker = DecisionReranker(Scripted(), pairwise=True, on_error="raise", prices=PRICES, **options)  # type: ignore[arg-type]
    with pytest.raises(BudgetExceeded, match=f"max_{limit}"):
        colour(reranker, "rerank", QUERY, TEXTS)


def test_the_cost_is_that_of_the_answers(colour: Colour) -> None:
    ranking = colour(DecisionReranker(Scripted(), prices=PRICES), "rerank", QUERY, DOCUMENTS)
    assert ranking.cost == ranking.spans[-1].cost == 10.0
    assert colour(DecisionReranker(Scripted()), "rerank", QUERY, DOCUMENTS).cost is None


def test_a_call_that_was_turned_away_is_free_and_one_without_an_answer_nobody_knows(colour: Colour) -> None:
    refused = Scripted(change=failing("run", StatusError("busy", status=529)))
    assert colour(DecisionReranker(refused, pairwise=True, prices=PRICES), "rerank", QUERY, DOCUMENTS).cost == 30.0
    cut = Scripted(change=failing("run", ConnectionFailed("cut")))
    assert colour(DecisionReranker(cut, pairwise=True, prices=PRICES), "rerank", QUERY, DOCUMENTS).cost is None


def test_the_prices_that_come_along_are_dated_and_nobodys_own(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    row = known_prices().price(ranking.spans[-1].model)
    assert row is not None
    assert (row.date is not None, "third-party" in row.source, row.verified) == (True, True, False)
    assert ranking.cost == pytest.approx(ranking.usage.input_tokens * row.price / 1_000_000)


def test_tokens_that_cannot_be_meant_are_not_priced(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    server.fail(odd_usage(), times=None)
    ranking = colour(DecisionReranker(make(server)), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking)[0], ranking.usage.tokens, ranking.cost) == (1, 0, None)


def test_a_call_of_which_only_a_part_was_counted_is_not_priced(
    server: DecisionServer, make: MakeClient, colour: Colour
) -> None:
    def partly(text: str) -> str:
        return json.dumps({**json.loads(text), "usage": {"output_tokens": 5}})

    server.fail(Fault("partly", edit=partly), times=None)
    ranking = colour(DecisionReranker(make(server), max_cost=1), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking)[0], ranking.usage.output_tokens, ranking.cost) == (1, 0, None)

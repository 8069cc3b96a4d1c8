"""A judge takes no more calls, money and time than it may, says before what it will take and after what it took."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from rerank_kit import BudgetExceeded, ConfigurationError, Deadline, DeadlineExceeded, StatusError, Usage
from rerank_kit.errors import ConnectionFailed
from rerank_kit.flow import run
from rerank_kit.judge import Completion, Estimate, LLMJudge, Mode, acalibrate, calibrate
from rerank_kit.judge.spending import prompt_tokens
from rerank_kit.pricing import Price, Prices, known_prices
from rerank_kit.values import Document
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, Scripted, about, found, in_turn

PRICES = Prices([Price("scripted", "chat", 1.0, 1, output=10.0)])
TEXTS = [f"cat {number}" for number in range(10)]


def test_no_more_calls_are_made_than_allowed_and_the_first_documents_are_judged(colour: Colour) -> None:
    chat = Scripted()
    ranking = colour(LLMJudge(chat, max_calls=3, concurrency=1), "rerank", QUERY, TEXTS)
    assert len(chat.prompts) == 3
    assert found(ranking) == list(range(10))
    assert [hit.verdict for hit in ranking] == ["yes"] * 3 + ["unjudged"] * 7
    assert ranking.hits[3].why == "not judged: BudgetExceeded: max_calls=3 is used up"


def test_a_question_that_is_asked_again_is_a_call() -> None:
    chat = Scripted(lambda question: "?")
    ranking = LLMJudge(chat, max_calls=3, concurrency=1).rerank(QUERY, TEXTS[:2])
    assert len(chat.prompts) == 3
    assert {hit.why for hit in ranking} == {"not judged: the model's answer could not be read"}


def test_no_more_is_spent_than_allowed(colour: Colour) -> None:
    chat = Scripted()
    judge = LLMJudge(chat, prices=PRICES)
    (one,) = (judge.estimate(QUERY, TEXTS[:1]),)
    assert one.cost is not None
    limited = LLMJudge(chat, prices=PRICES, max_cost=one.cost + 12, concurrency=1)
    ranking = colour(limited, "rerank", QUERY, TEXTS)
    assert len(chat.prompts) == 2  # the first turned out to cost 11, so that a second one fitted
    assert ranking.cost == 22.0
    assert "leaves no room for another call" in str(ranking.hits[2].why)


def test_calls_side_by_side_do_not_spend_the_same_money_twice(colour: Colour) -> None:
    chat = Scripted()
    one = LLMJudge(chat, prices=PRICES).estimate(QUERY, TEXTS[:1])
    assert one.cost is not None
    colour(LLMJudge(chat, prices=PRICES, max_cost=one.cost / 2, concurrency=8), "rerank", QUERY, TEXTS)
    assert chat.prompts == []


@pytest.mark.parametrize("limit", ["calls", "cost"])
def test_a_used_up_budget_raises_if_asked_to(limit: str, colour: Colour) -> None:
    options: dict[str, float] = {"max_calls": 1} if limit == "calls" else {"max_cost": 0.1}
    judge = LLMJudge(Scripted(), on_error="raise", prices=PRICES, **options)  # type: ignore[arg-type]
    with pytest.raises(BudgetExceeded, match=f"max_{limit}"):
        colour(judge, "rerank", QUERY, TEXTS)


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by that much whenever it is looked at."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def test_what_comes_too_late_is_kept_unjudged() -> None:
    chat = Scripted()
    judge = LLMJudge(chat, concurrency=1)
    documents = [Document(text) for text in TEXTS]
    ranking = run(judge.flow(QUERY, documents, Deadline(3.0, ticking(1.0))))
    assert [hit.verdict for hit in ranking] == ["yes"] * 3 + ["unjudged"] * 7
    assert "DeadlineExceeded" in str(ranking.hits[3].why)
    with pytest.raises(DeadlineExceeded):
        run(LLMJudge(chat, on_error="raise").flow(QUERY, documents, Deadline(0.0, ticking(1.0))))


def test_usage_counts_every_call_and_every_outcome(colour: Colour) -> None:
    chat = Scripted(in_turn("?", "?", Completion("", "refusal"), '{"label": "nobody", "verdict": "yes"}'))
    ranking = colour(LLMJudge(chat, concurrency=1), "rerank", QUERY, TEXTS[:3])
    assert ranking.usage == Usage(
        pairs=1,
        requests=5,
        calls=5,
        input_tokens=5,
        output_tokens=5,
        unjudged=2,
        unparsable=2,
        refused=1,
        missing=1,
        unknown_labels=1,
    )


def test_the_cost_is_that_of_the_answers(colour: Colour) -> None:
    ranking = colour(LLMJudge(Scripted(), prices=PRICES), "rerank", QUERY, DOCUMENTS)
    assert ranking.cost == ranking.spans[-1].cost == 4 * 11.0
    assert colour(LLMJudge(Scripted()), "rerank", QUERY, DOCUMENTS).cost is None
    assert LLMJudge(Scripted(), prices=PRICES).cost(Usage(calls=2, input_tokens=1, output_tokens=1)) == 11.0


def test_a_call_that_was_turned_away_is_free_and_one_without_an_answer_nobody_knows(colour: Colour) -> None:
    refused = LLMJudge(Scripted(about("run", StatusError("busy", status=529))), prices=PRICES)
    assert colour(refused, "rerank", QUERY, DOCUMENTS).cost == 3 * 11.0
    cut = LLMJudge(Scripted(about("run", ConnectionFailed("cut"))), prices=PRICES)
    assert colour(cut, "rerank", QUERY, DOCUMENTS).cost is None


def test_long_prompts_are_paid_by_their_own_price() -> None:
    long = Usage(calls=1, input_tokens=100_001, output_tokens=1_000)
    short = Usage(calls=1, input_tokens=100_000, output_tokens=1_000)
    prices = known_prices()
    assert prices.cost("claude-haiku-5-5", short) == pytest.approx(0.01 + 0.0005)
    assert prices.cost("claude-haiku-5-5", long) == pytest.approx(0.0500005 + 0.0025)
    assert prices.cost("claude-haiku-5-5", Usage(calls=1, cache_read_tokens=100_001)) == pytest.approx(0.00500005)
    assert prices.cost("claude-haiku-5-5", short + short) == pytest.approx(2 * (0.01 + 0.0005))
    assert prices.cost("claude-haiku-4-5", long) == pytest.approx(0.100001 + 0.005)


def test_what_the_cache_took_and_gave_has_its_price() -> None:
    usage = Usage(calls=2, cache_write_tokens=1_000_000, cache_read_tokens=1_000_000)
    assert known_prices().cost("claude-haiku-4-5", usage) == pytest.approx(1.25 + 0.10)
    assert Price("m", "chat", 1.0, 1, output=1.0).cost(usage) is None


def test_a_call_whose_tokens_were_not_counted_is_of_unknown_cost() -> None:
    assert known_prices().cost("claude-haiku-4-5", Usage(calls=1)) is None
    assert known_prices().cost("claude-haiku-4-5", Usage()) == 0.0


def test_a_users_row_wins_over_all_rows_of_its_model() -> None:
    prices = known_prices().override(Price("claude-haiku-5-5", "chat", 1.0, 1, output=1.0))
    assert prices.cost("claude-haiku-5-5", Usage(calls=1, input_tokens=200_000)) == 200_000.0


def test_a_price_of_a_chat_model_needs_that_of_its_output_and_tells_where_estimates_are() -> None:
    with pytest.raises(ConfigurationError, match="output of the price of 'm'"):
        Price("m", "chat", 1.0, 1)
    with pytest.raises(ConfigurationError, match=r"ask the estimate\(query, documents\) of its reranker"):
        Price("m", "chat", 1.0, 1, output=1.0).estimate(1, [1])


MODES: list[tuple[Mode, int]] = [("filter", 25), ("grade", 3), ("listwise", 2)]


@pytest.mark.parametrize(("mode", "calls"), MODES)
def test_an_estimate_counts_the_calls_and_the_tokens_of_the_very_prompts(mode: Mode, calls: int) -> None:
    texts = [f"cat {number}" for number in range(25)]
    chat = Scripted()
    judge = LLMJudge(chat, mode=mode, seed=1, prices=PRICES)
    estimate = judge.estimate(QUERY, texts)
    assert chat.prompts == []
    judge.rerank(QUERY, texts)
    assert estimate.calls == calls == len(chat.prompts)
    assert estimate.input_tokens == pytest.approx(sum(map(prompt_tokens, chat.prompts)), rel=0.01)
    assert estimate.output_tokens > 0
    assert estimate.cost == pytest.approx(estimate.input_tokens + 10 * estimate.output_tokens)


def test_an_estimate_leaves_out_what_is_never_asked() -> None:
    judge = LLMJudge(Scripted(), max_calls=2, samples=3)
    assert judge.estimate(QUERY, ["a", "", "b"]).calls == 2
    assert LLMJudge(Scripted(), samples=3).estimate(QUERY, ["a", "", "b"]).calls == 6
    assert LLMJudge(Scripted()).estimate(QUERY, [""]) == Estimate(0, 0, 0, 0.0)
    assert judge.estimate(QUERY, ["a"]).cost is None
    with pytest.raises(ConfigurationError, match="query"):
        judge.estimate("", ["a"])


def test_agreement_with_labels_is_measured() -> None:
    import asyncio

    pairs: list[tuple[str, Document | str, bool]] = [
        (QUERY, "cat dog", True),
        (QUERY, "cat", True),
        (QUERY, "dog", False),
        (QUERY, "none", True),
        ("zebra", Document("none"), False),
        ("zebra", "broken", True),
    ]
    judge = LLMJudge(Scripted(about("broken", "?")), prices=PRICES)
    measured = calibrate(judge, pairs)
    assert asyncio.run(acalibrate(judge, pairs)) == measured
    assert (measured.right_yes, measured.wrong_yes, measured.right_no, measured.wrong_no) == (2, 1, 1, 1)
    assert (measured.accuracy, measured.precision, measured.recall) == (3 / 5, 2 / 3, 2 / 3)
    assert measured.kappa == pytest.approx((3 / 5 - 13 / 25) / (1 - 13 / 25))
    assert (measured.judged, measured.unjudged, measured.usage.calls, measured.cost) == (5, 1, 7, 77.0)
    assert str(measured) == "accuracy 0.60, precision 0.67, recall 0.67, kappa 0.17 (5 judged, 1 not)"


def test_grades_from_a_least_one_on_count_as_a_yes() -> None:
    pairs = [(QUERY, "cat dog", True), (QUERY, "cat", False)]
    judge = LLMJudge(Scripted(), mode="grade")
    assert calibrate(judge, pairs).precision == 0.5
    strict = calibrate(judge, pairs, least_grade=3)
    assert (strict.precision, strict.recall, strict.kappa) == (1.0, 1.0, 1.0)


def test_what_there_is_nothing_to_count_for_is_unknown_and_not_zero() -> None:
    measured = calibrate(LLMJudge(Scripted()), [])
    assert (measured.accuracy, measured.precision, measured.recall, measured.kappa, measured.cost) == (None,) * 5
    assert str(measured).startswith("accuracy unknown")


def test_agreement_needs_verdicts_and_texts() -> None:
    with pytest.raises(ConfigurationError, match="not 'listwise'"):
        calibrate(LLMJudge(Scripted(), mode="listwise"), [])
    with pytest.raises(ConfigurationError, match="has no text"):
        calibrate(LLMJudge(Scripted()), [(QUERY, " ", True)])

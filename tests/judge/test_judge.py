"""What `LLMJudge` promises in each of its modes, whatever the model answers: no document is lost or doubled."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from rerank_kit import (
    AuthenticationError,
    BackendError,
    Cascade,
    ConfigurationError,
    Fallback,
    MissingExtra,
    Ranking,
    Stage,
)
from rerank_kit.judge import Completion, LLMJudge, Mode
from rerank_kit.judge.listwise import windows
from rerank_kit.testing import Question, words_in_common
from tests import doubles
from tests.conftest import Colour
from tests.judge.doubles import DOCUMENTS, QUERY, Answer, Scripted, about, found, grades, honest, in_turn, verdict

MODES: list[Mode] = ["filter", "grade", "listwise"]


def reasons(ranking: Ranking) -> dict[int, str | None]:
    return {hit.index: hit.why for hit in ranking}


def verdicts(ranking: Ranking) -> dict[int, str | None]:
    return {hit.index: hit.verdict for hit in ranking}


def test_a_filter_leaves_out_what_does_not_answer_and_keeps_the_order(colour: Colour) -> None:
    chat = Scripted()
    ranking = colour(LLMJudge(chat), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 1, 3]
    assert {(hit.score, hit.why, hit.verdict) for hit in ranking} == {(1.0, "so", "yes")}
    assert [len(question.documents) for question in chat.questions] == [1, 1, 1, 1]
    assert (ranking.usage.calls, ranking.usage.pairs, ranking.usage.unjudged) == (4, 4, 0)
    assert not ranking.degraded


def test_grades_put_documents_in_order(colour: Colour) -> None:
    chat = Scripted()
    ranking = colour(LLMJudge(chat, mode="grade"), "rerank", QUERY, DOCUMENTS)
    assert [(hit.index, hit.verdict) for hit in ranking] == [(1, "3"), (0, "2"), (3, "2"), (2, "0")]
    assert [hit.score for hit in ranking] == [1.0, 2 / 3, 2 / 3, 0.0]
    assert len(chat.prompts) == 1


def test_grades_of_many_documents_are_asked_for_in_several_calls(colour: Colour) -> None:
    chat = Scripted()
    texts = [f"cat {number}" for number in range(23)]
    ranking = colour(LLMJudge(chat, mode="grade", documents_per_call=10), "rerank", QUERY, texts)
    assert sorted(len(question.documents) for question in chat.questions) == [3, 10, 10]
    assert found(ranking) == list(range(23))


def test_listwise_puts_documents_in_order(colour: Colour) -> None:
    ranking = colour(LLMJudge(Scripted(), mode="listwise"), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 0, 3, 2]
    assert [hit.score for hit in ranking] == [1.0, 0.75, 0.5, 0.25]
    assert reasons(ranking)[1] == "place 1 of 4"


def test_what_is_best_rises_through_all_windows(colour: Colour) -> None:
    chat = Scripted()
    texts = [f"none {number}" for number in range(49)] + ["cat dog"]
    ranking = colour(LLMJudge(chat, mode="listwise", window=20, step=10), "rerank", QUERY, texts)
    assert found(ranking)[0] == 49
    assert sorted(found(ranking)) == list(range(50))
    assert [len(question.documents) for question in chat.questions] == [20] * 4


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, []), (2, [(0, 2)]), (5, [(0, 5)]), (6, [(1, 6), (0, 4)]), (9, [(4, 9), (2, 7), (0, 5)])],
)
def test_windows_overlap_and_reach_the_top(count: int, expected: list[tuple[int, int]]) -> None:
    assert [(each.start, each.stop) for each in windows(count, 5, 2)] == expected


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_asked_about_nothing(mode: Mode, colour: Colour) -> None:
    chat = Scripted()
    ranking = colour(LLMJudge(chat, mode=mode), "rerank", QUERY, ["", "  "])
    assert (found(ranking), chat.prompts) == ([0, 1], [])
    assert found(colour(LLMJudge(chat, mode=mode), "rerank", QUERY, [])) == []
    assert chat.prompts == []


def test_one_document_needs_no_order(colour: Colour) -> None:
    chat = Scripted()
    ranking = colour(LLMJudge(chat, mode="listwise"), "rerank", QUERY, ["cat"])
    assert ([hit.score for hit in ranking], chat.prompts) == ([1.0], [])


@pytest.mark.parametrize(("min_keep", "kept"), [(0, []), (1, [0]), (3, [0, 1, 2]), (9, [0, 1, 2, 3])])
def test_a_filter_that_lets_nothing_through_keeps_as_many_as_it_was_asked_to(
    min_keep: int, kept: list[int], colour: Colour
) -> None:
    chat = Scripted(lambda question: verdict(question, "no", "off topic"))
    ranking = colour(LLMJudge(chat, min_keep=min_keep), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == kept
    assert {(hit.score, hit.verdict, hit.why) for hit in ranking} <= {(0.0, "no", "off topic")}


def test_a_filter_returns_something_unless_asked_not_to() -> None:
    assert len(LLMJudge(Scripted(lambda question: verdict(question, "no"))).rerank(QUERY, DOCUMENTS)) == 1


def test_what_fills_up_a_filter_comes_after_what_passed() -> None:
    ranking = LLMJudge(Scripted(about("nothing", lambda question: verdict(question, "yes"))), min_keep=4).rerank(
        "zebra", DOCUMENTS
    )
    assert (found(ranking), [hit.verdict for hit in ranking]) == ([2, 0, 1, 3], ["yes", "no", "no", "no"])


UNREADABLE: dict[str, Answer] = {
    "prose": "I think it is fine.",
    "cut off": Completion('{"label": ', "length"),
    "empty": "",
    "another label": '{"label": "????", "verdict": "yes"}',
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_cannot_be_read_is_asked_once_more_under_new_labels_and_with_more_room(
    mode: Mode, answer: Answer, colour: Colour
) -> None:
    chat = Scripted(in_turn(answer))
    ranking = colour(LLMJudge(chat, mode=mode), "rerank", QUERY, ["cat dog", "cat"][: 1 if mode == "filter" else 2])
    assert not ranking.degraded
    first, second = chat.prompts
    assert second.max_tokens == 2 * first.max_tokens
    one, other = chat.questions
    assert set(one.documents).isdisjoint(other.documents)
    assert sorted(one.documents.values()) == sorted(other.documents.values())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_can_never_be_read_is_kept_in_order_and_flagged(mode: Mode, answer: Answer, colour: Colour) -> None:
    chat = Scripted(lambda question: answer)
    ranking = colour(LLMJudge(chat, mode=mode), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 1, 2, 3]
    assert {(hit.score, hit.verdict) for hit in ranking} == {(0.0, "unjudged")}
    assert all(str(hit.why).startswith("not judged: the model") for hit in ranking)
    assert ranking.usage.unjudged == 4
    assert ranking.degraded
    assert str(ranking.spans[0].problem).startswith("4 of 4 documents could not be judged")
    assert len(chat.prompts) == (8 if mode == "filter" else 2)


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_not_asked_again(mode: Mode, colour: Colour) -> None:
    chat = Scripted(lambda question: Completion("", "refusal"))
    ranking = colour(LLMJudge(chat, mode=mode), "rerank", QUERY, DOCUMENTS)
    assert set(reasons(ranking).values()) == {"not judged: the model refused to answer"}
    assert ranking.usage.refused == len(chat.prompts) == (4 if mode == "filter" else 1)


def test_one_document_of_ten_that_fails_costs_only_itself_its_verdict(colour: Colour) -> None:
    texts = [f"cat {number}" for number in range(10)]
    chat = Scripted(about("cat 4", BackendError("down")))
    ranking = colour(LLMJudge(chat), "rerank", QUERY, texts)
    assert found(ranking) == [0, 1, 2, 3, 5, 6, 7, 8, 9, 4]
    assert verdicts(ranking)[4] == "unjudged"
    assert reasons(ranking)[4] == "not judged: BackendError: down"
    assert (ranking.usage.unjudged, ranking.usage.pairs) == (1, 9)
    assert ranking.spans[0].problem == "1 of 10 documents could not be judged: BackendError: down (1)"


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("choices"), TimeoutError()])
def test_whatever_a_model_raises_costs_only_its_call(error: Exception, colour: Colour) -> None:
    ranking = colour(LLMJudge(Scripted(about("run", error))), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 3, 1]


def test_a_span_tells_of_the_commonest_reasons() -> None:
    ranking = LLMJudge(Scripted(lambda question: BackendError(next(iter(question.documents.values()))))).rerank(
        QUERY, [*DOCUMENTS, "a"]
    )
    assert str(ranking.spans[0].problem).endswith("; and 2 other reasons")


def test_what_an_answer_leaves_out_is_kept_after_the_others(colour: Colour) -> None:
    def two_of_three(question: Question) -> str:
        rows = [
            row
            for row in grades(question, *[1] * len(question.documents))
            if "b" not in question.documents[row["label"]]
        ]
        return json.dumps({"grades": rows})

    ranking = colour(LLMJudge(Scripted(two_of_three), mode="grade"), "rerank", QUERY, ["a", "b", "c"])
    assert found(ranking) == [0, 2, 1]
    assert reasons(ranking)[1] == "not judged: the model left it out of its answer"
    assert ranking.usage.missing == 1


def test_two_grades_for_one_document_are_none(colour: Colour) -> None:
    def twice(question: Question) -> str:
        return json.dumps({"grades": [*grades(question, 1, 1), *grades(question, 1, 3)[1:]]})

    ranking = colour(LLMJudge(Scripted(twice), mode="grade", seed=1), "rerank", QUERY, ["a", "b"])
    assert [hit.verdict for hit in ranking] == ["1", "unjudged"]
    assert ranking.hits[1].why == "not judged: the model gave two different verdicts"
    assert ranking.usage.repeated == 1


def test_listwise_what_is_left_out_or_repeated_is_neither_lost_nor_doubled(colour: Colour) -> None:
    def odd(question: Question) -> str:
        labels = list(question.documents)
        return json.dumps({"ranking": [labels[2], labels[0], labels[2], "none"]})

    ranking = colour(LLMJudge(Scripted(odd), mode="listwise"), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [2, 0, 1, 3]
    assert [hit.verdict for hit in ranking] == [None, None, "unjudged", "unjudged"]
    assert (ranking.usage.repeated, ranking.usage.unknown_labels, ranking.usage.missing) == (1, 1, 2)


def test_listwise_a_window_that_fails_leaves_its_documents_where_they_are(colour: Colour) -> None:
    texts = [f"none {number}" for number in range(8)] + ["cat", "cat dog"]
    chat = Scripted(in_turn(honest, BackendError("down")))
    ranking = colour(LLMJudge(chat, mode="listwise", window=4, step=2), "rerank", QUERY, texts)
    assert sorted(found(ranking)) == list(range(10))
    assert ranking.usage.unjudged == 0  # each was in another window too


def test_on_error_raise_lets_a_fallback_take_over(colour: Colour) -> None:
    chat = Scripted(lambda question: BackendError("down"))
    with pytest.raises(BackendError, match="down"):
        colour(LLMJudge(chat, on_error="raise"), "rerank", QUERY, DOCUMENTS)
    other = doubles.Scripted(lambda text: words_in_common(QUERY, text))
    ranking = colour(Fallback(LLMJudge(chat, on_error="raise"), other), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 0, 3, 2]
    assert ranking.degraded


@pytest.mark.parametrize(
    "error", [AuthenticationError("key"), ConfigurationError("wrong"), MissingExtra("x", "anthropic")]
)
def test_what_a_programmer_must_mend_always_raises(error: Exception, colour: Colour) -> None:
    with pytest.raises(type(error)):
        colour(LLMJudge(Scripted(lambda question: error)), "rerank", QUERY, DOCUMENTS)


@pytest.mark.parametrize(
    ("words", "passes", "score", "why"),
    [
        (["yes", "yes", "no"], True, 2 / 3, "so (2 of 3 votes)"),
        (["no", "yes", "no"], False, 1 / 3, "so (2 of 3 votes)"),
        (["yes", "no"], False, 1 / 2, "so (1 of 2 votes)"),
        (["yes", "yes"], True, 1.0, "so (2 of 2 votes)"),
    ],
)
def test_the_majority_of_votes_counts_and_a_tie_is_a_no(
    words: list[str], passes: bool, score: float, why: str, colour: Colour
) -> None:
    votes = in_turn(*(lambda question, word=word: verdict(question, word) for word in words))
    ranking = colour(LLMJudge(Scripted(votes), samples=len(words), concurrency=1), "rerank", QUERY, ["a"])
    (hit,) = ranking
    assert (hit.verdict, hit.score, hit.why) == ("yes" if passes else "no", pytest.approx(score), why)


def test_a_vote_that_fails_does_not_count() -> None:
    votes = in_turn(BackendError("down"), lambda question: verdict(question, "yes"), BackendError("down"))
    ranking = LLMJudge(Scripted(votes), samples=3, concurrency=1).rerank(QUERY, ["a"])
    assert [(hit.verdict, hit.score, hit.why) for hit in ranking] == [("yes", 1.0, "so (1 of 1 votes)")]
    assert not ranking.degraded


def test_a_vote_without_a_reason_says_how_many_there_were() -> None:
    chat = Scripted(lambda question: verdict(question, "yes", None))
    assert [hit.why for hit in LLMJudge(chat, samples=2).rerank(QUERY, ["a"])] == ["(2 of 2 votes)"]


def test_votes_on_grades_each_see_another_order_and_of_two_as_common_the_lower_counts() -> None:
    def by_turn(question: Question) -> str:
        seen.append(list(question.documents.values()))
        return json.dumps({"grades": grades(question, *[3 if len(seen) == 1 else 1] * len(question.documents))})

    seen: list[list[str]] = []
    texts = [f"text {number}" for number in range(9)]
    ranking = LLMJudge(Scripted(by_turn), mode="grade", samples=2, concurrency=1, seed=5).rerank(QUERY, texts)
    assert seen[0] != seen[1]
    assert {hit.verdict for hit in ranking} == {"1"}


def test_a_filter_can_put_first_what_more_votes_are_for(colour: Colour) -> None:
    def says(question: Question) -> str:
        (text,) = question.documents.values()
        asked.append(text)
        return verdict(question, "no" if text == "a" and asked.count("a") == 1 else "yes")

    for keep_order, order in ((True, [0, 1]), (False, [1, 0])):
        asked: list[str] = []
        judge = LLMJudge(Scripted(says), samples=3, keep_order=keep_order, concurrency=1)
        assert found(colour(judge, "rerank", QUERY, ["a", "b"])) == order


@pytest.mark.parametrize("mode", MODES)
def test_no_more_calls_run_side_by_side_than_allowed(mode: Mode, colour: Colour) -> None:
    import threading

    now, most, lock = [0], [0], threading.Lock()

    def busy(question: Question) -> str:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        answer = honest(question)
        with lock:
            now[0] -= 1
        return answer

    judge = LLMJudge(Scripted(busy), mode=mode, concurrency=3, documents_per_call=1)
    ranking = colour(judge, "rerank", QUERY, [f"cat {number}" for number in range(30)])
    assert len(ranking) == 30
    assert most[0] <= 3


def test_several_queries_are_judged_at_once(colour: Colour) -> None:
    rankings = colour(LLMJudge(Scripted()), "rerank_many", [QUERY, "zebra"], [DOCUMENTS, ["zebra", "a"]])
    assert [found(each) for each in rankings] == [[0, 1, 3], [0]]


def test_a_cascade_hands_on_verdict_and_reason(colour: Colour) -> None:
    cascade = Cascade(Stage(LLMJudge(Scripted())), Stage(doubles.Scripted(len)))
    ranking = colour(cascade, "rerank", QUERY, DOCUMENTS)
    assert [(hit.index, hit.verdict, hit.why) for hit in ranking] == [
        (1, "yes", "so"),
        (0, "yes", "so"),
        (3, "yes", "so"),
    ]


def test_a_judge_scores_no_document_by_itself_and_is_never_cached() -> None:
    judge = LLMJudge(Scripted())
    assert (judge.pointwise, judge.fingerprint, judge.model) == (False, None, "scripted")
    assert repr(judge).startswith("LLMJudge(Scripted(")


def test_a_judge_can_be_pickled() -> None:
    copy: LLMJudge = pickle.loads(pickle.dumps(LLMJudge(Scripted(), min_keep=2)))
    assert found(copy.rerank(QUERY, DOCUMENTS)) == [0, 1, 3]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"mode": "pairwise"}, "mode must be"),
        ({"on_error": "ignore"}, "on_error must be"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"documents_per_call": 0}, "documents_per_call must be"),
        ({"window": 0}, "window must be"),
        ({"window": 1}, "step must be less than window=1, not 1"),
        ({"step": 20}, "step must be less than window=20, not 20"),
        ({"min_keep": -1}, "min_keep must be"),
        ({"samples": 0}, "samples must be"),
        ({"samples": 2, "mode": "listwise"}, "samples must be 1"),
        ({"max_calls": 0}, "max_calls must be"),
        ({"max_cost": 0}, "max_cost must be"),
        ({"max_cost": 1}, "max_cost needs the price of 'scripted'"),
        ({"max_tokens_per_doc": 0}, "max_tokens_per_doc must be"),
    ],
)
def test_a_wrong_argument_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        LLMJudge(Scripted(), **wrong)


def test_what_is_no_llm_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError, match="model must be an LLM with a method complete"):
        LLMJudge("claude-haiku-5-5")  # type: ignore[arg-type]

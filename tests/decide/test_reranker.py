"""What `DecisionReranker` promises in each way to ask, whatever the model answers: no document is lost or doubled."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from rerank_kit import (
    AuthenticationError,
    BackendError,
    Cached,
    ConfigurationError,
    Deadline,
    DeadlineExceeded,
    Fallback,
    InvalidResponse,
    MissingExtra,
    Ranking,
    Reranker,
    WrongArguments,
)
from rerank_kit.decide import Answer, Choice, DecisionLimits, DecisionReranker, Score, SystemOne, YesNo
from rerank_kit.decide.questions import question_tokens
from rerank_kit.decide.sharing import fullness
from rerank_kit.decide.ways import LEVELS, Ask
from rerank_kit.flow import run
from rerank_kit.texts import estimated_tokens
from rerank_kit.values import Document
from tests import doubles
from tests.conftest import Colour
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, Scripted, answers, failing, found, shown, text_of, without

WAYS: list[Ask] = ["score", "yes-no", "choice"]
EACH: list[Ask] = ["score", "yes-no"]


def reasons(ranking: Ranking) -> dict[int, str | None]:
    return {hit.index: hit.why for hit in ranking}


def verdicts(ranking: Ranking) -> dict[int, str | None]:
    return {hit.index: hit.verdict for hit in ranking}


@pytest.mark.parametrize("ask", WAYS)
def test_all_documents_are_put_in_order_by_one_call(ask: Ask, colour: Colour) -> None:
    model = Scripted()
    ranking = colour(DecisionReranker(model, ask=ask), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == ORDER, "equal scores keep their order"
    assert [shown(each) for each in model.asked] == [DOCUMENTS]
    assert (ranking.usage.calls, ranking.usage.pairs, ranking.usage.splits, ranking.degraded) == (1, 4, 0, False)


def test_a_score_is_the_expected_level_as_a_share_of_the_highest(colour: Colour) -> None:
    levels = {"a": 0.0, "b": 1.35, "c": 1.5, "d": 3.0}
    model = Scripted(lambda _query, text: levels[text] / 3)
    ranking = colour(DecisionReranker(model), "rerank", QUERY, list(levels))
    assert found(ranking) == [3, 2, 1, 0]
    assert [hit.score for hit in ranking] == [pytest.approx(each / 3) for each in (3.0, 1.5, 1.35, 0.0)]
    assert [hit.verdict for hit in ranking] == ["3", "2", "1", "0"]
    assert ranking.hits[2].why == "level 1.35 of 3"
    assert ranking.hits[0].probabilities == {"0": 0.0, "1": 0.0, "2": 0.0, "3": 1.0}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(1.5, {"0": 0.4, "1": 0.1, "2": 0.1, "3": 0.4}), "3"),
        (Answer(1.3, {"0": 0.5, "1": 0.0, "2": 0.2, "3": 0.3}), "0"),
        (Answer(2.0, {"0": 0.1, "1": 0.4, "2": 0.1, "3": 0.4}), "3"),
        (Answer(1.4, {"1": 0.35, "2": 0.35, "0": 0.3}), "1"),
        (Answer(1.5), "2"),
        (Answer(1.4), "1"),
        (Answer(1.4, {"high": 1.0}), "1"),
    ],
)
def test_a_verdict_is_the_likeliest_level(answer: Answer, verdict: str, colour: Colour) -> None:
    model = Scripted(change=lambda _asked, right: answers(dict.fromkeys(right, answer)))
    ranking = colour(DecisionReranker(model), "rerank", QUERY, ["a cat"])
    assert (ranking[0].verdict, ranking[0].score) == (verdict, pytest.approx(answer.value / 3))


def test_a_score_is_the_probability_of_yes(colour: Colour) -> None:
    ranking = colour(DecisionReranker(Scripted(), ask="yes-no"), "rerank", QUERY, DOCUMENTS)
    assert [hit.score for hit in ranking] == [1.0, 0.5, 0.5, 0.0]
    assert [hit.verdict for hit in ranking] == ["yes", "no", "no", "no"]
    assert [hit.why for hit in ranking] == ["yes: 1.00", "no: 0.50", "no: 0.50", "no: 1.00"]
    assert ranking.hits[3].probabilities == {"yes": 0.0, "no": 1.0}


def test_a_score_is_the_probability_of_being_chosen(colour: Colour) -> None:
    ranking = colour(DecisionReranker(Scripted(), ask="choice"), "rerank", QUERY, DOCUMENTS)
    assert [hit.score for hit in ranking] == [0.5, 0.25, 0.25, 0.0]
    assert {hit.verdict for hit in ranking} == {None}
    assert ranking.hits[0].why == "chosen: 0.50"


def test_what_is_asked_names_documents_by_labels_that_tell_nothing() -> None:
    kinds = {"score": Score, "yes-no": YesNo, "choice": Choice}
    for ask in WAYS:
        model = Scripted()
        DecisionReranker(model, ask=ask, criterion="names a pet").rerank(QUERY, DOCUMENTS)
        (asked,) = model.asked
        said = " ".join(each.instructions for each in asked.questions.values())
        assert "names a pet" in said
        assert not any(text in said or text in name for text in DOCUMENTS for name in asked.questions)
        assert {type(each) for each in asked.questions.values()} - {kinds[ask]} <= {YesNo}


def test_levels_are_ones_own(colour: Colour) -> None:
    model = Scripted()
    ranking = colour(DecisionReranker(model, levels=["no", "yes"]), "rerank", QUERY, DOCUMENTS)
    assert {tuple(each.levels) for each in model.asked[0].questions.values() if isinstance(each, Score)} == {
        ("no", "yes")
    }
    assert [hit.score for hit in ranking] == [1.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize("ask", WAYS)
def test_nothing_is_asked_about_nothing(ask: Ask, colour: Colour) -> None:
    model = Scripted()
    assert found(colour(DecisionReranker(model, ask=ask), "rerank", QUERY, ["", "  "])) == [0, 1]
    assert found(colour(DecisionReranker(model, ask=ask), "rerank", QUERY, [])) == []
    assert model.asked == []


@pytest.mark.parametrize("ask", WAYS)
def test_one_document_is_asked_about_like_several(ask: Ask, colour: Colour) -> None:
    ranking = colour(DecisionReranker(Scripted(), ask=ask), "rerank", QUERY, ["a cat"])
    assert [hit.score for hit in ranking] == [0.5]


@pytest.mark.parametrize("ask", WAYS)
def test_the_same_text_is_asked_about_once(ask: Ask, colour: Colour) -> None:
    model = Scripted()
    ranking = colour(DecisionReranker(model, ask=ask), "rerank", QUERY, ["a dog", "a cat", "a dog", "cat dog"])
    assert shown(model.asked[0]) == ["a dog", "a cat", "cat dog"]
    assert found(ranking) == [3, 0, 1, 2]
    assert (ranking.usage.pairs, ranking.usage.duplicates) == (3, 1)


@pytest.mark.parametrize("ask", EACH)
def test_pair_by_pair_each_document_has_a_call_of_its_own(ask: Ask, colour: Colour) -> None:
    model = Scripted()
    ranking = colour(DecisionReranker(model, ask=ask, pairwise=True), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == ORDER
    assert sorted(shown(each) for each in model.asked) == [[each] for each in sorted(DOCUMENTS)]
    assert (ranking.usage.calls, ranking.usage.splits) == (4, 0)


def test_only_what_was_asked_pair_by_pair_can_be_cached(colour: Colour) -> None:
    client = SystemOne("m", base_url="http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="cache a pointwise reranker"):
        Cached(DecisionReranker(client))
    assert DecisionReranker(client).fingerprint is None
    assert DecisionReranker(Scripted(), pairwise=True).fingerprint is None, "it does not say which model it is"
    kept = Cached(DecisionReranker(client, pairwise=True))
    assert "http://127.0.0.1:9" in kept.fingerprint
    others = [{"criterion": "is new"}, {"levels": ["no", "yes"]}, {"ask": "yes-no"}, {"max_tokens_per_doc": 5}]
    made = {DecisionReranker(client, pairwise=True, **each).fingerprint for each in others}  # type: ignore[arg-type]
    limits = DecisionLimits(tokens=1500), DecisionLimits(state_tokens=1500), DecisionLimits(1500)
    limited = [SystemOne("m", base_url="http://127.0.0.1:9", limits=each) for each in limits]
    made |= {DecisionReranker(each, pairwise=True).fingerprint for each in limited}
    assert len(made - {kept.fingerprint}) == 7
    assert DecisionReranker(client, pairwise=True).fingerprint == kept.fingerprint
    model = Scripted()
    cached = Cached(DecisionReranker(model, pairwise=True), fingerprint="scripted")
    for _ in range(2):
        assert found(colour(cached, "rerank", QUERY, DOCUMENTS)) == ORDER
    assert len(model.asked) == 4


def test_more_than_fits_is_dealt_out_so_that_each_call_gets_strong_and_weak(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(questions=5))
    texts = [f"cat {number}" for number in range(12)]
    ranking = colour(DecisionReranker(model), "rerank", QUERY, texts)
    assert sorted(shown(each) for each in model.asked) == sorted([texts[0::3], texts[1::3], texts[2::3]])
    assert found(ranking) == list(range(12))
    assert (ranking.usage.splits, ranking.usage.calls) == (2, 3)


@pytest.mark.parametrize("limit", ["tokens", "state_tokens"])
def test_calls_are_as_long_as_the_model_takes(limit: str, colour: Colour) -> None:
    model = Scripted()
    texts = [f"cat {number} " * 50 for number in range(20)]
    colour(DecisionReranker(model), "rerank", QUERY, texts)
    (whole,) = model.asked
    most = whole.tokens // 3
    limited = Scripted(limits=DecisionLimits(**{limit: most}))
    ranking = colour(DecisionReranker(limited), "rerank", QUERY, texts)
    assert sorted(found(ranking)) == list(range(20))
    assert 3 <= len(limited.asked) <= 6
    for each in limited.asked:
        longest = max(map(question_tokens, each.questions.values()))
        assert (each.tokens if limit == "tokens" else estimated_tokens(each.state) + longest) <= most
    assert sorted(text for each in limited.asked for text in shown(each)) == sorted(texts)


@pytest.mark.parametrize("place", [0, 25, 49])
@pytest.mark.parametrize(
    "limits",
    [DecisionLimits(tokens=9000), DecisionLimits(state_tokens=9000), DecisionLimits(tokens=9000, questions=60)],
)
def test_a_document_that_fills_a_call_makes_none_for_the_others(
    limits: DecisionLimits, place: int, colour: Colour
) -> None:
    texts = [f"cat {number}" for number in range(49)]
    texts.insert(place, "word " * 60_000)
    model = Scripted(limits=limits)
    ranking = colour(DecisionReranker(model, max_tokens_per_doc=None), "rerank", QUERY, texts)
    assert sorted(found(ranking)) == list(range(50))
    assert sorted(len(shown(each)) for each in model.asked) == [1, 49]
    assert all(fullness(each, limits) <= 1 for each in model.asked)


@pytest.mark.parametrize("words", [700, 2500])
def test_calls_of_long_and_short_documents_are_few_and_get_strong_and_weak_alike(words: int, colour: Colour) -> None:
    texts = [f"{number} {'cat ' * (words if number % 10 == 3 else 10)}" for number in range(50)]
    model = Scripted(limits=DecisionLimits(tokens=5000))
    whole = DecisionReranker(Scripted(), max_tokens_per_doc=None).estimate(QUERY, texts)
    colour(DecisionReranker(model, max_tokens_per_doc=None), "rerank", QUERY, texts)
    assert len(model.asked) <= whole.input_tokens / 5000 + 2
    for each in model.asked:
        assert each.tokens <= 5000
        numbers = [int(text.split()[0]) for text in shown(each)]
        assert min(numbers) < 15
        assert max(numbers) > 35


@given(
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=40),
    tokens=st.integers(1500, 6000),
    questions=st.none() | st.integers(2, 9),
)
def test_whatever_their_lengths_all_are_asked_about_and_none_beyond_the_limits(
    lengths: list[int], tokens: int, questions: int | None
) -> None:
    texts = [f"{number} {'x' * length}" for number, length in enumerate(lengths)]
    model = Scripted(lambda _query, _text: 0.5, limits=DecisionLimits(questions, tokens=tokens, state_tokens=tokens))
    ranking = DecisionReranker(model).rerank(QUERY, texts)
    assert sorted(found(ranking)) == list(range(len(texts)))
    assert sorted(int(text.split()[0]) for each in model.asked for text in shown(each)) == list(range(len(texts)))
    assert all(each.tokens <= tokens and len(each.questions) <= (questions or 99) for each in model.asked)


def test_what_takes_control_tokens_apart_makes_no_call_too_long(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(tokens=2000))
    reranker = DecisionReranker(model, max_tokens_per_doc=None, pairwise=True)
    ranking = colour(reranker, "rerank", QUERY, ["<s>" * 9000, "<s>" * 1200])
    assert (len(ranking), ranking.usage.truncated) == (2, 2)
    assert all(each.tokens <= 2000 for each in model.asked)
    assert all("<s>" not in text for each in model.asked for text in shown(each))


def test_one_document_in_a_call_is_the_least(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(questions=2))
    assert found(colour(DecisionReranker(model), "rerank", QUERY, DOCUMENTS)) == ORDER
    assert [len(shown(each)) for each in model.asked] == [1] * 4


@pytest.mark.parametrize("limits", [DecisionLimits(options=4), DecisionLimits(tokens=600)])
def test_a_choice_is_never_split(limits: DecisionLimits, colour: Colour) -> None:
    model = Scripted(limits=limits)
    texts = [f"{text} " * 9 for text in DOCUMENTS]
    with pytest.raises(ConfigurationError, match="ask='choice' is one question, so 4 documents cannot be split"):
        colour(DecisionReranker(model, ask="choice"), "rerank", QUERY, texts)
    assert model.asked == []
    assert len(colour(DecisionReranker(model, ask="choice"), "rerank", QUERY, ["a cat", "a dog"])) == 2


def test_long_documents_are_cut_and_counted_or_refused_as_one_likes(colour: Colour) -> None:
    model = Scripted()
    texts = ["cat " * 30, "a dog", " " * 300 + "cat dog"]
    ranking = colour(DecisionReranker(model, max_tokens_per_doc=10), "rerank", QUERY, texts)
    assert [len(text) for text in shown(model.asked[0])] == [30, 5, 7]
    assert ranking.usage.truncated == 1
    strict = DecisionReranker(model, max_tokens_per_doc=10, too_long="raise")
    with pytest.raises(ConfigurationError, match="1 of 3 documents have more than 10 tokens, the longest about 40"):
        colour(strict, "rerank", QUERY, ["cat " * 30, "a dog", "cat dog"])
    assert len(colour(strict, "rerank", QUERY, ["a dog"])) == 1


def test_a_document_longer_than_any_call_is_cut_to_what_fits(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(tokens=2000))
    whole = DecisionReranker(model, max_tokens_per_doc=None)
    ranking = colour(whole, "rerank", QUERY, ["cat " * 10_000, "dog"])
    assert ranking.usage.truncated == 1
    assert max(each.tokens for each in model.asked) <= 2000


def test_a_query_that_leaves_no_room_is_said(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(state_tokens=600))
    with pytest.raises(BackendError, match=r"the query is too long: .* leaves no room for a document"):
        colour(DecisionReranker(model), "rerank", "cat " * 1000, DOCUMENTS)
    second = Reranker.of(lambda _, texts: [1.0] * len(texts))
    assert len(colour(Fallback(DecisionReranker(model), second), "rerank", "cat " * 1000, DOCUMENTS)) == len(DOCUMENTS)


def test_a_criterion_that_leaves_no_room_is_a_wrong_setting(colour: Colour) -> None:
    model = Scripted(limits=DecisionLimits(tokens=600))
    with pytest.raises(ConfigurationError, match="leaves no room for a document in DecisionLimits"):
        colour(DecisionReranker(model, criterion="is of cats " * 1000), "rerank", "cat", DOCUMENTS)


@pytest.mark.parametrize("ask", EACH)
@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ("refusal", "the model refused to answer"),
        ("missing", "the model left it out of its answer"),
        ("duplicate", "the model gave two different verdicts"),
        ("unparsable", "the model's answer could not be read"),
        ("shrugged", "the model gave no answer: shrugged"),
    ],
)
def test_what_is_not_answered_is_kept_unjudged_behind_the_others(
    ask: Ask, outcome: str, why: str, colour: Colour
) -> None:
    model = Scripted(change=without("run", outcome))
    ranking = colour(DecisionReranker(model, ask=ask), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 3, 2, 1]
    assert (verdicts(ranking)[1], reasons(ranking)[1]) == ("unjudged", f"not judged: {why}")
    assert (ranking.usage.unjudged, ranking.usage.pairs, ranking.degraded) == (1, 3, True)
    assert ranking.spans[0].problem == f"1 of 4 documents could not be judged: {why} (1)"


def test_a_choice_without_an_answer_judges_nothing(colour: Colour) -> None:
    model = Scripted(change=lambda asked, _right: answers({}, dict.fromkeys(asked.questions, "refusal")))
    ranking = colour(DecisionReranker(model, ask="choice"), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), set(verdicts(ranking).values())) == ([0, 1, 2, 3], {"unjudged"})
    assert ranking.failure is not None


def test_a_document_that_a_choice_leaves_out_is_unjudged(colour: Colour) -> None:
    def partial(_asked: Any, right: dict[str, Answer]) -> Any:
        ((name, answer),) = right.items()
        first, *_ = answer.probabilities
        return answers({name: Answer(0.0, {label: p for label, p in answer.probabilities.items() if label != first})})

    ranking = colour(DecisionReranker(Scripted(change=partial), ask="choice"), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 3, 2, 0]
    assert verdicts(ranking)[0] == "unjudged"


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("error", [BackendError("down"), ValueError("odd"), KeyError("answers"), TimeoutError()])
def test_whatever_fails_costs_the_documents_of_its_call_their_verdicts(
    ask: Ask, error: Exception, colour: Colour
) -> None:
    model = Scripted(change=failing("run", error))
    ranking = colour(DecisionReranker(model, ask=ask), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 1, 2, 3]
    assert {hit.verdict for hit in ranking} == {"unjudged"}
    assert str(reasons(ranking)[0]).startswith(f"not judged: {type(error).__name__}")


def test_a_call_that_fails_costs_the_others_nothing(colour: Colour) -> None:
    model = Scripted(change=failing("run", BackendError("down")))
    ranking = colour(DecisionReranker(model, pairwise=True), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [0, 3, 2, 1]
    assert reasons(ranking)[1] == "not judged: BackendError: down"
    assert ranking.failure is None


def test_what_ranks_when_nothing_is_judged_is_the_fallback(colour: Colour) -> None:
    model = Scripted(change=lambda *_: BackendError("down"))
    other = doubles.Scripted(len)
    ranking = colour(Fallback(DecisionReranker(model), other), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 2, 0, 3]
    assert ranking.degraded


@pytest.mark.parametrize("error", [AuthenticationError("wrong key"), ConfigurationError("no model"), MissingExtra("x")])
def test_wrong_settings_raise_whatever_was_asked_for(error: Exception, colour: Colour) -> None:
    with pytest.raises(type(error)):
        colour(DecisionReranker(Scripted(change=lambda *_: error)), "rerank", QUERY, DOCUMENTS)


@pytest.mark.parametrize("ask", WAYS)
def test_who_asks_for_errors_gets_one(ask: Ask, colour: Colour) -> None:
    down = Scripted(change=failing("run", BackendError("down")))
    with pytest.raises(BackendError, match="down"):
        colour(DecisionReranker(down, ask=ask, on_error="raise"), "rerank", QUERY, DOCUMENTS)
    model = Scripted(change=lambda asked, _right: answers({}, dict.fromkeys(asked.questions, "refusal")))
    with pytest.raises(InvalidResponse, match="4 of 4 documents could not be judged: the model refused") as caught:
        colour(DecisionReranker(model, ask=ask, on_error="raise"), "rerank", QUERY, DOCUMENTS)
    assert caught.value.backend == "Scripted"


def test_what_is_no_answer_at_all_is_told_what_to_be(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"Scripted\.decide\(…\) gave list: a model must be a DecisionModel"):
        colour(DecisionReranker(Scripted(change=lambda *_: [0.5])), "rerank", QUERY, DOCUMENTS)


def test_a_model_may_answer_at_once(colour: Colour) -> None:
    class AtOnce(Scripted):
        def decide(self, asked: Any, deadline: Deadline = Deadline()) -> Any:  # noqa: B008 - frozen
            return self._answer(asked)

    assert found(colour(DecisionReranker(AtOnce()), "rerank", QUERY, DOCUMENTS)) == ORDER


def test_what_would_come_too_late_is_not_asked() -> None:
    model = Scripted()
    late = Deadline(0.0, lambda: 1.0)
    ranking = run(DecisionReranker(model).flow(QUERY, [Document(text) for text in DOCUMENTS], late))
    assert (found(ranking), model.asked) == ([0, 1, 2, 3], [])
    assert "DeadlineExceeded" in str(ranking.hits[0].why)
    with pytest.raises(DeadlineExceeded):
        run(DecisionReranker(model, on_error="raise").flow(QUERY, [Document("a")], late))


def test_several_queries_are_asked_side_by_side(colour: Colour) -> None:
    first, second = colour(DecisionReranker(Scripted()), "rerank_many", ["cat", "dog"], [DOCUMENTS, DOCUMENTS])
    assert (found(first), found(second)) == ([0, 1, 2, 3], [1, 3, 0, 2])


def test_a_reranker_says_what_it_is_and_travels(colour: Colour) -> None:
    reranker = DecisionReranker(Scripted(), ask="yes-no")
    assert "ask='yes-no'" in repr(reranker)
    assert (reranker.model, reranker.levels, reranker.pointwise) == ("scripted", LEVELS, False)
    assert found(colour(pickle.loads(pickle.dumps(reranker)), "rerank", QUERY, DOCUMENTS)) == ORDER


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"ask": "grade"}, "ask must be 'score', 'yes-no' or 'choice', not 'grade'"),
        ({"criterion": " "}, "criterion must be a str with something in it"),
        ({"criterion": "Does it answer? "}, 'the end of the sentence "the document …", such as "answers the query"'),
        ({"criterion": "回答吗？"}, "and no question"),
        ({"levels": ["no", "yes", "no"]}, "levels has 'no' twice"),
        ({"levels": ["no", "yes"], "ask": "yes-no"}, "levels are those of ask='score', and ask='yes-no' has none"),
        ({"levels": ["no", "yes"], "ask": "choice"}, "levels are those of ask='score'"),
        ({"seed": "x"}, "seed must be a whole number, or None"),
        ({"seed": 1.5}, "seed must be a whole number, or None"),
        ({"seed": True}, "seed must be a whole number, or None"),
        ({"levels": ["one"]}, "levels must be a list of at least two texts"),
        ({"levels": "full"}, "levels must be a list of at least two texts"),
        ({"levels": 3}, "levels must be a list of at least two texts"),
        ({"levels": ["none", ""]}, r"levels\[1\] must be a str with something in it"),
        ({"pairwise": "yes"}, "pairwise must be True or False"),
        ({"pairwise": True, "ask": "choice"}, "pairwise must be False with ask='choice'"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"max_tokens_per_doc": 0}, "max_tokens_per_doc must be"),
        ({"too_long": "drop"}, "too_long must be 'cut' or 'raise'"),
        ({"max_calls": 0}, "max_calls must be"),
        ({"max_cost": 0}, "max_cost must be"),
        ({"max_cost": 1}, "max_cost needs the price of 'scripted'"),
        ({"on_error": "drop"}, "on_error must be"),
        ({"prices": {}}, "prices must be"),
    ],
)
def test_a_wrong_argument_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DecisionReranker(Scripted(), **wrong)


def test_levels_are_no_more_than_a_question_may_have() -> None:
    levels = [f"level {number}" for number in range(6)]
    with pytest.raises(ConfigurationError, match="levels must be at most 5, as many as the model takes"):
        DecisionReranker(Scripted(limits=DecisionLimits(options=5)), levels=levels)
    assert DecisionReranker(Scripted(limits=DecisionLimits(options=6)), levels=levels).levels == tuple(levels)
    assert DecisionReranker(Scripted(), ask="choice", levels=list(LEVELS)).levels == LEVELS


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Scripted, "model is the class Scripted: pass an object of it"),
        ("jev-latest", r"not 'jev-latest': pass OpenAIDecisions\(name\) or SystemOne\(name\)"),
        (RunnableLambda(str), r"wrap it, langchain_rerank_kit\.LangChainDecisions\(model\)"),
        (FakeListChatModel(responses=["x"]), r"it writes text, so it is one for rerank_kit\.judge\.LLMJudge"),
    ],
)
def test_what_is_no_decision_model_is_told_what_to_do_with_it(model: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DecisionReranker(model)


MADE: Any = DecisionReranker
LIMITS: Any = DecisionLimits
CLIENT: Any = SystemOne


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: MADE(Scripted(), min_answerble=1), "did you mean min_answerable"),
        (lambda: MADE(Scripted(), "score"), "pass the others by name, ask="),
        (lambda: MADE(Scripted()).estimate("q", [], topn=1), "estimate has no argument 'topn'"),
        (lambda: LIMITS(token=5), "did you mean tokens"),
        (lambda: CLIENT("m", api_key="k").check(timout=1), "did you mean timeout"),
    ],
)
def test_arguments_that_there_are_not_are_told_what_was_meant(call: Any, told: str) -> None:
    with pytest.raises(WrongArguments, match=told):
        call()


@pytest.mark.parametrize("model", ["jev-latest", None, object(), Scripted(limits=5)])  # type: ignore[arg-type]
def test_what_is_no_decision_model_is_said_at_once(model: Any) -> None:
    with pytest.raises(ConfigurationError, match="model must be a decision model with a method decide and limits"):
        DecisionReranker(model)


def test_settings_are_fixed() -> None:
    with pytest.raises(ConfigurationError, match="ask is fixed"):
        DecisionReranker(Scripted()).ask = "choice"


def test_every_question_is_about_the_document_that_it_names() -> None:
    model = Scripted()
    DecisionReranker(model).rerank(QUERY, DOCUMENTS)
    (asked,) = model.asked
    assert [text_of(asked, name) for name in asked.questions] == [None, *DOCUMENTS]

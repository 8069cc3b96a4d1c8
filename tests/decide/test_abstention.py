"""Whether anything answers is asked in the same call, and a ranking of which that is unlikely abstains, if asked to."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import BackendError, Cascade, ConfigurationError, Fallback, InvalidResponse, Ranking, Stage
from rerank_kit.decide import Answer, DecisionLimits, DecisionReranker, SystemOne
from rerank_kit.decide.ways import NONE, Ask
from rerank_kit.ranking import likeliest
from rerank_kit.testing import DecisionServer
from tests import doubles
from tests.conftest import Colour
from tests.decide.conftest import MakeClient
from tests.decide.doubles import DOCUMENTS, ORDER, QUERY, Scripted, answers, failing, found, text_of

WAYS: list[Ask] = ["score", "yes-no", "choice"]
EACH: list[Ask] = ["score", "yes-no"]


def half(_query: str, text: str) -> float:
    return 0.3 if "cat" in text else 0.1


def without_that_about_all(outcome: str) -> Any:
    """Gives no answer to what is asked about all documents."""

    def change(asked: Any, right: dict[str, Answer]) -> Any:
        about_all = [name for name in right if text_of(asked, name) is None]
        found = {name: each for name, each in right.items() if name not in about_all}
        return answers(found, dict.fromkeys(about_all, outcome))

    return change


@pytest.mark.parametrize("ask", WAYS)
def test_whether_anything_answers_is_asked_in_the_same_call(ask: Ask, colour: Colour) -> None:
    model = Scripted(half)
    ranking = colour(DecisionReranker(model, ask=ask), "rerank", QUERY, DOCUMENTS)
    assert ranking.answerable == pytest.approx(0.3)
    assert (len(model.asked), len(ranking), ranking.degraded) == (1, 4, False)


def test_a_choice_can_be_none_of_the_documents() -> None:
    model = Scripted(half)
    DecisionReranker(model, ask="choice").rerank(QUERY, DOCUMENTS)
    (question,) = model.asked[0].questions.values()
    assert NONE in getattr(question, "options", {})


@pytest.mark.parametrize("ask", EACH)
def test_pair_by_pair_it_is_the_best_score_and_costs_no_question(ask: Ask, colour: Colour) -> None:
    model = Scripted(half)
    ranking = colour(DecisionReranker(model, ask=ask, pairwise=True), "rerank", QUERY, DOCUMENTS)
    assert ranking.answerable == ranking.hits[0].score == pytest.approx(0.3)
    assert {len(each.questions) for each in model.asked} == {1}


def test_of_several_calls_the_likeliest_counts(colour: Colour) -> None:
    model = Scripted(half, limits=DecisionLimits(questions=3))
    ranking = colour(DecisionReranker(model), "rerank", QUERY, ["a dog", "a cat", "a bird", "a horse"])
    assert (len(model.asked), ranking.answerable) == (2, pytest.approx(0.3))


@pytest.mark.parametrize(
    ("given", "enough", "expected"),
    [
        ([], 0.5, None),
        ([0.2, 0.7, 0.1], 0.9, 0.7),
        ([0.2], 0.5, 0.2),
        ([None], 0.5, None),
        ([0.2, None], 0.5, None),
        ([0.5, None], 0.5, 0.5),
        ([0.6, None], 0.9, None),
        ([0.2, None], 0.1, 0.2),
    ],
)
def test_what_is_not_known_may_answer(given: list[float | None], enough: float, expected: float | None) -> None:
    assert likeliest(given, enough) == expected


@pytest.mark.parametrize("pairwise", [False, True])
def test_what_is_known_is_the_least_that_it_can_be_where_something_is_not(pairwise: bool, colour: Colour) -> None:
    def asked(**options: Any) -> Any:
        change = failing("horse", BackendError("down"))
        model = Scripted(half, change=change, limits=DecisionLimits(questions=2))
        texts = ["a cat", "a horse"]
        return colour(DecisionReranker(model, pairwise=pairwise, **options), "rerank", QUERY, texts)

    assert (len(asked(min_answerable=0.9)), asked(min_answerable=0.9).answerable) == (2, None)
    assert str(asked(min_answerable=0.9).problem).endswith("whether any document answers is not known")
    assert (len(asked(min_answerable=0.3)), asked(min_answerable=0.3).answerable) == (2, pytest.approx(0.3))
    assert asked().answerable is None


def test_who_asks_for_errors_gets_one_where_it_is_not_known(colour: Colour) -> None:
    model = Scripted(half, change=without_that_about_all("refusal"))
    with pytest.raises(InvalidResponse, match=r"answers is not known, which min_answerable=0\.5") as caught:
        colour(DecisionReranker(model, min_answerable=0.5, on_error="raise"), "rerank", QUERY, DOCUMENTS)
    assert caught.value.backend == "Scripted"
    assert len(colour(DecisionReranker(model, on_error="raise"), "rerank", QUERY, DOCUMENTS)) == 4


def test_none_is_raised_where_what_is_known_is_enough(colour: Colour) -> None:
    def partly(asked: Any, right: dict[str, Answer]) -> Any:
        return without_that_about_all("refusal")(asked, right) if "a horse" in asked.request else answers(right)

    model = Scripted(half, change=partly, limits=DecisionLimits(questions=2))
    reranker = DecisionReranker(model, min_answerable=0.2, on_error="raise")
    assert colour(reranker, "rerank", QUERY, ["a cat", "a horse"]).answerable == pytest.approx(0.3)


@pytest.mark.parametrize("ask", WAYS)
def test_a_ranking_in_which_probably_nothing_answers_has_no_hits(ask: Ask, colour: Colour) -> None:
    reranker = DecisionReranker(Scripted(half), ask=ask, min_answerable=0.5)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (len(ranking), ranking.answerable, ranking.degraded) == (0, pytest.approx(0.3), False)
    assert {each.why for each in ranking.dropped} == {"probably no document answers: 0.3 is below min_answerable=0.5"}
    assert sorted(each.index for each in ranking.dropped) == [0, 1, 2, 3]


@pytest.mark.parametrize("ask", WAYS)
def test_or_it_says_so(ask: Ask, colour: Colour) -> None:
    reranker = DecisionReranker(Scripted(half), ask=ask, min_answerable=0.5, unanswerable="flag")
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (len(ranking), ranking.degraded) == (4, True)
    assert ranking.problem == "probably no document answers: 0.3 is below min_answerable=0.5"


@pytest.mark.parametrize("unanswerable", ["none", "flag"])
def test_what_is_likely_enough_is_ranked(unanswerable: Any, colour: Colour) -> None:
    reranker = DecisionReranker(Scripted(half), min_answerable=0.3, unanswerable=unanswerable)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (len(ranking), ranking.degraded) == (4, False)


def test_documents_without_text_do_not_come_where_no_other_does(colour: Colour) -> None:
    reranker = DecisionReranker(Scripted(half), min_answerable=0.5)
    ranking = colour(reranker, "rerank", QUERY, ["", *DOCUMENTS])
    assert (len(ranking), ranking.usage.empty) == (0, 1)
    assert {each.index: each.why for each in ranking.dropped}[0] == "it has no text"
    assert sorted(each.index for each in ranking.dropped) == [0, 1, 2, 3, 4]


def test_documents_without_text_do_not_answer(colour: Colour) -> None:
    def asked(*texts: str, **options: Any) -> Any:
        return colour(DecisionReranker(Scripted(), **options), "rerank", QUERY, texts)

    careful = asked(" ", "\u200b", min_answerable=0.5)
    assert (len(careful), careful.answerable, careful.degraded) == (0, 0.0, False)
    assert [(each.index, each.why) for each in careful.dropped] == [(0, "it has no text"), (1, "it has no text")]
    flagged = asked(" ", "", min_answerable=0.5, unanswerable="flag")
    assert (found(flagged), flagged.problem) == ([0, 1], "no document answers: none has text")
    assert (flagged.spans[0].backend, flagged.spans[0].documents_in, flagged.cost) == ("Scripted", 2, 0.0)
    silent = asked(" ", "")
    assert (found(silent), silent.answerable, silent.degraded) == ([0, 1], 0.0, False)
    assert asked(min_answerable=0.5, unanswerable="flag").degraded is False, "there are no documents"


@pytest.mark.parametrize("outcome", ["refusal", "missing", "unparsable"])
def test_where_it_is_not_known_the_ranking_stands_and_says_so_if_it_was_asked_for(outcome: str, colour: Colour) -> None:
    model = Scripted(half, change=without_that_about_all(outcome))
    ranking = colour(DecisionReranker(model, min_answerable=0.5), "rerank", QUERY, DOCUMENTS)
    assert (len(ranking), ranking.answerable) == (4, None)
    assert ranking.problem == "whether any document answers is not known"
    silent = colour(DecisionReranker(model), "rerank", QUERY, DOCUMENTS)
    assert (silent.answerable, silent.degraded, silent.usage.unjudged) == (None, False, 0)


def test_a_call_that_fails_leaves_open_whether_anything_answers(colour: Colour) -> None:
    change = failing("horse", BackendError("down"))
    model = Scripted(half, change=change, limits=DecisionLimits(questions=2))
    ranking = colour(DecisionReranker(model, min_answerable=0.5), "rerank", QUERY, ["a cat", "a horse"])
    assert (found(ranking), ranking.answerable) == ([0, 1], None)
    assert str(ranking.problem).endswith("down (1); whether any document answers is not known")


def test_a_ranking_that_failed_is_left_to_whoever_has_something_else(colour: Colour) -> None:
    model = Scripted(change=lambda *_: BackendError("down"))
    reranker = DecisionReranker(model, min_answerable=0.5)
    assert len(colour(reranker, "rerank", QUERY, DOCUMENTS)) == 4
    ranking = colour(Fallback(reranker, doubles.Scripted(len)), "rerank", QUERY, DOCUMENTS)
    assert found(ranking) == [1, 2, 0, 3]


def test_a_cascade_keeps_what_its_stages_know(colour: Colour) -> None:
    first = Stage(doubles.Scripted(len), top_n=3)
    last = Stage(DecisionReranker(Scripted(half)))
    ranking = colour(Cascade(first, last), "rerank", QUERY, DOCUMENTS)
    assert (found(ranking)[0], ranking.answerable) == (1, pytest.approx(0.3))
    assert ranking.hits[0].probabilities is not None
    after = colour(Cascade(last, first), "rerank", QUERY, DOCUMENTS)
    assert after.answerable == pytest.approx(0.3)
    assert after.hits[0].probabilities == ranking.hits[0].probabilities
    nothing = Stage(DecisionReranker(Scripted(half), min_answerable=0.5))
    assert len(colour(Cascade(first, nothing), "rerank", QUERY, DOCUMENTS)) == 0


def test_a_later_stage_can_depend_on_it(colour: Colour) -> None:
    def unsure(_query: str, ranking: Ranking) -> bool:
        return ranking.answerable is not None and ranking.answerable < 0.5

    later = doubles.Scripted(len)
    for worth, runs in ((half, 1), (None, 0)):
        later.sent.clear()
        model = Scripted() if worth is None else Scripted(worth)
        cascade = Cascade(Stage(DecisionReranker(model)), Stage(later, when=unsure))
        colour(cascade, "rerank", QUERY, DOCUMENTS)
        assert len(later.sent) == runs


def test_the_real_apis_are_asked_too(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    reranker = DecisionReranker(make(server), min_answerable=0.5)
    assert found(colour(reranker, "rerank", QUERY, DOCUMENTS)) == ORDER
    assert len(colour(reranker, "rerank", "quantum chromodynamics", DOCUMENTS)) == 0
    server.refuse("")
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert (found(ranking), ranking.answerable) == (ORDER, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"min_answerable": 0}, "min_answerable must be a probability above 0"),
        ({"min_answerable": 1.5}, "min_answerable must be a probability above 0"),
        ({"min_answerable": "0.5"}, "min_answerable must be a probability above 0"),
        ({"unanswerable": "go on"}, "unanswerable must be 'none' or 'flag', not 'go on'"),
    ],
)
def test_a_wrong_argument_is_said_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        DecisionReranker(Scripted(), **wrong)


def test_a_ranking_that_may_be_empty_is_not_cached() -> None:
    model = SystemOne("m", base_url="http://127.0.0.1:9")
    reranker = DecisionReranker(model, pairwise=True, min_answerable=0.5)
    assert reranker.fingerprint is None
    assert DecisionReranker(model, pairwise=True).fingerprint is not None

"""An answer counts if it is for what was asked and can be meant; everything else is known for what it is."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rerank_kit import Usage
from rerank_kit.decide import Answer, Choice, Score, YesNo
from rerank_kit.decide.answers import REFUSAL, Said, read
from rerank_kit.decide.questions import Question, Questionnaire, question_tokens

ASKED: dict[str, Question] = {
    "A": YesNo("Is it?"),
    "B": Score("How far?", ["not", "half", "full"]),
    "C": Choice("Which?", {"x": "the first", "y": "the other"}),
}
RIGHT = {
    "A": Said("A", YesNo, 0.7),
    "B": Said("B", Score, 1.25, {0: 0.25, 1: 0.25, 2: 0.5}),
    "C": Said("C", Choice, None, {"x": 0.4, "y": 0.6}),
}


def outcome(said: Said) -> Any:
    """What is made of one answer, beside right ones to the other questions."""
    answers = read(ASKED, [*(each for name, each in RIGHT.items() if name != said.name), said])
    name = str(said.name)
    return answers.found.get(name) or answers.problems.get(name)


def test_right_answers_are_taken_as_they_are() -> None:
    answers = read(ASKED, RIGHT.values())
    assert answers.found == {
        "A": Answer(0.7),
        "B": Answer(1.25, {"0": 0.25, "1": 0.25, "2": 0.5}),
        "C": Answer(0.0, {"x": 0.4, "y": 0.6}),
    }
    assert (answers.problems, answers.usage) == ({}, Usage())


MEANT: dict[str, tuple[Said, float]] = {
    "never": (Said("A", YesNo, 0), 0.0),
    "surely": (Said("A", YesNo, 1), 1.0),
    "a float's width above 1": (Said("A", YesNo, 1 + 1e-9), 1.0),
    "a float's width below 0": (Said("A", YesNo, -1e-9), 0.0),
    "the highest level": (Said("B", Score, 2, {"2": 1.0}), 2.0),
    "a level without probabilities": (Said("B", Score, 0.5), 0.5),
    "levels that are left out": (Said("B", Score, 0.0, {"0": 1.0}), 0.0),
    "a sum short by rounding": (Said("B", Score, 1, {"0": 0.33, "1": 0.33, "2": 0.33}), 1.0),
    "a sum short by three decimals": (Said("B", Score, 1, {"0": 0.333, "1": 0.333, "2": 0.333}), 1.0),
    "a sum above by rounding": (Said("B", Score, 1.0, {"0": 0.01, "1": 0.99, "2": 0.01}), 1.0),
    "a level that was rounded": (Said("B", Score, 1.33, {"0": 0.33, "1": 0.0, "2": 0.67}), 1.33),
    "a level that was rounded to a whole one": (Said("B", Score, 1, {"0": 0.2, "1": 0.2, "2": 0.6}), 1.0),
    "a level beside rounded probabilities": (Said("B", Score, 1.3372, {"0": 0.33, "1": 0.0, "2": 0.67}), 1.3372),
    "mass of nobody's that is none": (Said("B", Score, 0.0, {"0": 1.0, "7": 0.0}), 0.0),
}


@pytest.mark.parametrize("case", MEANT.values(), ids=MEANT)
def test_what_can_be_meant_counts(case: tuple[Said, float]) -> None:
    said, value = case
    assert outcome(said).value == value


UNREADABLE: dict[str, Said] = {
    "above 1": Said("A", YesNo, 1.01),
    "below 0": Said("A", YesNo, -0.01),
    "not a number": Said("A", YesNo, math.nan),
    "endless": Said("A", YesNo, math.inf),
    "a word": Said("A", YesNo, "0.5"),
    "true": Said("A", YesNo, value=True),
    "nothing": Said("A", YesNo, None),
    "a number of 400 digits": Said("A", YesNo, int("9" * 400)),
    "another kind": Said("A", Score, 0.5),
    "no kind": Said("A", None, 0.5),
    "above the highest level": Said("B", Score, 2.01),
    "below the lowest": Said("B", Score, -0.5),
    "a level that there is not": Said("B", Score, 1, {"1": 0.5, "3": 0.5}),
    "a level that is no number": Said("B", Score, 1, {"half": 1.0}),
    "a sum of 2": Said("B", Score, 1, {"0": 1.0, "1": 1.0}),
    "a sum of a half": Said("B", Score, 1, {"1": 0.5}),
    "a probability above 1": Said("B", Score, 1, {"0": 1.5, "1": -0.5}),
    "a choice without probabilities": Said("C", Choice),
    "no options": Said("C", Choice, None, {}),
    "a choice whose sum is short": Said("C", Choice, None, {"x": 0.4, "y": 0.4}),
    "a choice with a word": Said("C", Choice, None, {"x": "much", "y": 0.4}),
    "a choice of what is no option": Said("C", Choice, None, {"x": 0.0, "y": 0.0, "z": 1.0}),
    "a little for what is no option": Said("C", Choice, None, {"x": 0.4, "y": 0.59, "z": 0.01}),
    "a choice of nothing": Said("C", Choice, None, {"x": 0.0, "y": 0.0}),
    "a sum short by more than rounding of three decimals": Said("C", Choice, None, {"x": 0.333, "y": 0.664}),
    "a sum short that nobody rounded": Said("C", Choice, None, {"x": 0.3333333, "y": 0.6656667}),
    "levels left out that would be needed": Said("B", Score, 1, {"1": 0.9}),
    "a level that its probabilities contradict": Said("B", Score, 2, {"0": 1.0}),
    "a level a little off": Said("B", Score, 1.38, {"0": 0.33, "1": 0.0, "2": 0.67}),
    "a level off that nobody rounded": Said("B", Score, 0.1251234, {"0": 0.8751001, "1": 0.1248999, "2": 0.0}),
}


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_meant_is_unreadable_and_costs_no_other_answer(said: Said) -> None:
    answers = read(ASKED, [*(each for name, each in RIGHT.items() if name != said.name), said])
    assert dict(answers.problems) == {said.name: "unparsable"}
    assert len(answers.found) == 2
    assert answers.usage == Usage(unparsable=1)


def test_many_options_may_be_short_by_what_rounding_takes_from_each() -> None:
    asked: dict[str, Question] = {"C": Choice("Which?", {str(number): "" for number in range(200)})}
    rounded = {str(number): round(1 / 200, 2) for number in range(199)} | {"199": 0.0}
    assert read(asked, [Said("C", Choice, None, rounded)]).found
    assert not read(asked, [Said("C", Choice, None, {"0": 0.5, "1": 0.4})]).found


@pytest.mark.parametrize("seen", [{}, {"0": 1.0, "1": 1.0}, {"0": 1.0, "1": 0.02}, {"0": 0.0}])
def test_a_zero_hides_a_little_and_never_holds_less(seen: dict[str, float]) -> None:
    asked: dict[str, Question] = {"C": Choice("Which?", {str(number): "" for number in range(200)})}
    nothing = {str(number): 0.0 for number in range(200)}
    assert not read(asked, [Said("C", Choice, None, nothing | seen)]).found
    assert read(asked, [Said("C", Choice, None, nothing | {"0": 0.99})]).found


def test_what_is_left_out_has_no_probability_if_the_rest_sums_to_one() -> None:
    found = read(ASKED, [Said("C", Choice, None, {"y": 1.0, "z": 0.0}), Said("B", Score, 2, {2: 1.0})]).found
    assert found["C"] == Answer(0.0, {"x": 0.0, "y": 1.0})
    assert found["B"] == Answer(2.0, {"0": 0.0, "1": 0.0, "2": 1.0})


def test_refusals_and_what_is_missing_are_told_apart() -> None:
    answers = read(ASKED, [Said("A", REFUSAL), RIGHT["B"]])
    assert answers.problems == {"A": "refusal", "C": "missing"}
    assert answers.usage == Usage(refused=1, missing=1)


def test_an_answer_that_comes_twice_is_one_and_two_different_ones_are_none() -> None:
    same = read(ASKED, [*RIGHT.values(), RIGHT["A"]])
    assert (len(same.found), same.usage) == (3, Usage(repeated=1))
    answers = read(ASKED, [*RIGHT.values(), Said("A", YesNo, 0.1), RIGHT["A"]])
    assert answers.problems == {"A": "duplicate"}
    assert answers.usage == Usage(repeated=1)


def test_what_was_not_asked_is_counted_and_nothing_else() -> None:
    answers = read(ASKED, [*RIGHT.values(), Said("D", YesNo, 0.7), Said(["A"], YesNo, 0.7), Said(None, YesNo, 0.7)])
    assert (len(answers.found), answers.usage) == (3, Usage(unknown_labels=3))


def test_a_questionnaire_knows_how_long_it_is() -> None:
    whole = Questionnaire("a" * 30, "b" * 30, ASKED)
    assert "a" * 30 in whole.state
    assert "b" * 30 in whole.state
    counted = [question_tokens(each) for each in ASKED.values()]
    assert counted[0] < counted[1] < counted[2]
    assert whole.tokens > 20 + sum(counted)

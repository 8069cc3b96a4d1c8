"""Rules compare what metadata hold with what is wanted, and what cannot be compared counts as missing."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rerank_kit import ConfigurationError, Document, Rules
from rerank_kit.rules import all_of, any_of, at_most, boost, contains, equals, near, none_of, one_of, rule, tier
from rerank_kit.rules.rule import Case, Rule
from tests.rules.jobs import NOW, job, match, value

# ── Words ──


@pytest.mark.parametrize(
    "title",
    [
        "Intern",
        "INTERN (m/f/d)",
        "Summer intern",
        "Ｉｎｔｅｒｎ",
        "intern/trainee",
        ["Lead", "Intern"],
        "Graduate  Program",
        "graduate\nprogram 2027",
    ],
)
def test_whole_words_are_found_whatever_their_case_and_width(title: Any) -> None:
    assert value(contains("title", {"Intern", "Graduate Program"}), title=title) == 1.0


@pytest.mark.parametrize("title", ["Internal audit", "Fintern", "intern_ship", "Graduate", "Program Graduate", "x"])
def test_parts_of_words_are_not(title: str) -> None:
    assert value(contains("title", {"Intern", "Graduate Program"}), title=title) == 0.0


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("straße", "HAUPTSTRASSE 1", False),
        ("straße", "Neue STRASSE 1", True),
        ("İstanbul", "i̇stanbul", True),
        ("c++", "C++ Developer", True),
        ("c#", "Senior C# developer", True),
        ("工程师", "机器学习工程师（上海）", True),
        ("エンジニア", "機械学習エンジニア募集", True),
        ("हिन्द", "हिन्दी", False),
        ("हिन्दी", "हिन्दी अनुवादक", True),
        ("café", "cafe\u0301 manager", True),
        ("ml", "ML工程师", True),
        ("a", "aa a", True),
    ],
)
def test_words_are_whole_in_every_script_that_has_them(word: str, text: str, found: bool) -> None:
    assert value(contains("title", word), title=text) == float(found)


def test_what_is_said_and_what_is_not_is_quoted() -> None:
    rule = contains("title", ["AI Engineer", "LLM Engineer", "ML Engineer", "MLOps"])
    assert match(rule, title="ML Engineer").says == "title says “ML Engineer”"
    assert match(contains("title", "Cook"), title="Waiter").says == "title does not say “Cook”"
    assert match(rule, title="Cook").says == (
        "title says none of “AI Engineer”, “LLM Engineer”, “ML Engineer” or 1 more"
    )


def test_the_text_of_the_document_can_be_searched_unless_metadata_have_a_text() -> None:
    case = Case("query", [], NOW)
    assert contains("text", "job").match(Document("A job."), case).value == 1.0
    assert contains("text", "job").match(Document("A job.", {"text": "other"}), case).value == 0.0


@pytest.mark.parametrize("words", [(), [], [""], ["fine", " "], ["fine", 7], 7, None, {"a": 1}])
def test_words_that_say_nothing_are_refused(words: Any) -> None:
    with pytest.raises(ConfigurationError, match="words must be"):
        contains("title", words)


# ── Values ──


@pytest.mark.parametrize(
    ("wanted", "given", "equal"),
    [
        ("London", " LONDON ", True),
        ("London", "Londonderry", False),
        ("London", ["Leeds", "London"], True),
        ("London", {"London"}, True),
        (True, True, True),
        (True, False, False),
        (3, 3.0, True),
        (3, np.int64(3), True),
        (3, Decimal(4), False),
        (3, [None, 3], True),
    ],
)
def test_values_are_compared_by_what_they_mean(wanted: Any, given: Any, equal: bool) -> None:
    assert value(equals("field", wanted), field=given) == float(equal)
    assert value(one_of("field", [wanted]), field=given) == float(equal)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("3", 3),
        (3, "3"),
        (1, True),
        (True, 1),
        (3, float("nan")),
        (3, 10**400),
        ("a", b"a"),
        ("a", {"a": 1}),
        ("a", []),
        (3, None),
    ],
)
def test_what_cannot_be_compared_counts_as_missing(wanted: Any, given: Any) -> None:
    assert value(equals("field", wanted), field=given) == 0.0
    assert value(equals("field", wanted, missing="first"), field=given) == 1.0
    assert match(equals("field", wanted, missing="drop"), field=given).drop


def test_comparisons_are_said() -> None:
    assert match(one_of("location", {"London", "Leeds"}), location="leeds").says == "location is leeds"
    assert match(one_of("location", {"London", "Leeds"}), location="Ayr").says == (
        "location is Ayr, none of “Leeds”, “London”"
    )
    assert match(equals("remote", True), remote=False).says == "remote is false, not “true”"
    assert match(equals("remote", True), remote="yes").says == "remote, 'yes', cannot be compared with “True”"
    assert match(equals("remote", True)).says == "remote is not known"


def test_a_path_leads_through_mappings_and_a_key_with_a_dot_in_it_wins() -> None:
    assert value(equals("company.name", "A"), company={"name": "a"}) == 1.0
    assert value(equals("company.name", "A"), **{"company.name": "a", "company": {"name": "b"}}) == 1.0
    assert match(equals("company.name", "A"), company="a").says == "company name is not known"


def test_metadata_that_are_none_at_all_count_as_missing() -> None:
    document = Document("text", None)  # type: ignore[arg-type]
    assert equals("a", 1).match(document, Case("query", [], NOW)).says == "a is not known"


# ── Numbers ──


def test_near_halves_the_points_with_the_distance_or_draws_a_line() -> None:
    assert [value(near("pay", 60, half=10), pay=pay) for pay in (60, 50, "80")] == [1.0, 0.5, 0.25]
    assert [value(near("pay", 60, within=10), pay=pay) for pay in (50, 70.0, 71)] == [1.0, 1.0, 0.0]
    assert match(near("pay", 60, half=10), pay=52).says == "pay is 52, 8 from 60"
    assert match(near("pay", 60, within=10), pay=52).says == "pay is 52, 8 from 60, within 10"
    assert match(near("pay", 60, within=10), pay=72).says == "pay is 72, 12 from 60, not within 10"


def test_boost_gives_the_share_of_the_full_number_or_of_the_highest() -> None:
    rule = boost("stars", full=5)
    assert [value(rule, stars=stars) for stars in (5, 2.5, 0, -3, 9)] == [1.0, 0.5, 0.0, 0.0, 1.0]
    assert match(rule, stars=2.5).says == "stars is 2.5, all points are for 5"
    others = (job(stars=10), job(stars="many"), job())
    assert match(boost("stars"), stars=5, among=others).value == 0.5
    assert match(boost("stars"), stars=5, among=others).says == "stars is 5, the highest is 10"
    assert match(boost("stars"), stars=-5).value == 0.0


def test_boost_can_read_the_score_of_the_stage_before() -> None:
    document = Document("text", score=0.5)
    assert boost("score", full=1).match(document, Case("query", [document], NOW)).value == 0.5


@pytest.mark.parametrize("pay", ["much", True, b"9", [1], float("inf"), "nan", 10**400, 1e16, None])
def test_what_is_no_number_counts_as_missing(pay: Any) -> None:
    for each in (near("pay", 0, half=1, missing="first"), boost("pay", missing="first")):
        assert value(each, pay=pay) == 1.0


# ── Conditions of conditions ──

MADE = [equals("a", 1), equals("b", 1)]


@pytest.mark.parametrize(
    ("a", "b", "all_hold", "any_holds", "none_holds"), [(1, 1, 1, 1, 0), (1, 0, 0, 1, 0), (0, 0, 0, 0, 1)]
)
def test_conditions_combine(a: int, b: int, all_hold: float, any_holds: float, none_holds: float) -> None:
    found = [value(each(*MADE), a=a, b=b) for each in (all_of, any_of, none_of)]
    assert found == [all_hold, any_holds, none_holds]


def test_a_combination_says_what_decided() -> None:
    assert match(all_of(*MADE), a=1, b=1).says == "a is 1 and b is 1"
    assert match(all_of(*MADE), a=1, b=2).says == "b is 2, not “1”"
    assert match(any_of(*MADE), a=2, b=1).says == "b is 1"
    assert match(any_of(*MADE), a=2, b=2).says == "a is 2, not “1” and b is 2, not “1”"
    assert match(none_of(*MADE), a=2, b=1).says == "b is 1"


def test_what_is_missing_in_a_combination_is_dealt_with_by_the_rule_that_misses_it() -> None:
    assert value(all_of(equals("a", 1, missing="first")), b=1) == 1.0
    assert value(none_of(equals("a", 1)), b=1) == 1.0
    assert match(any_of(equals("b", 1), equals("a", 1, missing="drop")), b=1).drop


# ── Functions ──


def salary_above(query: str, document: Document) -> Any:
    return document.metadata["pay"]


@pytest.mark.parametrize(
    ("pay", "number", "says"),
    [
        (0.25, 0.25, "salary above is 0.25"),
        (True, 1.0, "salary above holds"),
        (False, 0.0, "salary above does not hold"),
        (None, 0.0, "salary above is not known"),
        ("x", 0.0, "salary above, 'x', is no number"),
        (-2, -2.0, "salary above is -2"),
    ],
)
def test_a_function_is_a_rule(pay: Any, number: float, says: str) -> None:
    found = match(rule(salary_above), pay=pay)
    assert (found.value, found.says) == (number, says)


def test_a_function_that_raises_is_logged_and_counts_as_missing(caplog: pytest.LogCaptureFixture) -> None:
    found = match(rule(salary_above, missing="first"))
    assert (found.value, found.says) == (1.0, "salary above failed with KeyError")
    assert "salary above" in caplog.text


def test_a_function_can_be_named() -> None:
    class Callable:
        def __call__(self, query: str, document: Document) -> bool:
            return query == "query"

    assert match(rule(lambda query, document: True)).says == "a rule of your own holds"
    assert match(rule(lambda query, document: True, name="near home")).says == "near home holds"
    assert match(rule(Callable())).says == "Callable holds"


# ── Arguments ──


def own(query: str, document: Document) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("kind", "given", "named", "says"),
    [
        (equals, ("", 1), {}, "field must be the name"),
        (equals, (7, 1), {}, "field must be the name"),
        (equals, ("a", None), {}, "value must be"),
        (equals, ("a", -(10**5000)), {}, "value must be .* about 5000 digits"),
        (one_of, ("a", [10**400]), {}, "values must be"),
        (near, ("a", 10**5000), {"half": 1}, "number must be .* about 5000 digits"),
        (near, ("a", 1), {"within": 10**400}, "within must be"),
        (one_of, ("a", []), {}, "values must be"),
        (one_of, ("a", "London"), {}, "values must be"),
        (one_of, ("a", [None]), {}, "values must be"),
        (near, ("a", "b"), {"half": 1}, "number must be"),
        (near, ("a", 1), {}, "needs either half= or within="),
        (near, ("a", 1), {"half": 0}, "half must be"),
        (near, ("a", 1), {"within": -1}, "within must be"),
        (boost, ("a",), {"full": 0}, "full must be"),
        (all_of, (), {}, "at least one condition"),
        (all_of, (near("a", 1, half=1),), {}, "draws a line"),
        (any_of, ("a",), {}, "a rule must be"),
        (rule, (7,), {}, "a rule must be"),
        (rule, (own,), {"missing": "x"}, "missing must be"),
        (tier, ("",), {"when": own}, "needs a name"),
        (tier, ("a",), {"when": near("a", 1, half=1)}, "when=Near"),
        (at_most, (0,), {"by": "a"}, "number must be"),
        (at_most, (None,), {"by": "a"}, "number must be a whole number of at least 1, not None"),
        (at_most, (1,), {"by": ""}, "by must be"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(
    kind: Any, given: tuple[Any, ...], named: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        kind(*given, **named)


def test_rules_are_values() -> None:
    assert equals("a", 1) == equals("a", 1)
    assert one_of("a", {"b", "c"}) == one_of("a", ["b", "c"])
    assert isinstance(all_of(own), Rule)


def test_a_rule_that_always_raises_is_shouted_of_once_for_each_ranking(caplog: pytest.LogCaptureFixture) -> None:
    def broken(query: str, document: Document) -> float:
        raise KeyError(document.text)

    caplog.set_level(logging.DEBUG, "rerank_kit")
    rules = Rules(prefer=[broken, lambda query, document: 1 / 0])
    for _ in range(2):
        caplog.clear()
        rules.rerank("query", [str(number) for number in range(5)])
        told = [(each.levelname, each.getMessage()) for each in caplog.records if each.exc_info]
        assert [level for level, _ in told].count("WARNING") == 2
        assert len(told) == 10
        assert told[0][1] == (
            "the rule 'broken' failed, and the document counts as one of which this is not known (missing='last'): "
            "KeyError"
        )

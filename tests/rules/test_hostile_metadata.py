"""Nothing that metadata hold makes a ranking fail, is changed by one, or fills a reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import Document, Rules
from rerank_kit.rules import (
    all_of,
    any_of,
    at_most,
    boost,
    contains,
    equals,
    near,
    newer,
    none_of,
    one_of,
    rrf,
    rule,
    tier,
    weighted,
)
from rerank_kit.rules.quoting import LINE
from rerank_kit.rules.rule import CLAUSE, Case, Match, Missing, Rule
from tests.conftest import Colour, blocking, on_a_loop
from tests.rules.hostile import MAKERS, ORDINARY, Lazy, Spiteful, Wrong, raising, spite
from tests.rules.jobs import NOW, indices, job, match

FIELD = "field"

values: st.SearchStrategy[Callable[[], Any]] = st.one_of(
    st.sampled_from(sorted(MAKERS)).map(MAKERS.__getitem__),
    st.sampled_from(sorted(MAKERS)).map(lambda name: lambda: ["London", MAKERS[name](), 3]),
    st.sampled_from(sorted(MAKERS)).map(lambda name: lambda: {"name": MAKERS[name]()}),
    st.sampled_from(ORDINARY).map(lambda value: lambda: value),
    st.floats().map(lambda value: lambda: value),
    st.integers().map(lambda value: lambda: value),
    st.text(max_size=20).map(lambda value: lambda: value),
    st.datetimes().map(lambda value: lambda: value),
)
"""Makers of one value."""


def own(query: str, document: Document) -> Any:
    return document.metadata[FIELD]


class Reading(Rule):
    """A rule of a user's own, as a class, that trusts metadata."""

    def evaluate(self, document: Document, case: Case) -> Match:
        return Match(document.metadata[FIELD], f"its value is {document.metadata[FIELD]}")


PREFERENCES: dict[str, Callable[[Missing, str], Rule]] = {
    "newer within": lambda missing, field: newer(field, within="24h", missing=missing),
    "newer": lambda missing, field: newer(field, half_life="1d", missing=missing, zone="Europe/London"),
    "contains": lambda missing, field: contains(field, {"London", "b"}, missing=missing),
    "equals a text": lambda missing, field: equals(field, "London", missing=missing),
    "equals a number": lambda missing, field: equals(field, 3, missing=missing),
    "equals a truth value": lambda missing, field: equals(field, True, missing=missing),
    "one_of": lambda missing, field: one_of(field, ["London", 3, False], missing=missing),
    "near within": lambda missing, field: near(field, 1, within=1, missing=missing),
    "near": lambda missing, field: near(field, 1, half=1e-9, missing=missing),
    "boost": lambda missing, field: boost(field, missing=missing),
    "boost full": lambda missing, field: boost(field, full=3, missing=missing),
    "all_of": lambda missing, field: all_of(boost(field, missing=missing), contains(field, "a", missing=missing)),
    "any_of": lambda missing, field: any_of(equals(field, 1, missing=missing), contains(field, "a", missing=missing)),
    "none_of": lambda missing, field: none_of(one_of(field, [1, "a"], missing=missing)),
    "a function": lambda missing, field: rule(own, missing=missing),
    "a class": lambda missing, field: Reading(missing=missing),
}
CONDITIONS = sorted(set(PREFERENCES) - {"newer", "near"})
MISSING: list[Missing] = ["last", "first", "drop"]
BLENDS = [None, rrf(), weighted(), weighted(normalise="z-score", missing="first")]


def readable(why: str | None, clauses: int) -> bool:
    """Whether a reason is one line, of a length that does not depend on the metadata, and can be sent and stored."""
    text = str(why)
    return len(text) <= (CLAUSE + LINE) * clauses and text.isprintable() and bool(text.encode())


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("kind", sorted(PREFERENCES))
def test_no_rule_fails_on_anything(kind: str, missing: Missing) -> None:
    made = PREFERENCES[kind](missing, FIELD)
    for name, make in MAKERS.items():
        document = job(**{FIELD: make()})
        found = made.match(document, Case("query", [document], NOW))
        assert math.isfinite(found.value), name
        assert type(found.value) is float, name
        assert readable(found.says, 2), (name, found.says)


@settings(max_examples=40, deadline=None)
@given(
    makers=st.lists(values, min_size=1, max_size=5),
    kinds=st.lists(st.sampled_from(sorted(PREFERENCES)), max_size=4),
    conditions=st.lists(st.sampled_from(CONDITIONS), min_size=3, max_size=3),
    how=st.tuples(st.sampled_from(MISSING), st.sampled_from([FIELD, "field.name"])),
    others=st.fixed_dictionaries({"blend": st.sampled_from(BLENDS), "weights": st.sampled_from([None, [4, 3, 2, 1]])}),
)
def test_no_ranking_fails_on_anything(
    makers: list[Callable[[], Any]],
    kinds: list[str],
    conditions: list[str],
    how: tuple[Missing, str],
    others: dict[str, Any],
) -> None:
    require, exclude, of_tier, *prefer = (PREFERENCES[kind](*how) for kind in (*conditions, *kinds))
    weights = others["weights"] and others["weights"][: len(prefer)]
    common: dict[str, Any] = {"prefer": prefer, "weights": weights, "blend": others["blend"], "now": NOW}
    for called, rules in (
        (blocking, Rules(**common, tiers=[tier("a", when=of_tier)], at_most=at_most(1, by=how[1]))),
        (on_a_loop, Rules(**common, require=[require], exclude=[exclude])),
    ):
        jobs = [Document("A job.", {FIELD: make()}, make()) for make in makers]
        ranking = called(rules, "rerank", "query", jobs)
        kept = indices(ranking)
        assert sorted([*kept, *rules.left_out("query", jobs)]) == list(range(len(jobs)))
        scores = [hit.score for hit in ranking]
        assert scores == sorted(scores, reverse=True)
        assert all(readable(hit.why, 12) for hit in ranking)


@pytest.mark.parametrize("error", [KeyError, RuntimeError, StopIteration, RecursionError, Spiteful])
def test_metadata_that_raise_count_as_missing(colour: Colour, error: type[Exception]) -> None:
    rules = Rules(prefer=[boost("stars"), contains("title", "Cook"), newer("posted", within="1d")], now=NOW)
    odd = Document("A job.", Lazy(error))
    ranking = colour(rules, "rerank", "query", [odd, job(stars=1, title="Cook", posted=NOW), odd])
    assert indices(ranking) == [1, 0, 2]
    assert f"Stars cannot be read ({error.__name__}) (+0)" in str(ranking.hits[1].why)


def test_what_is_no_error_passes(colour: Colour) -> None:
    """As when somebody presses Ctrl-C while metadata are read."""

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    rules = Rules(prefer=[boost("stars")])
    with pytest.raises(KeyboardInterrupt):
        colour(rules, "rerank", "query", [job(stars=raising(__float__=interrupt))])


def test_generators_are_not_used_up() -> None:
    tags = (each for each in ["AI", "London"])
    rules = Rules(prefer=[contains("tags", "AI"), one_of("tags", ["London"])], at_most=at_most(1, by="tags"))
    why = str(rules.rerank("query", [job(tags=tags)]).hits[0].why)
    assert why.count("can be read only once: make it a list (+0)") == 2
    assert list(tags) == ["AI", "London"]


def test_one_odd_value_does_not_spoil_a_list() -> None:
    tags = [raising("__eq__", "__repr__"), 10**5000, Wrong("AI"), math.nan, "London"]
    assert match(contains("tags", "London"), tags=tags).value == 1.0
    assert match(contains("tags", "AI"), tags=tags).value == 1.0
    assert match(equals("tags", "ai"), tags=tags).says == "tags is AI"


def test_only_the_beginning_of_an_endless_collection_is_read() -> None:
    assert match(equals("ids", 9_999), ids=range(10**15)).value == 1.0
    assert match(equals("ids", 10_000), ids=range(10**15)).value == 0.0


QUOTED: list[tuple[Any, str]] = [
    (10**5000, "a whole number of about 5000 digits"),
    ([0] * 1000, "a list of 1000 values"),
    ([10**5000], "an object of the class list"),
    (raising("__repr__"), "an object of the class Hostile"),
    ("a\nb" * 100, "'" + r"a\nb" * 19 + "a\\…"),
    (b"ab" * 100, "b'" + "ab" * 38 + "a…"),
]


def test_what_cannot_be_used_is_quoted_in_a_line() -> None:
    for value, said in QUOTED:
        assert match(near("pay", 1, half=1), pay=value).says == f"pay, {said}, is no number"


def test_what_is_found_is_quoted_in_a_line() -> None:
    says = match(equals("title", "Cook"), title="Head\ncook\u2028" + "\u202e\ud83d" + " of all" * 100).says
    assert says == f"title is Head cook \ufffd\ufffd{' of all' * 9} of …, not “Cook”"
    title = "Cook " * 100
    assert len(match(contains("title", title), title=title).says) < 2 * LINE
    assert match(equals("title", "x"), title="\u0645\u06cc\u200c\u062e").says.startswith(
        "title is \u0645\u06cc\u200c\u062e"
    )
    odd = Rules(tiers=[tier("first\nclass" * 100, when=equals("a", 1))])
    assert readable(odd.rerank("query", [job(a=1)]).hits[0].why, 2)


def test_a_function_that_raises_what_cannot_be_shown_counts_as_missing(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    ranking = colour(Rules(prefer=[rule(spite, name="luck\n" * 100)]), "rerank", "query", [job(), job()])
    assert str(ranking.hits[0].why).endswith("… failed with Spiteful (+0).")
    assert "luck" in caplog.text


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e16, "x", None, []])
def test_a_rule_of_a_users_own_class_that_finds_no_number_counts_as_missing(value: Any) -> None:
    found = [match(Reading(missing=missing), field=value) for missing in MISSING]
    assert [each.value for each in found] == [0.0, 1.0, 0.0]
    assert all(each.says.startswith("Reading") for each in found)
    assert match(Reading(), field=True).value == 1.0


def test_long_ids_are_told_apart() -> None:
    jobs = [job(id=2**60), job(id=2**60 + 1), job(id=2**60), job(id=float(2**60))]
    assert indices(Rules(at_most=at_most(1, by="id")).rerank("query", jobs)) == [0, 1]


@pytest.mark.parametrize("open_", [True, False])
def test_numpys_truth_values_are_truth_values(open_: bool) -> None:
    numpy = pytest.importorskip("numpy")
    assert match(equals("open", True), open=numpy.bool_(open_)).value == float(open_)
    assert match(boost("open", missing="first"), open=numpy.bool_(open_)).says.endswith("is no number")

"""The order of a ranking is that of its scores, in which nothing is lost, and equal scores keep the incoming order."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rerank_kit import Document, Rules
from rerank_kit.rules import boost, equals, near, newer, rrf, tier, weighted
from rerank_kit.rules.matcher import Matched
from rerank_kit.rules.rule import Match
from rerank_kit.rules.scoring import by_preference, told_apart
from tests.conftest import Colour
from tests.rules.jobs import NOW, indices, job, match, order, value

NEIGHBOURS = [0.0, 5e-324, -5e-324, 1e-300, 0.1, 0.2, 0.3, 0.1 + 0.2, 1.0, math.nextafter(1, 0), math.nextafter(1, 2)]
close = st.sampled_from(NEIGHBOURS) | st.floats(-1e15, 1e15)
"""Numbers, many of which floats can only just tell apart."""


# ── Scores and places ──


def first(query: str, document: Document) -> Any:
    return document.metadata["values"][0]


def second(query: str, document: Document) -> Any:
    return document.metadata["values"][1]


def third(query: str, document: Document) -> Any:
    return document.metadata["values"][2]


OWN = [first, second, third]
BLENDS = [None, rrf(), rrf(weight=3, k=0), weighted(), weighted(weight=1e-200), weighted(normalise="sigmoid")]
TIERS = [tier("a", when=equals("class", "a")), tier("b", when=equals("class", "b"))]


def jobs_of(rows: list[tuple[tuple[float, float, float], str, float | None]]) -> list[Document]:
    return [Document("A job.", {"values": row, "class": name}, score) for row, name, score in rows]


rows = st.lists(st.tuples(st.tuples(close, close, close), st.sampled_from("abc"), st.none() | close), max_size=9)


@settings(deadline=None)
@given(
    rows=rows,
    weights=st.none() | st.lists(st.sampled_from([1e-300, 0.1, 1.0, 3.0, 1e100]), min_size=3, max_size=3),
    tiers=st.sampled_from([[], TIERS]),
    blend=st.sampled_from(BLENDS),
)
def test_scores_fall_and_equal_ones_keep_the_incoming_order(
    rows: Any, weights: list[float] | None, tiers: Any, blend: Any
) -> None:
    ranking = Rules(prefer=OWN, weights=weights, tiers=tiers, blend=blend).rerank("query", jobs_of(rows))
    for better, worse in pairwise(ranking):
        assert (-better.score, better.index) < (-worse.score, worse.index)
        assert math.isfinite(worse.score)


@settings(deadline=None)
@given(rows=rows)
def test_without_weights_the_order_is_that_of_the_preferences_one_after_the_other(rows: Any) -> None:
    ranking = Rules(prefer=OWN, tiers=TIERS).rerank("query", jobs_of(rows))
    expected = sorted(range(len(rows)), key=lambda place: (rows[place][1], [-each for each in rows[place][0]]))
    assert indices(ranking) == expected
    scores = {hit.index: hit.score for hit in ranking}
    for better, worse in pairwise(expected):
        assert (scores[better] > scores[worse]) == (rows[better][:2] != rows[worse][:2])


def test_what_many_preferences_decide_shows_in_the_scores(colour: Colour) -> None:
    rules = Rules(prefer=[equals("same", 1)] * 60 + [equals("last", 1)])
    ranking = colour(rules, "rerank", "query", [job(same=1), job(same=1, last=1), job(), job(last=1), job(same=1)])
    assert indices(ranking) == [1, 0, 4, 3, 2]
    assert [hit.score for hit in ranking] == [1.0, math.nextafter(1, 0), math.nextafter(1, 0), 2**-61, 0.0]


def test_a_tier_is_above_what_rounds_up_to_it() -> None:
    rules = Rules(tiers=[tier("best", when=equals("class", 1))], prefer=[equals("a", 1)] * 60)
    ranking = rules.rerank("query", [job(a=1), job(**{"class": 1})])
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 1.0), (0, math.nextafter(1, 0))]
    assert indices(rules.rerank("query", [job(a=1), job(**{"class": 1})], threshold=1.0)) == [1]


def test_a_models_scores_that_differ_in_the_last_digit_stay_apart() -> None:
    scores = [0.1, 0.30000000000000004, 0.3, 0.30000000000000004, 5e-324, 0.0, 1e15]
    ranking = Rules().rerank("query", [Document("x", score=score) for score in scores])
    assert [(hit.index, hit.score) for hit in ranking] == [
        (6, 1e15), (1, scores[1]), (3, scores[1]), (2, 0.3), (0, 0.1), (4, 5e-324), (5, 0.0),
    ]  # fmt: skip


@given(
    st.lists(st.fractions() | st.sampled_from([Fraction(1), Fraction(1, 10**400), Fraction(0)]), max_size=8), st.data()
)
def test_different_points_are_different_scores_and_equal_points_equal_ones(points: list[Fraction], data: Any) -> None:
    nearby = st.sampled_from([0, 1, -1, 2]).map(lambda units: Fraction(units, 2**70))
    points = sorted((each + data.draw(nearby) for each in points), reverse=True)
    scores = told_apart(points)
    for (more, high), (less, low) in pairwise(zip(points, scores, strict=True)):
        assert (high > low) == (more > less)
    for exact, score in zip(points, scores, strict=True):
        assert abs(score - float(exact)) <= 8 * math.ulp(float(exact))
        assert len(set(points)) > 1 or score == float(exact)


def test_scores_give_way_to_the_exact_one() -> None:
    tiny = Fraction(1, 10**400)
    below, above = math.nextafter(1, 0), math.nextafter(1, 2)
    assert told_apart([1 + tiny, Fraction(1), 1 - tiny, 1 - 2 * tiny]) == [above, 1.0, below, math.nextafter(below, 0)]
    assert told_apart([tiny, tiny, Fraction(0), -tiny]) == [5e-324, 5e-324, 0.0, -5e-324]
    assert told_apart([]) == []


class Counted(float):
    """A number that counts how often it is compared."""

    compared: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return float(self) == other

    __hash__ = float.__hash__


def test_the_work_for_a_preference_does_not_grow_with_the_square_of_its_values() -> None:
    count = 3000
    found = [Matched(n, None, "", (Match(Counted((n * 7919) % count), ""),), None) for n in range(count)]
    points = by_preference(found, None)
    assert Counted.compared <= 20 * count
    assert sorted(range(count), key=lambda n: points[n]) == sorted(
        range(count), key=lambda n: found[n].matches[0].value
    )


# ── Points that run out ──


@pytest.mark.parametrize("weights", [None, [1.0], [1e-3]])
def test_what_is_old_is_ordered_by_age_where_the_points_run_out(colour: Colour, weights: Any) -> None:
    rules = Rules(prefer=[newer("posted", half_life="1d")], weights=weights, now=datetime(2026, 11, 26, tzinfo=UTC))
    posted = ["2021-06-01", None, "2023-06-01", "2022-06-01", "0001-01-01", "2023-06-01T00:00:01", "2026-11-25"]
    ranking = colour(rules, "rerank", "query", [job(posted=each) for each in posted])
    assert indices(ranking) == [6, 5, 2, 3, 0, 4, 1]
    assert len({hit.score for hit in ranking}) == len(posted)


def test_the_next_preference_decides_only_where_the_age_is_the_same() -> None:
    rules = Rules(prefer=[newer("posted", half_life="1d"), boost("stars")], now=NOW)
    years = [(2021, 9), (2022, 1), (2023, 0), (2022, 2)]
    assert order(rules, *(job(posted=f"{year}-01-01", stars=stars) for year, stars in years)) == [2, 3, 1, 0]


def test_points_that_run_out_are_outweighed_by_all_others() -> None:
    rules = Rules(prefer=[newer("posted", half_life="1d"), boost("stars", full=1)], weights=[1, 1e-9], now=NOW)
    assert order(rules, job(posted="2022", stars=0), job(posted="0001", stars=1e-9)) == [1, 0]


@settings(deadline=None)
@given(
    ages=st.lists(st.integers(0, 63_000_000_000), min_size=2, max_size=8, unique=True),
    half_life=st.sampled_from(["1s", "90m", "1d", "7d", "52w", "5000w"]),
    hours=st.integers(-14, 14),
    weights=st.sampled_from([None, [2.0]]),
)
def test_newer_is_better_whatever_the_age_the_half_life_and_the_zone(
    ages: list[int], half_life: str, hours: int, weights: Any
) -> None:
    zone = timezone(timedelta(hours=hours))
    moments = [(NOW - timedelta(seconds=age)).astimezone(zone) for age in ages]
    rules = Rules(prefer=[newer("posted", half_life=half_life)], weights=weights, now=NOW)
    ranking = rules.rerank("query", [job(posted=each) for each in moments])
    assert indices(ranking) == sorted(range(len(ages)), key=lambda place: ages[place])
    assert len({hit.score for hit in ranking}) == len(ages)


@settings(deadline=None)
@given(
    numbers=st.lists(st.floats(-1e15, 1e15), min_size=2, max_size=8),
    half=st.sampled_from([5e-324, 1e-9, 1.0, 1e6]),
    weights=st.sampled_from([None, [2.0]]),
)
def test_nearer_is_better_whatever_the_distance(numbers: list[float], half: float, weights: Any) -> None:
    away = sorted({abs(each) for each in numbers})
    assume(all(far - close > max(1e-6 * half, 1e-9 * far) for close, far in pairwise(away)))
    ranking = Rules(prefer=[near("pay", 0, half=half)], weights=weights).rerank(
        "query", [job(pay=each) for each in numbers]
    )
    assert indices(ranking) == sorted(range(len(numbers)), key=lambda place: abs(numbers[place]))


def test_ordinary_points_are_what_they_were() -> None:
    assert value(newer("posted", half_life="1d"), posted="2024-11-24T12:00") == 0.5**730
    assert value(near("pay", 0, half=1), pay=900) == 0.5**900
    assert match(near("pay", 0, half=1), pay=900).exact is None


# ── Boost ──


def shares(numbers: list[float], full: float | None = None) -> list[float]:
    jobs = tuple(job(stars=each) for each in numbers)
    return [match(boost("stars", full=full), stars=each, among=jobs).value for each in numbers]


def test_boost_counts_from_the_lowest_where_that_is_below_nothing() -> None:
    assert shares([-5, -3, 0, 5]) == [0.0, 0.2, 0.5, 1.0]
    assert shares([-5, -3]) == [0.0, 1.0]
    assert shares([-5, 0, 5, 20], full=15) == [0.0, 0.25, 0.5, 1.0]
    assert shares([0, 2, 4]) == [0.0, 0.5, 1.0]
    assert shares([-5, -5]) == [0.0, 0.0]
    says = match(boost("stars"), stars=-3, among=(job(stars=-5), job(stars=2))).says
    assert says == "stars is -3, the highest is 2, the lowest is -5"


@settings(deadline=None)
@given(numbers=st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=8), full=st.none() | st.floats(1e-3, 1e15))
def test_boost_is_from_0_to_1_and_never_falls_with_the_number(numbers: list[float], full: float | None) -> None:
    found = shares(numbers, full)
    assert all(0 <= each <= 1 for each in found)
    assert [found[place] for place in sorted(range(len(numbers)), key=numbers.__getitem__)] == sorted(found)
    ranking = Rules(prefer=[boost("stars", full=full)]).rerank("query", [job(stars=each) for each in numbers])
    below = [each if full is None else min(each, full) for each in numbers]
    assume(min(below) < 0 or all(high - low > 1e-9 * high for low, high in pairwise(sorted(set(below)))))
    assert indices(ranking) == sorted(range(len(numbers)), key=lambda place: -below[place])


def test_boost_as_a_condition_holds_above_0() -> None:
    jobs = [job(stars=-5), job(stars=-1), job(stars=0), job(stars=1), job()]
    assert indices(Rules(require=[boost("stars")]).rerank("query", jobs)) == [3]
    assert indices(Rules(exclude=[boost("stars")]).rerank("query", jobs)) == [0, 1, 2, 4]
    assert order(Rules(tiers=[tier("good", when=boost("stars", full=9))]), *jobs) == [3, 0, 1, 2, 4]

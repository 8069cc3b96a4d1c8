"""Verdicts: planted cases are called right, false alarms are as rare as the level says, promises hold."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.comparing import Comparison, compare
from rerank_kit.evaluate.verdicts import Verdict, fewest, harmed, holm, more_queries, verdict
from tests.evaluate.planted import by_query, centred, like_ndcg, pair


def found(differences: Any, **options: Any) -> Comparison:
    return compare(*pair(differences), **options)


def alone(comparison: Comparison) -> Verdict:
    """The verdict on the only comparison of a run."""
    return verdict(comparison, comparison.p)


def made(**changed: Any) -> Comparison:
    """A comparison that is better unless something is changed."""
    known = Comparison(0.5, 0.55, 0.05, 0.01, 0.09, 0.01, 60, 20, 20, 100, spread=0.2, margin=0.01, level=0.95)
    return replace(known, **changed)


# ── Planted cases ──


def test_what_helps_harms_changes_nothing_or_is_seen_too_seldom_is_told_apart() -> None:
    noise = centred(like_ndcg(np.random.default_rng(1), 200) * 0.7)
    assert alone(found(noise + 0.1)) == "better"
    assert alone(found(noise - 0.1)) == "worse"
    assert alone(found(np.zeros(200))) == "equal"
    assert alone(found(noise / 10)) == "equal"
    assert alone(found(noise, margin=0.05)) == "equal"
    assert alone(found(noise)) == "inconclusive"
    few = centred(like_ndcg(np.random.default_rng(2), 20))
    assert alone(found(few + 0.05)) == "inconclusive"


def test_a_system_that_changes_nothing_is_never_better_or_worse() -> None:
    random = np.random.default_rng(3)
    calls = Counter(alone(found(random.normal(0, 0.01, 60).clip(-0.5, 0.5), resamples=500)) for _ in range(200))
    assert calls["equal"] > 190


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    random = np.random.default_rng(4)
    nulls = [found(like_ndcg(random, 40), resamples=500) for _ in range(1000)]
    assert 0.03 < sum(each.p <= 0.05 for each in nulls) / 1000 < 0.071
    assert 0.03 < sum(alone(each) in {"better", "worse"} for each in nulls) / 1000 < 0.071


def test_holm_keeps_false_alarms_of_a_whole_run_at_the_level() -> None:
    random = np.random.default_rng(5)
    runs = [[found(like_ndcg(random, 30), resamples=500).p for _ in range(5)] for _ in range(200)]
    assert 0.005 < sum(min(holm(run)) <= 0.05 for run in runs) / 200 < 0.097
    assert sum(min(run) <= 0.05 for run in runs) / 200 > 0.15


def test_a_difference_as_large_as_the_margin_is_seldom_called_equal() -> None:
    random = np.random.default_rng(6)
    differences = [np.where(random.random(60) < 0.9, 0.0, 0.3) for _ in range(300)]
    calls = [alone(found(each, margin=0.03, resamples=500)) for each in differences]
    assert calls.count("equal") / 300 < 0.09


@pytest.mark.parametrize(("queries", "difference"), [(20, 0.05), (40, 0.03)])
def test_as_many_queries_as_are_promised_tell_four_times_in_five(queries: int, difference: float) -> None:
    random = np.random.default_rng(7)
    all_queries = centred(like_ndcg(random, 100_000))
    typical = np.quantile(all_queries, (np.arange(queries) + 0.5) / queries)
    typical *= all_queries.std() / typical.std(ddof=1)
    seen = found(centred(typical) + difference)
    assert alone(seen) == "inconclusive"
    more = more_queries(seen)
    assert more is not None
    asked = [(random.choice(all_queries, queries + more) + difference).clip(-0.5, 0.5) for _ in range(300)]
    told = [alone(found(each, resamples=500)) for each in asked]
    assert 0.72 < told.count("better") / 300 < 0.88
    before = [alone(found((random.choice(all_queries, queries) + difference).clip(-0.5, 0.5))) for _ in range(60)]
    assert before.count("better") / 60 < 0.62


def test_as_many_queries_as_are_promised_show_that_systems_are_equal() -> None:
    random = np.random.default_rng(8)
    seen = found(np.tile([0.02, -0.02], 10), margin=0.005)
    more = more_queries(seen)
    assert alone(seen) == "inconclusive"
    assert more is not None
    asked = [random.choice([0.02, -0.02], 20 + more) for _ in range(300)]
    told = [alone(found(each, margin=0.005, resamples=500)) for each in asked]
    assert told.count("equal") / 300 > 0.72


# ── Holm ──


def test_holm_adjusts_for_all_comparisons_in_the_order_given() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, 0.04, 0.03], of=6) == pytest.approx([0.06, 0.16, 0.15])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_rejects_what_the_textbook_procedure_rejects() -> None:
    random = np.random.default_rng(9)
    for _ in range(50):
        values = (random.random(8) ** 4).tolist()
        rejected: set[float] = set()
        for rank, value in enumerate(sorted(values)):  # from the smallest, until one is too large
            if value > 0.05 / (8 - rank):
                break
            rejected.add(value)
        adjusted = holm(values)
        assert {value for value, each in zip(values, adjusted, strict=True) if each <= 0.05} == rejected


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.5, None])
def test_what_is_no_probability_is_refused(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"values\[1\] must be a probability from 0 to 1"):
        holm([0.5, bad])
    with pytest.raises(ConfigurationError, match="p_adjusted must be a probability"):
        verdict(made(), bad)
    with pytest.raises(ConfigurationError, match="of must be a whole number of at least 2, not 1"):
        holm([0.5, 0.5], of=1)


# ── What decides ──


@pytest.mark.parametrize(
    ("changed", "p_adjusted", "expected"),
    [
        ({}, 0.01, "better"),
        ({"low": -0.09, "high": -0.01}, 0.01, "worse"),
        ({}, 0.06, "inconclusive"),  # Holm has the last word, whatever the interval
        ({"low": -0.001}, 0.01, "inconclusive"),  # and nothing is better of which the interval doubts it
        ({"high": 0.001, "low": -0.09}, 0.01, "inconclusive"),
        ({"low": 0.001, "high": 0.009}, 0.01, "equal"),  # surely different, and by too little to matter
        ({"low": -0.01 - 1e-12, "high": 0.01 + 1e-12}, 1.0, "equal"),  # 0.51 - 0.5 is more than 0.01, to a computer
        ({"low": -0.01, "high": 0.01}, 1.0, "equal"),
        ({"low": -0.011, "high": 0.01}, 1.0, "inconclusive"),
        ({"low": 0.0, "high": 0.0, "margin": 0.0}, 1.0, "equal"),
        ({"low": 0.0, "high": 0.0, "queries": 29}, 1.0, "inconclusive"),
        ({"low": 0.0, "high": 0.0, "queries": 30}, 1.0, "equal"),
        ({"queries": 5}, 0.01, "inconclusive"),
        ({"queries": 6}, 0.01, "better"),
        ({"queries": 6, "level": 0.99}, 0.001, "inconclusive"),
        ({"level": 0.99}, 0.02, "inconclusive"),
    ],
)
def test_p_decides_what_is_better_and_the_interval_what_is_equal(
    changed: dict[str, Any], p_adjusted: float, expected: str
) -> None:
    assert verdict(made(**changed), p_adjusted) == expected


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_with_the_fewest_queries_all_of_them_have_to_win(level: float) -> None:
    least = fewest(level)
    assert found([0.1] * least, level=level).p <= 1 - level
    assert found([0.1] * (least - 1), level=level).p > 1 - level
    assert alone(found([0.1] * least, level=level)) == "better"


# ── How many more ──


def test_more_queries_are_named_in_two_digits_and_more_for_more_comparisons() -> None:
    unsure = made(difference=0.03, spread=0.2, low=-0.01, high=0.07, p=0.1)
    assert more_queries(unsure) == 250  # (2.8 * 0.2 / 0.03) ** 2 = 349, and 100 are there
    assert more_queries(unsure, among=10) == 500
    assert more_queries(made(spread=0.06, difference=0.02), 0.2) == 1


def test_what_is_within_the_margin_is_shown_to_be_equal() -> None:
    same = made(difference=0.0, spread=0.04, low=-0.02, high=0.02, p=1.0)
    assert more_queries(same) == 69  # (3.24 * 0.04 / 0.01) ** 2 = 168.1
    assert more_queries(made(difference=0.0, spread=0.0, low=0.0, high=0.0, queries=10), 1.0) == 20


def test_no_number_is_promised_where_it_is_told_or_hopeless() -> None:
    assert more_queries(made()) is None
    assert more_queries(made(difference=0.0, margin=0.0, p=1.0)) is None
    assert more_queries(made(difference=0.001, margin=0.0, p=0.9, low=-0.1, high=0.1)) is None
    assert more_queries(made(difference=0.011, low=-0.1, high=0.1, p=0.9)) == 2500
    assert more_queries(made(difference=0.01, spread=0.36, low=-0.1, high=0.1, p=0.9)) is None  # 10,073 more


def test_too_few_queries_need_at_least_the_fewest() -> None:
    assert more_queries(found([0.1])) == 5
    assert more_queries(found([0.1, 0.1, 0.1])) == 3
    assert more_queries(found([0.1, 0.1, 0.1]), among=100) == 9


def test_a_wrong_count_of_comparisons_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="among must be a whole number of at least 1, not 0"):
        more_queries(made(p=0.5), among=0)


# ── Harm ──


def test_the_queries_that_lose_most_come_first() -> None:
    before = {"a": 0.9, "b": 0.5, "c": 1.0, "d": 0.2, "e": 0.6}
    after = {"a": 0.7, "b": 0.4, "c": 0.0, "d": 0.9, "e": 0.6}
    assert list(harmed(before, after)) == ["c", "a"]
    assert harmed(before, after, least=0.05) == pytest.approx({"c": 1.0, "a": 0.2, "b": 0.1})
    assert list(harmed(before, after, least=0.05)) == ["c", "a", "b"]
    assert harmed(after, after) == {}


def test_what_cannot_harm_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"least must be a number above 0 and up to 1, such as 0.2, not 0"):
        harmed({"a": 0.5}, {"a": 0.5}, least=0)
    with pytest.raises(ConfigurationError, match="the same queries"):
        harmed(by_query([0.5]), by_query([0.5, 0.5]))

"""Two systems compared: SciPy finds the same interval and the same chance."""

from __future__ import annotations

import math
import random as stdlib_random
from itertools import product
from typing import Any

import numpy as np
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.comparing import compare, tail_of
from rerank_kit.optional import optional
from tests.evaluate.planted import by_query, like_ndcg, pair

stats = optional("scipy.stats", extra="eval", why="The reference")


def mean(values: Any, axis: int = -1) -> Any:
    return np.mean(values, axis=axis)


def test_a_comparison_counts_what_is_better_the_same_and_worse() -> None:
    before = {"a": 0.2, "b": 0.5, "c": 0.5, "d": 1.0 + 1e-15}
    after = {"d": 0.5, "c": 0.5 + 1e-12, "b": 1.0, "a": 0.8}
    found = compare(before, after)
    assert (found.wins, found.ties, found.losses, found.queries) == (2, 1, 1, 4)
    assert found.before == pytest.approx(0.55)
    assert found.after == pytest.approx(0.7)
    assert found.difference == pytest.approx(0.15)
    assert found.spread == pytest.approx(stats.tstd([0.6, 0.5, 0.0, -0.5]))
    assert (found.margin, found.level) == (0.01, 0.95)


@pytest.mark.parametrize("queries", [12, 40, 300])
def test_the_interval_is_scipys_at_the_level_that_few_queries_need(queries: int) -> None:
    differences = like_ndcg(np.random.default_rng(queries), queries) + 0.05
    found = compare(*pair(differences))
    level = 1 - 2 * tail_of(queries, 0.95)
    theirs = stats.bootstrap(
        (differences,), mean, n_resamples=10_000, confidence_level=level, method="percentile", rng=1
    ).confidence_interval
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.04 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.04 * width)
    plain = stats.bootstrap((differences,), mean, n_resamples=10_000, method="percentile", rng=1).confidence_interval
    assert plain.high - plain.low < width


def test_with_many_queries_the_interval_is_the_plain_one_and_with_few_it_is_as_wide_as_students() -> None:
    assert tail_of(100_000, 0.95) == pytest.approx(0.025, rel=1e-3)
    students = stats.t.ppf(0.975, 9) * math.sqrt(10 / 9)
    assert tail_of(10, 0.95) == pytest.approx(stats.norm.sf(students))


def test_the_interval_holds_the_true_difference_about_as_often_as_the_level_says() -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(1000):
        found = compare(*pair(np.clip(random.normal(0.05, 0.1, 10), -0.5, 0.5)), resamples=1000)
        held += found.low <= 0.05 <= found.high
    assert 0.925 < held / 1000 < 0.97  # plain percentiles hold it 9 times in 10


@pytest.mark.parametrize("queries", [2, 7, 13])
def test_with_few_queries_chance_is_counted_and_is_scipys(queries: int) -> None:
    differences = np.random.default_rng(queries).uniform(-0.3, 0.5, queries)
    theirs = stats.permutation_test((differences,), mean, permutation_type="samples", n_resamples=10_000)
    found = compare(*pair(differences))
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert compare(*pair(differences), seed=7).p == found.p  # nothing is drawn


def test_chance_is_counted_also_where_equal_sums_are_rounded_differently() -> None:
    differences = [0.1, 0.2, 0.3, -0.1, 0.0, 0.0, 0.2, 0.1]
    signs = product((1, -1), repeat=len(differences))
    sums = [abs(sum(sign * 10 * each for sign, each in zip(way, differences, strict=True))) for way in signs]
    assert compare(*pair(differences)).p == sum(each > 7.99 for each in sums) / len(sums)


@pytest.mark.parametrize("queries", [30, 200])
def test_with_more_queries_chance_is_drawn_and_is_scipys(queries: int) -> None:
    differences = like_ndcg(np.random.default_rng(queries + 2), queries) + 0.02
    theirs = stats.permutation_test((differences,), mean, permutation_type="samples", n_resamples=20_000, rng=2)
    found = compare(*pair(differences))
    error = math.sqrt(theirs.pvalue * (1 - theirs.pvalue) * (1 / 10_000 + 1 / 20_000))
    assert 0.001 < found.p < 0.9
    assert found.p == pytest.approx(theirs.pvalue, abs=4 * error)
    assert compare(*pair(differences), seed=7).p != found.p


def test_what_is_drawn_in_parts_is_as_likely() -> None:
    differences = np.linspace(-0.09, 0.11, 3000)  # 10,000 times as many signs are too many at once
    found = compare(*pair(differences), resamples=1000)
    theirs = stats.ttest_1samp(differences, 0)
    assert found.p == pytest.approx(theirs.pvalue, abs=0.002)
    assert found.low == pytest.approx(theirs.confidence_interval().low, abs=0.0005)


def test_the_order_of_the_queries_changes_nothing_and_the_seed_little() -> None:
    before, after = pair(like_ndcg(np.random.default_rng(3), 50))
    order = list(before)
    stdlib_random.Random(1).shuffle(order)
    found = compare(before, after)
    assert compare({each: before[each] for each in order}, after) == found
    assert compare(before, after, seed=1) != found


def test_what_never_differs_has_no_chance_to_be_different() -> None:
    before, after = pair([0.0] * 50)
    found = compare(before, after)
    assert (found.difference, found.low, found.high, found.p, found.ties, found.spread) == (0, 0, 0, 1, 50, 0)


def test_one_query_says_nothing() -> None:
    found = compare({"a": 0.0}, {"a": 1.0})
    assert (found.low, found.high, found.p, found.spread) == (-1, 1, 1, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1.1, -0.1, None, "0.5", True])
def test_values_that_are_no_number_from_0_to_1_are_refused(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"after\['b'\] must be a number from 0 to 1.*counts as 0"):
        compare({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": bad})
    with pytest.raises(ConfigurationError, match=r"before\['b'\] must be"):
        compare({"a": 0.5, "b": bad}, {"a": 0.5, "b": 0.5})


def test_other_queries_none_and_what_is_no_mapping_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"before and after must have the same queries: 2 are in one.* 'b'"):
        compare({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5})
    with pytest.raises(ConfigurationError, match="before is empty"):
        compare({}, {})
    values: Any = [0.5]
    with pytest.raises(ConfigurationError, match=r"before must map .* not list: pass dict\(zip\(ids, values\)\)"):
        compare(values, by_query([0.5]))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"margin": -0.1}, "margin must be a number from 0 to below 1, such as 0.01, not -0.1"),
        ({"margin": 1}, "margin must be"),
        ({"margin": math.nan}, "margin must be"),
        ({"level": 95}, "level must be a number between 0 and 1, such as 0.95, not 95"),
        ({"level": 1.0}, "level must be"),
        ({"level": 0}, "level must be"),
        ({"resamples": 0}, "resamples must be a whole number of at least 100, not 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        compare({"a": 0.5}, {"a": 0.5}, **options)

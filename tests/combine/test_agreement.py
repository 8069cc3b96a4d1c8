"""How alike two orders are, by known values, and intervals that hold."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit.combine.agreement import Share, kendalls_tau, overlap, quantile, rank_biased_overlap


@pytest.mark.parametrize(
    ("yes", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_an_interval_is_wilsons(yes: int, count: int, low: float, high: float) -> None:
    share = Share.of([1.0] * yes + [0.0] * (count - yes))
    assert share is not None
    assert share.low == pytest.approx(low, abs=5e-5)
    assert share.high == pytest.approx(high, abs=5e-5)
    assert share.value == yes / count


def test_there_is_no_share_of_nothing() -> None:
    assert Share.of([]) is None
    assert str(Share(0.5, 0.25, 0.75)) == "0.50 (0.25 to 0.75)"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_mean_is_within_its_bounds(values: list[float]) -> None:
    share = Share.of(values)
    assert share is not None
    assert 0 <= share.low <= share.value <= share.high <= 1


def test_an_interval_holds_as_often_as_it_says_also_for_means() -> None:
    drawn, held = random.Random(3), 0
    for _ in range(400):
        share = Share.of([drawn.random() for _ in range(20)])
        assert share is not None
        held += share.low <= 0.5 <= share.high
    assert held >= 380


def test_overlap_is_of_the_first_ones() -> None:
    assert overlap([1, 2, 3], [3, 1, 2], 1) == 0.0
    assert overlap([1, 2, 3], [2, 1, 3], 2) == 1.0
    assert overlap([1, 2, 3, 4], [1, 5], 3) == 0.5  # no more than the shorter one has


def test_rank_biased_overlap_is_by_the_formula() -> None:
    assert rank_biased_overlap([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert rank_biased_overlap([1, 2], [3, 4]) == 0
    # agreement at depths 1, 2 and 3 is 0, 1 and 1
    expected = 0.9**3 + 0.1 / 0.9 * (0.9**2 + 0.9**3)
    assert rank_biased_overlap([1, 2, 3], [2, 1, 3]) == pytest.approx(expected)
    assert rank_biased_overlap([1, 2, 3], [1, 3, 2]) > rank_biased_overlap([1, 2, 3], [2, 1, 3])


def test_tau_counts_pairs_that_stand_the_other_way_round() -> None:
    one = [0, 1, 2, 3, 4]
    for other in permutations(one):
        turned = sum(other.index(a) > other.index(b) for a in one for b in one[a + 1 :])
        assert kendalls_tau(one, other) == pytest.approx(1 - 2 * turned / 10)
    assert kendalls_tau([1, 2, 9], [2, 1, 8]) == -1
    assert kendalls_tau([1, 2], [3, 4]) is None


def test_a_quantile_is_between_neighbours() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0], 0.95) == 3.0
    assert quantile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5
    assert quantile([1.0, 2.0], 1.0) == 2.0

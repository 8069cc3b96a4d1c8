"""Rankings are fused by place, and scores normalised, without losing the order or leaving the range of floats."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, InvalidResponse
from rerank_kit.combine.fusion import NORMALISATIONS, Normalisation, min_max, normalise, reciprocal_rank_fusion, z_score

numbers = st.floats(allow_nan=False, allow_infinity=False)


def test_the_formula_is_that_of_the_paper() -> None:
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c", "a"]])
    assert fused == {"b": 1 / 62 + 1 / 61, "a": 1 / 61 + 1 / 63, "c": 1 / 62}
    assert list(fused) == ["b", "a", "c"]


def test_weights_and_k_are_part_of_it() -> None:
    fused = reciprocal_rank_fusion([["a"], ["b"]], weights=[1, 3], k=0)
    assert fused == {"b": 3.0, "a": 1.0}


def test_an_id_that_comes_twice_counts_once_where_it_is_best() -> None:
    assert reciprocal_rank_fusion([["a", "a", "b"]], k=0) == {"a": 1.0, "b": 0.5}


def test_equal_scores_keep_the_order_of_the_first_ranking() -> None:
    assert list(reciprocal_rank_fusion([["a", "b"], ["b", "a"]])) == ["a", "b"]


def test_equal_sums_are_equal_whatever_the_order_of_the_rankings() -> None:
    rankings = [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]]
    for weight in (1.0, 0.1, 1 / 3):
        fused = reciprocal_rank_fusion(rankings, weights=[weight] * 3)
        assert list(fused) == ["a", "b", "c"]
        assert len(set(fused.values())) == 1


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_fusing_in_another_order_gives_the_same_scores(rankings: list[list[int]], random: Any) -> None:
    fused = reciprocal_rank_fusion(rankings)
    again = reciprocal_rank_fusion(random.sample(rankings, len(rankings)))
    assert fused == again
    met = {key: place for place, key in enumerate(dict.fromkeys(key for ranking in rankings for key in ranking))}
    assert list(fused) == sorted(fused, key=lambda key: (-fused[key], met[key]))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"weights": [1]}, "weights"), ({"weights": [1, "1"]}, "weights"), ({"weights": [1, 10**400]}, "weights"),
     ({"k": "60"}, "k"), ({"k": True}, "k"), ({"weights": [1, -1]}, "weights"), ({"weights": [1, math.nan]}, "weights"),
     ({"k": -1}, "k"), ({"k": math.inf}, "k")],
)  # fmt: skip
def test_weights_and_k_that_cannot_be_are_refused(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be"):
        reciprocal_rank_fusion([["a"], ["b"]], **wrong)


def test_weights_whose_sum_no_float_can_hold_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="add up"):
        reciprocal_rank_fusion([["a"], ["a"]], weights=[1e308, 1e308], k=0)
    assert reciprocal_rank_fusion([["a"], ["a"]], weights=[8e307, 8e307], k=0) == {"a": 1.6e308}
    assert reciprocal_rank_fusion([["a", "b"]], k=1e308) == {"a": 1e-308, "b": 1e-308}


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=4))
def test_fusion_loses_no_id_and_ranks_by_score(rankings: list[list[int]]) -> None:
    fused = reciprocal_rank_fusion(rankings)
    assert set(fused) == {key for ranking in rankings for key in ranking}
    assert list(fused.values()) == sorted(fused.values(), reverse=True)


@given(st.lists(numbers, max_size=12), st.sampled_from(sorted(NORMALISATIONS)))
def test_normalising_keeps_the_order_and_gives_finite_numbers(scores: list[float], how: Normalisation) -> None:
    made = normalise(scores, how)
    assert len(made) == len(scores)
    assert all(math.isfinite(score) for score in made)
    by_score = sorted(range(len(scores)), key=lambda place: scores[place])
    assert [made[place] for place in by_score] == sorted(made)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True))
def test_min_max_spans_0_to_1_and_z_scores_have_mean_0_and_deviation_1(scores: list[int]) -> None:
    stretched, standard = min_max([float(score) for score in scores]), z_score([float(score) for score in scores])
    assert (min(stretched), max(stretched)) == (0.0, 1.0)
    assert math.fsum(standard) == pytest.approx(0, abs=1e-9)
    assert math.fsum(score**2 for score in standard) / len(standard) == pytest.approx(1)


@pytest.mark.parametrize(("how", "each"), [("min-max", 0.5), ("z-score", 0.0), ("none", 7.0)])
def test_scores_that_are_all_equal_stay_equal(how: Normalisation, each: float) -> None:
    assert normalise([7.0, 7.0], how) == [each, each]


EXTREMES = [5e-324, -5e-324, 1e-310, 2.3e-308, 0.0, 1.0, math.nextafter(1, 2), 1.7e308, -1.7e308, 0.1, 1e16]


@given(st.lists(st.sampled_from(EXTREMES), max_size=6), st.sampled_from(sorted(NORMALISATIONS)))
def test_scores_at_the_ends_of_floats_are_normalised_too(scores: list[float], how: Normalisation) -> None:
    made = normalise(scores, how)
    assert all(math.isfinite(score) for score in made)
    by_score = sorted(range(len(scores)), key=scores.__getitem__)
    assert [made[place] for place in by_score] == sorted(made)
    if len(set(scores)) > 1 and how in {"min-max", "z-score"}:
        assert made[by_score[0]] < made[by_score[-1]]


@pytest.mark.parametrize(
    ("scores", "stretched"),
    [
        ([0.0, 5e-324], [0.0, 1.0]),
        ([5e-324, 1e-323, 1.5e-323], [0.0, 0.5, 1.0]),
        ([-1e308, 1e308, 0.0], [0.0, 1.0, 0.5]),
        ([1.0, math.nextafter(1, 2)], [0.0, 1.0]),
        ([10**300, 2 * 10**300], [0.0, 1.0]),
        ([0.1], [0.5]),
        ([], []),
    ],
)
def test_min_max_knows_no_scale(scores: list[float], stretched: list[float]) -> None:
    assert normalise(scores, "min-max") == stretched
    if len(stretched) == 2:
        assert normalise(scores, "z-score") == [-1.0, 1.0]


@pytest.mark.parametrize("scores", [[0.1] * 3, [0.1] * 49, [1e308] * 7, [5e-324] * 3, [-0.3], []])
def test_scores_without_variance_have_the_z_score_0(scores: list[float]) -> None:
    assert normalise(scores, "z-score") == [0.0] * len(scores)


def test_the_sigmoid_takes_logits_to_0_to_1() -> None:
    assert normalise([0.0, -1000.0, 1000.0], "sigmoid") == [0.5, 0.0, 1.0]


def test_what_cannot_be_normalised_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="min-max"):
        normalise([1.0], "best")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="min-max"):
        normalise([1.0], ["min-max"])  # type: ignore[arg-type]
    for score in (math.nan, math.inf, -math.inf, 10**400, None, "one"):
        with pytest.raises(InvalidResponse, match="finite"):
            normalise([1.0, score], "min-max")  # type: ignore[list-item]

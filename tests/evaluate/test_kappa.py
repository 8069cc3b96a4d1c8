"""Agreement of a judge with a person, with intervals that are those of statsmodels."""

from __future__ import annotations

import random

import pytest

from rerank_kit.evaluate.kappa import Agreement, PoolSizes

# statsmodels 0.14: cohens_kappa(table).kappa, .kappa_low, .kappa_upp; proportion_confint(…, method="wilson")
OF_STATSMODELS = [
    ((10, 2, 3, 15), (0.657534246, 0.384648386, 0.930420106), (0.664356494, 0.926634576)),
    ((20, 5, 10, 15), (0.399999999, 0.151092290, 0.648907709), (0.562496495, 0.808964464)),
    ((1, 0, 4, 25), (0.294117647, -0.162036414, 0.750271708), (0.703186733, 0.946903445)),
    ((25, 1, 2, 2), (0.516129032, 0.040526339, 0.991731725), (0.743789174, 0.965400111)),
    ((0, 5, 5, 10), (-0.333333333, -0.528116120, -0.138550546), (0.299298008, 0.700701991)),
]


@pytest.mark.parametrize(("counts", "kappa", "wilson"), OF_STATSMODELS)
def test_agreement_and_kappa_have_the_intervals_of_statsmodels(
    counts: tuple[int, int, int, int], kappa: tuple[float, float, float], wilson: tuple[float, float]
) -> None:
    found = Agreement(*counts)
    assert found.kappa is not None
    assert (found.kappa.value, found.kappa.low, found.kappa.high) == pytest.approx(kappa, abs=2e-9)
    assert found.agreement is not None
    assert (found.agreement.low, found.agreement.high) == pytest.approx(wilson, abs=2e-9)


def test_labels_are_counted_and_told() -> None:
    found = Agreement.of([(True, True)] * 10 + [(True, False)] * 2 + [(False, True)] * 3 + [(False, False)] * 15)
    assert found == Agreement(10, 2, 3, 15)
    assert str(found) == "judge and person agree on 0.83 (0.66 to 0.93) of 30 pairs; kappa 0.66 (0.38 to 0.93)"
    told = found.to_dict()
    assert (told["pairs"], told["judge_alone"], told["person_alone"]) == (30, 2, 3)
    assert told["right_yes"]["value"] == 10 / 12
    assert told["right_no"]["value"] == 15 / 18


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((5, 0, 0, 0), "the judge calls all of them relevant"),
        ((0, 0, 0, 5), "the judge calls all of them not relevant"),
        ((3, 0, 2, 0), "the person calls all of them relevant"),
        ((0, 2, 0, 3), "the person calls all of them not relevant"),
    ],
)
def test_where_one_of_both_has_one_label_for_all_kappa_says_nothing(
    counts: tuple[int, int, int, int], why: str
) -> None:
    for pool in (None, PoolSizes(50, 50)):
        found = Agreement(*counts, pool)
        assert found.kappa is None
        assert found.to_dict()["kappa"] is None
        assert found.without_kappa is not None
    found = Agreement(*counts)
    assert str(found).endswith(f"of 5 pairs; kappa says nothing, since {why}")
    assert found.to_dict()["without_kappa"] == why


def test_of_no_label_there_is_nothing() -> None:
    for found in (Agreement.of([]), Agreement.of([], PoolSizes(3, 3))):
        assert (found.agreement, found.kappa, str(found)) == (None, None, "no pair was reviewed")


def test_a_sample_with_more_of_one_kind_is_weighted_back_to_the_pool() -> None:
    """Of 1,000 pairs the judge calls 100 relevant; half of the sample are of these, where it is right half the time."""
    found = Agreement(10, 10, 0, 20, PoolSizes(100, 900))
    assert found.agreement is not None
    assert found.kappa is not None
    assert found.agreement.value == pytest.approx(0.1 * 0.5 + 0.9)  # where 30 of 40 were labelled alike
    whole = Agreement(50, 50, 0, 900)  # the pool, if the sample is like it
    assert whole.kappa is not None
    assert found.kappa.value == pytest.approx(whole.kappa.value)
    assert found.kappa.low < whole.kappa.low < whole.kappa.high < found.kappa.high
    assert found.right_yes is not None
    assert found.right_yes.value == 0.5
    told = str(found)
    assert told.startswith("judge and person agree on 0.95 (0.8")
    assert "of 40 pairs, weighted to all 1,000; kappa 0.64 (0." in told
    assert found.to_dict()["pool"] == {"relevant": 100, "others": 900}


def test_where_all_labels_agree_the_interval_has_a_width() -> None:
    found = Agreement(10, 0, 0, 20, PoolSizes(100, 900))
    assert found.agreement is not None
    assert found.kappa is not None
    assert (found.agreement.value, found.kappa.value) == (1.0, 1.0)
    assert (found.agreement.high, found.kappa.high) == (1.0, 1.0)
    assert 0.8 < found.agreement.low < 0.95
    assert 0.2 < found.kappa.low < 0.8


def test_a_pool_of_one_kind_has_the_interval_of_wilson() -> None:
    found = Agreement(0, 0, 3, 17, PoolSizes(0, 400))
    assert found.agreement == found.right_no
    assert found.without_kappa == "the judge calls all of them not relevant"


@pytest.mark.parametrize(("counts", "kind"), [((0, 0, 1, 4), "relevant"), ((4, 1, 0, 0), "not relevant")])
def test_before_both_kinds_were_reviewed_nothing_is_told_of_the_pool(
    counts: tuple[int, int, int, int], kind: str
) -> None:
    found = Agreement(*counts, PoolSizes(10, 20))
    assert (found.agreement, found.kappa) == (None, None)
    why = f"no pair that the judge calls {kind} was reviewed"
    assert str(found) == f"how far judge and person agree cannot be told of 5 pairs: {why}"


@pytest.mark.parametrize(("yes", "no"), [(0.6, 0.97), (0.8, 0.9), (0.95, 0.99)])
def test_intervals_hold_what_is_true_of_the_pool_as_often_as_they_say(yes: float, no: float) -> None:
    """A judge that calls one in ten relevant, whose yes and no are right so often, seen in a sample of 12 and 48."""
    chance, runs = random.Random(7), 1_000
    truth = Agreement(round(1000 * yes), round(1000 * (1 - yes)), round(9000 * (1 - no)), round(9000 * no))
    assert truth.agreement is not None
    assert truth.kappa is not None
    held = alike = unweighted = 0
    for _ in range(runs):
        right = sum(chance.random() < yes for _ in range(12))
        wrong = sum(chance.random() >= no for _ in range(48))
        found = Agreement(right, 12 - right, wrong, 48 - wrong, PoolSizes(1_000, 9_000))
        assert found.agreement is not None
        alike += found.agreement.low <= truth.agreement.value <= found.agreement.high
        held += found.kappa is None or found.kappa.low <= truth.kappa.value <= found.kappa.high
        plain = Agreement(right, 12 - right, wrong, 48 - wrong).kappa
        unweighted += plain is not None and plain.low <= truth.kappa.value <= plain.high
    assert alike >= 0.93 * runs
    assert held >= 0.93 * runs
    assert unweighted < held

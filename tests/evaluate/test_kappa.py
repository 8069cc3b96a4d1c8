"""Agreement of a judge with a person, with intervals that are those of statsmodels."""

from __future__ import annotations

import pytest

from rerank_kit.evaluate.kappa import Agreement

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
    assert str(found) == "judge and person agree on 0.83 (0.66 to 0.93) of 30 pairs, kappa 0.66 (0.38 to 0.93)"
    told = found.to_dict()
    assert (told["pairs"], told["judge_alone"], told["person_alone"]) == (30, 2, 3)
    assert told["right_yes"]["value"] == 10 / 12
    assert told["right_no"]["value"] == 15 / 18


@pytest.mark.parametrize("counts", [(5, 0, 0, 0), (0, 0, 0, 5)])
def test_of_one_label_for_all_there_is_no_kappa(counts: tuple[int, int, int, int]) -> None:
    found = Agreement(*counts)
    assert found.kappa is None
    assert str(found).endswith("of 5 pairs, kappa cannot be told, since all have one label")
    assert found.to_dict()["kappa"] is None


def test_of_no_label_there_is_nothing() -> None:
    found = Agreement.of([])
    assert (found.agreement, found.kappa, str(found)) == (None, None, "no pair was reviewed")

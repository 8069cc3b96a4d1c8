"""`calibrate` and `abstaining`: what scores mean, chosen on one half of the queries and reported on the other."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from rerank_kit import Calibrated, ConfigurationError, Deadline
from rerank_kit.evaluate import Dataset, Evaluation, evaluate
from rerank_kit.evaluate.abstaining import abstaining
from rerank_kit.evaluate.calibrating import calibrate
from rerank_kit.evaluate.evaluation import SystemResult
from rerank_kit.evaluate.first_stages import Found
from rerank_kit.evaluate.outcomes import Outcome
from rerank_kit.local import CrossEncoder

EACH = 8  # candidates of a query, the first of which answers


def _dataset(queries: int, *, relevant: int = 1) -> Dataset:
    names = [f"q{number}" for number in range(queries)]
    documents = {f"{name} d{place}": f"{name} text {place}" for name in names for place in range(EACH)}
    judgements = {name: {f"{name} d{place}": 1 for place in range(relevant)} for name in names}
    candidates = {name: [f"{name} d{place}" for place in range(EACH)] for name in names}
    return Dataset("made", dict(zip(names, names, strict=True)), judgements, documents, candidates=candidates)


class Noisy(CrossEncoder):
    """Scores documents that answer higher, with noise: logits two deviations apart."""

    model = "noisy"

    def __init__(self, gap: float = 2.0) -> None:
        self.gap = gap

    @property
    def fingerprint(self) -> str:
        return f"noisy, {self.gap}"

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
        return [1 / (1 + math.exp(-self.logit(*each))) for each in pairs]

    def logit(self, query: str, text: str) -> float:
        noise = random.Random(f"{query} {text}").gauss(0, 1)
        return noise + (self.gap if text.endswith(" 0") else 0.0)


def _evaluated(queries: int = 200, gap: float = 2.0, **options: Any) -> Evaluation:
    return evaluate(_dataset(queries, **options), {"noisy": Noisy(gap)})


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return _evaluated()


def test_probabilities_are_those_of_the_model_that_made_the_labels(found: Evaluation) -> None:
    """Two normal distributions of equal spread have log-odds that are a line: 2 z - 2, less those of 1 in 8."""
    calibration = calibrate(found, precision=0.5)
    ((slope, offset),) = calibration.knots
    assert slope == pytest.approx(2.0, abs=0.4)
    assert offset == pytest.approx(-2.0 - math.log(EACH - 1), abs=0.5)
    assert (calibration.goal, calibration.wanted, calibration.method) == ("precision", 0.5, "platt")
    assert calibration.reranker.startswith("<") or "Noisy" in calibration.reranker


@pytest.mark.parametrize(("goal", "wanted"), [("precision", 0.5), ("precision", 0.8), ("recall", 0.9), ("recall", 1.0)])
def test_what_is_wanted_holds_on_the_other_half_within_its_interval(
    found: Evaluation, goal: str, wanted: float
) -> None:
    told = calibrate(found, **{goal: wanted}, seed=1).told  # type: ignore[arg-type]
    held = told["held_out"][goal]
    assert held["low"] <= held["value"] <= held["high"]
    assert held["low"] - 0.02 <= wanted <= held["high"] + 0.02
    assert told["held_out"]["queries"] == told["chosen_on"]["queries"] == 100
    if goal == "recall":
        assert told["chosen_on"]["recall"]["value"] >= wanted


def test_it_holds_as_often_as_its_interval_says(found: Evaluation) -> None:
    held = 0
    for seed in range(20):
        share = calibrate(found, precision=0.6, seed=seed).told["held_out"]["precision"]
        held += share["low"] <= 0.6 <= share["high"]
    assert held >= 17  # of 20; chosen and reported halves both vary


def test_a_calibrated_reranker_passes_what_was_promised(found: Evaluation) -> None:
    calibration = calibrate(found, "noisy", precision=0.6, top_n=3, seed=4)
    assert (calibration.told["top_n"], calibration.told["seed"], calibration.told["system"]) == (3, 4, "noisy")
    reranker = Calibrated(Noisy(), calibration)
    right = passed = 0
    for name in found.asked:
        texts = [f"{name} text {place}" for place in range(EACH)]
        ranking = reranker.rerank(name, texts, top_n=3, threshold="calibrated")
        passed += len(ranking)
        right += any(hit.index == 0 for hit in ranking)
    assert right / passed == pytest.approx(0.6, abs=0.1)
    with pytest.raises(ConfigurationError, match="other files or settings"):
        Calibrated(Noisy(1.9), calibration)


def test_steps_for_many_labels() -> None:
    found = _evaluated(500)
    calibration = calibrate(found, precision=0.6, method="isotonic")
    probabilities = [share for _, share in calibration.knots]
    assert probabilities == sorted(set(probabilities))
    share = calibration.told["held_out"]["precision"]
    assert share["low"] <= 0.6 <= share["high"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "pass either precision= or recall="),
        ({"precision": 0.5, "recall": 0.5}, "pass either precision= or recall="),
        ({"precision": 0}, "precision must be a number above 0, up to 1, not 0"),
        ({"recall": 1.1}, "recall must be a number above 0, up to 1, not 1.1"),
        ({"recall": "all"}, "recall must be a number above 0"),
        ({"recall": 0.5, "method": "magic"}, "method must be"),
        ({"recall": 0.5, "top_n": 0}, "top_n must be"),
        ({"recall": 0.5, "seed": -1}, "seed must be"),
        ({"recall": 0.5, "system": "given"}, r"system='given' has no reranker to calibrate; those that have: 'noisy'"),
        ({"precision": 0.999}, r"noisy: no threshold reaches precision 0.999: .* probability of 0\.9"),
        ({"recall": 0.5, "method": "isotonic"}, 'follows chance with 100 relevant documents: .* Pass method="platt"'),
    ],
)
def test_what_cannot_be_is_said(found: Evaluation, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        calibrate(found, **options)


def test_data_that_cannot_tell_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"19 queries with a relevant document: too few to .* Label 20 or more"
    ):
        calibrate(_evaluated(19), recall=0.5)
    with pytest.raises(ConfigurationError, match=r"all of the 80 documents .* are relevant"):
        calibrate(_evaluated(20, relevant=EACH), recall=0.5)
    with pytest.raises(ConfigurationError, match=r"higher scores are no more often relevant \(slope -"):
        calibrate(_evaluated(200, gap=-2.0), recall=0.5)
    with pytest.raises(
        ConfigurationError, match=r"evaluation has no system with a reranker, of which .*: it has given"
    ):
        calibrate(evaluate(_dataset(20), ["given"]), recall=0.5)
    with pytest.raises(ConfigurationError, match=r"evaluation must be what evaluate\(…\) gives, not 5"):
        calibrate(5, recall=0.5)  # type: ignore[arg-type]
    elsewhere = dataclasses.replace(_dataset(20), judgements={f"q{each}": {"q0 d7": 1} for each in range(20)})
    with pytest.raises(ConfigurationError, match=r"none of the \d+ documents .* there have to be both kinds"):
        calibrate(evaluate(elsewhere, {"noisy": (Nothing(), Noisy())}), recall=0.5)


@pytest.mark.parametrize("options", [{"recall": 0.9}, {"precision": 0.1}, {"recall": 0.9, "method": "isotonic"}])
def test_a_reranker_whose_scores_are_all_the_same_is_refused(options: dict[str, Any]) -> None:
    found = evaluate(_dataset(400), {"mine": lambda query, texts: [0.5] * len(texts)})
    with pytest.raises(ConfigurationError, match=r"mine: it gives all of the 1600 documents .* the same score, 0\.5"):
        calibrate(found, **options)


def test_steps_that_never_rise_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"higher scores are no more often relevant \(steps: none\)"):
        calibrate(_evaluated(450, gap=-9.0), recall=0.9, method="isotonic")


def _with_unanswered(answered: int, unanswered: int) -> Dataset:
    whole = _dataset(answered + unanswered)
    last = [f"q{number}" for number in range(answered, answered + unanswered)]
    return dataclasses.replace(whole, judgements={**whole.judgements, **{name: {} for name in last}})


def test_questions_that_nothing_answers_count_against_precision() -> None:
    """As many of them as of others, so that half of what passes by the others' threshold alone would be wrong."""
    data = _with_unanswered(200, 200)
    without = evaluate(data, {"noisy": Noisy()})
    found = evaluate(data, {"noisy": Noisy()}, unanswered=True)
    assert found["noisy"].values == without["noisy"].values
    assert found.asked == without.asked
    assert len(found["noisy"].unanswered) == 200
    alone, whole = (calibrate(each, precision=0.6, seed=1) for each in (without, found))
    assert (alone.told["without_answer"], alone.told["left_out"]) == (0, 200)
    assert (whole.told["without_answer"], whole.told["left_out"]) == (200, 0)
    assert whole.knots[0][1] < alone.knots[0][1]
    held = whole.told["held_out"]
    assert (held["queries"], held["without_answer"]) == (100, 100)
    assert held["precision"]["low"] <= 0.6 <= held["precision"]["high"]
    assert 0 < held["passes_without_answer"]["value"] < 1
    assert held["recall"]["value"] < alone.told["held_out"]["recall"]["value"]
    assert alone.told["held_out"]["passes_without_answer"] is None
    kept = calibrate(without, recall=0.8, seed=1).told["held_out"]
    assert kept["nothing_passes"]["value"] <= 0.3
    assert (
        calibrate(found, recall=0.8, seed=1).told["nothing_relevant"]
        == calibrate(without, recall=0.8).told["nothing_relevant"]
    )


def test_which_queries_without_an_answer_are_asked_is_said_in_one_of_three_ways() -> None:
    with pytest.raises(ConfigurationError, match="unanswered must be True, False or \"unfound\", not 'all'"):
        evaluate(_with_unanswered(20, 4), {"noisy": Noisy()}, unanswered="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_of_some_queries_as_large_a_part_has_no_answer() -> None:
    found = evaluate(_with_unanswered(20, 40), {"noisy": Noisy()}, queries=10, seed=3, unanswered=True)
    assert (len(found.asked), len(found["noisy"].unanswered)) == (10, 20)
    assert set(found["given"].unanswered) == set(found["noisy"].unanswered)


class Nothing:
    """A first stage that brings what no label names."""

    name = "nothing"
    free = True

    def find(self, query_id: str, query: str, depth: int) -> list[Found]:
        return [Found(f"x{place}", f"{query} text {place}") for place in range(EACH)][:depth]


def test_where_nothing_passes_the_precision_is_not_known() -> None:
    """The half that the threshold is chosen on has high scores, the other has none."""
    found = _evaluated(40)
    system, names = found["noisy"], sorted(found.asked)
    random.Random(0).shuffle(names)
    low = {
        query: dataclasses.replace(outcome, scores=tuple(each / 1e6 for each in outcome.scores))
        if query in names[20:]
        else outcome
        for query, outcome in system.outcomes.items()
    }
    changed = dataclasses.replace(found, systems=[dataclasses.replace(system, outcomes=low)])
    told = calibrate(changed, recall=0.5).told["held_out"]
    assert told["precision"] is None
    assert told["recall"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.161, abs=1e-3)}
    assert told["nothing_passes"] == {"value": 1.0, "low": pytest.approx(0.839, abs=1e-3), "high": 1.0}


def _system(scores: dict[str, tuple[list[float], int]]) -> SystemResult:
    """A system with the scores of each query, best first, and which of them are relevant."""
    outcomes, judgements = {}, {}
    for query, (values, relevant) in scores.items():
        candidates = tuple(Found(f"{query}{place}", "text") for place in range(len(values)))
        order = tuple(range(len(values)))
        outcomes[query] = Outcome(candidates, order, tuple(values), (None,) * len(values))
        judgements[query] = {f"{query}{place}": 1 for place in range(relevant)}
    return SystemResult("planted", "given", 5, "it", {}, outcomes=outcomes, judgements=judgements)


def test_what_a_threshold_on_the_best_score_is_worth() -> None:
    told = abstaining(_system({"a": ([0.9, 0.2], 1), "b": ([0.8, 0.5], 1), "c": ([0.4, 0.3], 1)}))
    assert (told.queries, told.threshold) == (3, 0.4)
    assert told.auroc == pytest.approx(8 / 9)  # 0.4 against 0.5 is lost
    assert told.false_accepts == pytest.approx(1 / 3)
    perfect = abstaining(_system({"a": ([0.9, 0.2], 1), "b": ([0.8, 0.1], 1)}))
    assert (perfect.auroc, perfect.false_accepts) == (1.0, 0.0)
    ties = abstaining(_system({"a": ([0.5, 0.5], 1)}))
    assert (ties.auroc, ties.false_accepts) == (0.5, 1.0)
    nothing = abstaining(_system({"a": ([0.5, 0.5], 0), "b": ([0.5], 1), "c": ([], 0)}))
    assert (nothing.queries, nothing.auroc, nothing.threshold, nothing.false_accepts) == (0, None, None, None)

"""All comparisons of a run: which are made, how each reads, and that a whole run raises few false alarms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.comparing import compare
from rerank_kit.evaluate.judging import Judged, judged, what_would_tell
from rerank_kit.evaluate.verdicts import more_queries
from tests.evaluate.planted import NOISE, by_query


def level(mean: float, change: Any = 0.0) -> dict[str, float]:
    return by_query(np.full(100, mean) + change)


def run(values: Mapping[str, Mapping[str, float]], first_stages: Mapping[str, str | None], **options: Any) -> Any:
    """Each comparison by its two systems."""
    found = judged(values, first_stages, resamples=2000, **options)
    return {(each.system, each.against): each for each in found}


def test_each_system_is_compared_with_its_first_stage_the_best_first_stage_and_the_best_once() -> None:
    values = {
        "bm25": level(0.4),
        "dense": level(0.5),
        "onnx on bm25": level(0.45),
        "judge on onnx": level(0.7),
        "onnx on dense": level(0.6),
    }
    first_stages = {"onnx on bm25": "bm25", "judge on onnx": "onnx on bm25", "onnx on dense": "dense", "bm25": None}
    assert {pair: each.role for pair, each in run(values, first_stages).items()} == {
        ("onnx on bm25", "bm25"): "first stage",
        ("judge on onnx", "onnx on bm25"): "first stage",
        ("onnx on dense", "dense"): "first stage",
        ("onnx on bm25", "dense"): "best first stage",
        ("judge on onnx", "dense"): "best first stage",
        ("bm25", "judge on onnx"): "best",
        ("onnx on dense", "judge on onnx"): "best",
    }


def test_better_reads_with_both_means_the_interval_and_the_queries() -> None:
    found = run({"bm25": level(0.5), "onnx": level(0.55, NOISE)}, {"onnx": "bm25"})["onnx", "bm25"]
    numbers = found.comparison
    assert found.verdict == "better"
    assert found.text == (
        f"onnx is better than bm25: nDCG@10 0.550 instead of 0.500, +0.050 ({numbers.low:.3f} to {numbers.high:.3f}), "
        f"{numbers.wins} queries better, {numbers.losses} worse"
    )
    assert not found.harms


def test_worse_than_the_first_stage_is_harm_and_says_how_many_lose() -> None:
    values = {"bm25": level(0.5), "onnx": level(0.45, NOISE), "dense": level(0.6)}
    found = run(values, {"onnx": "bm25"}, measure="RR@10")
    harm = found["onnx", "bm25"]
    assert harm.harms
    assert "onnx is worse than bm25: RR@10 0.450 instead of 0.500, -0.050 (-0." in harm.text
    assert harm.text.endswith(f"), it harms: {harm.comparison.losses} of 100 queries lose")
    assert found["onnx", "dense"].text.endswith("100 of 100 queries lose; dense alone does more than reranking")
    assert not found["onnx", "dense"].harms
    assert found["bm25", "dense"].text.endswith("-0.100 (-0.100 to -0.100), 100 of 100 queries lose")


def test_equal_names_the_margin() -> None:
    found = run({"bm25": level(0.5), "onnx": level(0.5)}, {"onnx": "bm25"}, margin=0.02)["onnx", "bm25"]
    assert found.text == (
        "onnx equals bm25 within 0.02: nDCG@10 0.500 instead of 0.500, +0.000 (0.000 to 0.000), "
        "0 queries better, 0 worse"
    )


def test_inconclusive_says_what_would_tell() -> None:
    unsure = run({"a": level(0.5), "b": level(0.503, 2 * NOISE)}, {"b": "a"})["b", "a"]
    assert unsure.text.startswith("b against a is inconclusive: nDCG@10 0.503 instead of 0.500, +0.003 (-0.0")
    assert unsure.text.endswith(f" worse; about {unsure.more_queries} more queries would tell")
    hopeless = run({"a": level(0.5), "b": level(0.5005, 2 * NOISE)}, {"b": "a"}, margin=0)["b", "a"]
    assert hopeless.more_queries is None
    assert hopeless.text.endswith(" worse; no number of queries that one can label is likely to tell")
    few = run({"a": by_query([0.5]), "b": by_query([0.7])}, {"b": "a"})["b", "a"]
    assert few.text.endswith("(-1.000 to 1.000), 1 query better, 0 worse; fewer than 6 queries tell nothing")


def test_what_would_tell_alone_and_does_not_among_many_says_so() -> None:
    values = {"bm25": level(0.5), "onnx": level(0.5 + 2.2 * NOISE.std() / 10, NOISE)}
    assert run(values, {"onnx": "bm25"}, margin=0)["onnx", "bm25"].verdict == "better"
    others = {f"x{place}": level(0.4) for place in range(5)}
    found = run({**values, **others}, {"onnx": "bm25"}, margin=0)["onnx", "bm25"]
    assert found.comparison.low > 0
    assert (found.verdict, found.p_adjusted) == ("inconclusive", pytest.approx(20 * found.comparison.p, rel=0.9))
    more = more_queries(found.comparison, found.p_adjusted, among=21)
    assert found.more_queries == more != more_queries(found.comparison, found.p_adjusted)
    assert f"one such difference among 21 comparisons can be chance, about {more} more queries would tell" in found.text
    assert what_would_tell(found.comparison, 120, 1) == "about 120 more queries would tell"


def test_a_whole_run_raises_false_alarms_as_seldom_as_the_level_says_though_the_best_is_picked_after_the_fact() -> None:
    random = np.random.default_rng(2)
    alarms = chance = 0
    for _ in range(200):
        same = np.clip(random.random(30) + random.normal(0, 0.15, (6, 30)), 0, 1)
        found = judged({str(place): by_query(each) for place, each in enumerate(same)}, {}, resamples=500)
        alarms += any(each.verdict in {"better", "worse"} for each in found)
        chance += any(each.comparison.p <= 0.05 for each in found)
    assert alarms / 200 < 0.097
    assert chance / 200 > 0.2


def test_enough_is_drawn_for_the_number_of_comparisons() -> None:
    values = {f"x{place}": level(0.4 + place / 50, NOISE * place / 4) for place in range(8)}
    found = judged(values, {}, resamples=100)
    assert {each.verdict for each in found if each.system in {"x0", "x1", "x2"}} == {"worse"}


def test_the_numbers_are_those_of_the_comparison_as_plain_values() -> None:
    values = {"bm25": level(0.5), "onnx": level(0.55, NOISE)}
    (found,) = judged(values, {"onnx": "bm25"}, margin=0.02, level=0.9, seed=3)
    numbers = compare(values["bm25"], values["onnx"], margin=0.02, level=0.9, seed=3)
    assert isinstance(found, Judged)
    assert found.comparison == numbers
    plain = json.loads(json.dumps(found.to_dict()))
    words = {"system": "onnx", "against": "bm25", "role": "first stage", "measure": "nDCG@10", "verdict": "better"}
    same = ("difference", "low", "high", "level", "margin", "p", "wins", "ties", "losses")
    assert plain == {
        **words,
        **{key: getattr(numbers, key) for key in same},
        "p_adjusted": numbers.p,
        "more_queries": None,
        "text": found.text,
    }


def test_what_rounds_to_nothing_has_no_minus_before_it() -> None:
    same = run({"a": level(0.5), "b": level(0.4999)}, {"b": "a"})["b", "a"]
    assert "nDCG@10 0.500 instead of 0.500, +0.000 (0.000 to 0.000)" in same.text
    assert same.verdict == "equal"


def test_one_system_or_none_has_nothing_to_be_compared_with() -> None:
    assert judged({"bm25": level(0.5)}, {"bm25": None}) == []
    assert judged({}, {}) == []


def test_systems_that_there_are_not_and_other_queries_are_refused() -> None:
    values = {"bm25": level(0.5), "onnx": level(0.6)}
    with pytest.raises(ConfigurationError, match="first_stages names 'dense', which values does not have: it has bm25"):
        judged(values, {"onnx": "dense"})
    with pytest.raises(ConfigurationError, match="first_stages names 'judge', which"):
        judged(values, {"judge": "bm25"})
    with pytest.raises(ConfigurationError, match=r"values\['onnx'\] and values\['x'\] must have the same queries"):
        judged({**values, "x": by_query([0.5])}, {})
    with pytest.raises(ConfigurationError, match="level must be"):
        judged(values, {}, level=1)
    with pytest.raises(ConfigurationError, match="resamples must be"):
        judged(values, {}, resamples=0)

"""The ceiling is what ir-measures gives for the candidates in the best order."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.ceiling import Ceiling, ceiling


@pytest.mark.parametrize("measure", ["nDCG@10", "RR@10", "R@5", "P@20", "Success@1", "AP"])
def test_the_ceiling_is_what_ir_measures_gives_for_the_candidates_in_the_best_order(measure: str) -> None:
    random = np.random.default_rng(1)
    documents = [f"d{place}" for place in range(120)]
    judgements = {
        f"q{place}": {each: int(random.integers(-1, 4)) for each in random.choice(documents, 15, replace=False)}
        for place in range(12)
    }
    judgements["nothing relevant"] = {"d1": 0}
    judgements["nothing found"] = {"d1": 2}
    rankings = {query: random.permutation(documents).tolist() for query in judgements if query != "nothing found"}
    found = ceiling(rankings, judgements, measure=measure, depths=(50, 5, 20))
    assert found.measure == measure
    assert list(found.by_depth) == [5, 20, 50]
    for depth, value in found.by_depth.items():
        best = {
            query: {each: float(judgements[query].get(each, -1)) for each in ranking[:depth]}
            for query, ranking in rankings.items()
        }
        known = ir_measures.parse_measure(measure)
        theirs = {each.query_id: each.value for each in ir_measures.iter_calc([known], judgements, best)}
        assert value == pytest.approx(sum(theirs.values()) / len(judgements), abs=1e-6)


def test_the_smallest_depth_that_is_enough_reaches_95_percent_of_the_highest() -> None:
    judgements = {f"q{place}": {"right": 1} for place in range(100)}

    def at(place: int) -> list[str]:
        return [*(f"x{each}" for each in range(place)), "right", *(f"y{each}" for each in range(200 - place))]

    places = [0] * 60 + [15] * 25 + [30] * 10 + [150] * 5
    rankings = {f"q{number}": at(place) for number, place in enumerate(places)}
    found = ceiling(rankings, judgements)
    assert found.by_depth == pytest.approx({10: 0.6, 20: 0.85, 50: 0.95, 100: 0.95, 200: 1.0})
    assert found.enough == 50
    assert found.text(10) == "your reranker sees 10 candidates; at 50 the ceiling of nDCG@10 rises from 0.60 to 0.95"
    assert found.text(50) == "your reranker sees 50 candidates, with which nDCG@10 can be 0.95; more would add little"
    assert (
        found.text(100) == "your reranker sees 100 candidates, with which nDCG@10 can be 0.95; 50 would do, with 0.95"
    )
    assert (
        found.text(500) == "your reranker sees 200 candidates, with which nDCG@10 can be 1.00; 50 would do, with 0.95"
    )
    assert Ceiling("nDCG@10", {1: 0.5, 10: 1.0}, 10).text(1).startswith("your reranker sees 1 candidate; at 10")
    with pytest.raises(
        ConfigurationError, match=r"sees must be one of the depths 10, 20, .*, not 30: pass depths=\(10"
    ):
        found.text(30)


def test_depths_that_nobody_asked_for_are_not_claimed() -> None:
    found = ceiling({"q": ["a", "b", "c"], "other": ["a"]}, {"q": {"c": 1}, "other": {}}, depths=(1, 2, 10, 20))
    assert found.by_depth == {1: 0.0, 2: 0.0, 3: 0.5}
    assert found.enough == 3


def test_documents_named_twice_count_once() -> None:
    assert ceiling({"q": ["a", "a", "b"]}, {"q": {"a": 1, "b": 1}}, depths=(2, 3)).by_depth[3] == 1.0


def test_where_nothing_relevant_is_found_no_reranker_can_help() -> None:
    found = ceiling({"q": ["a", "b"]}, {"q": {"c": 1}})
    assert (found.by_depth, found.enough) == ({2: 0.0}, None)
    assert found.text(10) == "no relevant document is among the first 2 candidates: no reranker can help"
    assert ceiling({}, {"q": {"c": 1}}).by_depth == {1: 0.0}


def test_what_makes_no_ceiling_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="judgements is empty"):
        ceiling({"q": ["a"]}, {})
    with pytest.raises(ConfigurationError, match=r"rankings has queries .* such as 'x': leave them out"):
        ceiling({"x": ["a"]}, {"q": {"a": 1}})
    with pytest.raises(ConfigurationError, match="depths is empty"):
        ceiling({"q": ["a"]}, {"q": {"a": 1}}, depths=())
    with pytest.raises(ConfigurationError, match="depths must be a whole number of at least 1, not 0"):
        ceiling({"q": ["a"]}, {"q": {"a": 1}}, depths=(0,))
    with pytest.raises(ConfigurationError, match="'nDGC' is none: write them as ir-measures does"):
        ceiling({"q": ["a"]}, {"q": {"a": 1}}, measure="nDGC")
    with pytest.raises(ConfigurationError, match="sees must be a whole number"):
        ceiling({"q": ["a"]}, {"q": {"a": 1}}).text(0)

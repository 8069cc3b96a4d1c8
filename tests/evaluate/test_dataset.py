"""`Dataset`: it is checked as it is made, sampled, and rid of what cannot be measured."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate import Dataset

QUERIES = {f"q{number}": f"Question {number}?" for number in range(20)}
DOCUMENTS = {f"d{number}": f"Answer {number}." for number in range(20)}
JUDGED = {f"q{number}": {f"d{number}": 1, "d0": 0} if number else {"d0": 2} for number in range(20)}


def made(**changes: Any) -> Dataset:
    whole: dict[str, Any] = {"name": "mine", "queries": QUERIES, "judgements": JUDGED, "documents": DOCUMENTS}
    return Dataset(**whole | changes)


def test_its_size_is_shown() -> None:
    assert repr(made()) == "Dataset('mine': 20 queries, 20 documents, 39 judgements)"
    given = made(documents={"d0": "x"}, candidates={"q0": ["d0"]}, quotes={"q0": ["x"]}, judgements={})
    assert repr(given) == "Dataset('mine': 20 queries, 1 document, 0 judgements, 1 quote, with candidates)"
    assert "documents known to a retriever alone" in repr(made(documents={}))


def test_what_is_relevant() -> None:
    assert made().relevant("q3") == {"d3": 1}
    assert made(judgements={}).relevant("q3") == {}


def test_a_sample_is_drawn_by_its_seed_and_keeps_all_documents_and_the_order() -> None:
    whole = made(candidates={"q1": ["d1"]}, quotes={query: ["Answer"] for query in QUERIES}, notes=("read",))
    sample = whole.sampled(5, seed=1)
    assert list(sample.queries) == [query for query in QUERIES if query in sample.queries]
    assert len(sample.queries) == 5
    assert sample.judgements == {query: JUDGED[query] for query in sample.queries}
    assert list(sample.quotes) == list(sample.queries)
    assert sample.documents == DOCUMENTS
    assert sample.candidates == ({"q1": ["d1"]} if "q1" in sample.queries else {})
    assert sample.notes == ("read", "5 of 20 queries, drawn at random with seed 1")
    assert sample == whole.sampled(5, seed=1)
    assert sample.queries != whole.sampled(5, seed=2).queries
    assert whole.sampled(20) is whole
    assert made().sampled(3).candidates is None


@pytest.mark.parametrize(("n", "seed", "told"), [(0, 0, "n must be"), (None, 0, "n must be"), (1, -1, "seed must be")])
def test_a_sample_of_an_odd_size_is_refused(n: Any, seed: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        made().sampled(n, seed)


def test_queries_that_nothing_answers_are_left_out_and_told() -> None:
    judged = {"q0": {"d0": 1}, "q1": {"d0": 0}}
    kept = made(judgements=judged, quotes={"q2": ["Answer 2"]}).answerable()
    assert list(kept.queries) == ["q0", "q2"]
    assert kept.notes == (
        "18 queries without a relevant document left out of the measures: 'q1', 'q3', 'q4', 'q5', 'q6' …",
    )
    whole = made()
    assert whole.answerable() is whole
    with pytest.raises(ConfigurationError, match=r"mine: no query has a relevant document .*label at least one"):
        made(judgements={"q1": {"d0": 0}}).answerable()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "name must be"),
        ({"queries": {}}, "queries is empty"),
        ({"queries": ["What?"]}, "queries must be a mapping from ids to texts, not"),
        ({"queries": {1: "What?"}}, "queries must be a mapping from ids to texts, both str, and has 1"),
        ({"queries": QUERIES | {"q1": " \n"}}, r"queries\['q1'\] has nothing in it"),
        ({"documents": {"d1": None}}, "documents must be a mapping .* 'd1': None"),
        ({"judgements": [("q1", "d1")]}, "judgements must be a mapping"),
        ({"judgements": None}, "judgements must be a mapping"),
        ({"judgements": {"q99": {"d1": 1}}}, "judgements has 'q99', and queries has no such id"),
        ({"judgements": {"q1": ["d1"]}}, r"judgements\['q1'\] must be a mapping"),
        ({"judgements": {"q1": {"d1": 0.5}}}, "'d1': 0.5"),
        ({"judgements": {"q1": {"d1": -1}}}, "at least 0"),
        ({"judgements": {"q1": {"d1": True}}}, "'d1': True"),
        ({"judgements": {"q1": {7: 1}}}, "has 7: 1"),
        ({"candidates": {"q1": "d1"}}, r"candidates\['q1'\] must be a list"),
        ({"candidates": {"q99": []}}, "candidates has 'q99'"),
        ({"candidates": {"q1": ["d1", "d99", ["d2"]]}}, "'d99', .*no text in documents"),
        ({"candidates": {"q1": ["d1", "d2", "d1"]}}, "has 'd1' more than once"),
        ({"quotes": {"q1": "Answer"}}, r"quotes\['q1'\] must be a list"),
        ({"quotes": {"q1": ["Answer", " "]}}, r"quotes\['q1'\] must be a list"),
        ({"quotes": {"q1": [7]}}, r"quotes\['q1'\] must be a list"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        made(**changes)

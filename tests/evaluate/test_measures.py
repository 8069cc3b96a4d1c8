"""Measures are those of trec_eval, on random runs, and figures that others have published come out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import ir_measures
import pytest

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.evaluate import Dataset, evaluate, read_dataset
from rerank_kit.evaluate.measures import MEASURES, check_measures, measured

DATA = Path(os.environ.get("RERANK_KIT_DATA", ""))
needs_data = pytest.mark.skipif(
    "RERANK_KIT_DATA" not in os.environ, reason="RERANK_KIT_DATA names no folder of test collections"
)


@pytest.mark.parametrize("seed", range(20))
def test_measures_of_random_runs_are_those_of_trec_eval(seed: int) -> None:
    random = Random(seed)
    documents = [f"d{number}" for number in range(40)]
    judgements = {
        f"q{number}": {each: random.choice([0, 0, 1, 2, 3]) for each in random.sample(documents, 12)}
        for number in range(15)
    }
    rankings = {query: random.sample(documents, random.randint(0, 40)) for query in judgements}
    found = measured(MEASURES, judgements, rankings)
    run = {query: {each: 1 / (place + 1) for place, each in enumerate(ids)} for query, ids in rankings.items() if ids}
    expected = ir_measures.calc_aggregate([ir_measures.parse_measure(each) for each in MEASURES], judgements, run)
    for measure, value in expected.items():
        values = found[str(measure)]
        assert sum(values.values()) / len(values) == pytest.approx(value, abs=1e-9)


def test_the_ideal_is_over_all_relevant_documents_found_or_not() -> None:
    found = measured(["nDCG@10", "R@50"], {"q": {"a": 1, "b": 1}, "none": {"a": 1}}, {"q": ["a"], "none": []})
    assert found["R@50"] == {"q": 0.5, "none": 0.0}
    assert found["nDCG@10"]["q"] == pytest.approx(1 / (1 + 0.6309), abs=1e-4)


def test_odd_ids_are_measured_as_others_are() -> None:
    odd = ["a\x00b", "\ud800", "", " ", "a b\tc\n", "𝔸" * 5000]
    judgements = {query: {document: 1} for query, document in zip(odd, odd, strict=True)}
    found = measured(
        ["RR@10", "R@50"], judgements, {query: [document] for query, document in zip(odd, odd, strict=True)}
    )
    assert found == {"RR@10": dict.fromkeys(odd, 1.0), "R@50": dict.fromkeys(odd, 1.0)}


@pytest.mark.parametrize("name", ["P@0", "nDCG@0", "RBP", "ERR@10"])
def test_what_cannot_be_computed_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"measures: '{name}' (looks at no document|cannot be computed here)"):
        check_measures([name])


def test_without_what_computes_them_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[eval\]"'):
        evaluate(Dataset("d", {"q": "which?"}, {"q": {"d": 1}}, {"d": "this"}), {"mine": lambda query, texts: [1.0]})


@needs_data
def test_bm25_on_scifact_is_as_others_have_it() -> None:
    found = evaluate(read_dataset(DATA / "scifact"), ["bm25"])
    assert 0.665 <= found["bm25"].mean("nDCG@10") <= 0.69  # 0.665 in BEIR's paper, 0.679 with Anserini's analysis


@needs_data
def test_novelevals_own_candidates_are_reranked_as_measured_before() -> None:
    whole = read_dataset(DATA / "noveleval")
    listed = {query: list(grades) for query, grades in whole.judgements.items()}
    data = Dataset("NovelEval", whole.queries, whole.judgements, whole.documents, listed)
    found = evaluate(data, ["given@20 > onnx:embedded"])
    assert found["given"].mean("nDCG@10") == pytest.approx(0.65, abs=0.005)
    assert found["given@20 > onnx:embedded"].mean("nDCG@10") >= 0.78

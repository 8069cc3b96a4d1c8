"""A graph that does not compute what it should is found out, by a comparison that no length or tie can fool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from tokenizers import Tokenizer

from rerank_kit import ConfigurationError, InvalidResponse
from rerank_kit.export.parity import Report, compare, spearman
from rerank_kit.local.cross_encoder import Pair
from tests.local.tiny_models import WORDS, TinyModel, bert_like

QUERIES = [[(query, f"{word} {query}") for word in WORDS] for query in ("query apple", "fig")]


def own_logits(tiny: TinyModel) -> Callable[[Sequence[Pair]], list[float]]:
    tokenizer = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    tokenizer.no_padding()

    def logits(pairs: Sequence[Pair]) -> list[float]:
        encoded = [tokenizer.encode(*pair) for pair in pairs]
        return [float(tiny.logits(each.ids, each.type_ids)[0]) for each in encoded]

    return logits


def broken(folder: Path, change: Callable[[Any], Any]) -> str:
    """A graph whose head is not what it was."""
    model = onnx.load(folder / "model.onnx")
    head = next(each for each in model.graph.initializer if each.name == "head")
    head.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(head)), "head"))
    onnx.save(model, folder / "broken.onnx")
    return "broken.onnx"


def test_a_graph_that_computes_what_it_should_passes(tmp_path: Path) -> None:
    tiny = bert_like(tmp_path)
    (parity,) = compare(tmp_path, ["model.onnx"], QUERIES, own_logits(tiny))
    assert parity.logit_difference < 1e-5
    assert parity.score_difference < 1e-5
    assert parity.rank_correlation == pytest.approx(1.0)
    assert (parity.file, parity.pairs, parity.bytes) == ("model.onnx", 20, (tmp_path / "model.onnx").stat().st_size)
    parity.refuse_difference(1e-3)
    parity.refuse_correlation(0.95)


def test_a_broken_graph_is_refused_with_its_figures(tmp_path: Path) -> None:
    tiny = bert_like(tmp_path)
    good, bad = compare(tmp_path, ["model.onnx", broken(tmp_path, lambda head: -head)], QUERIES, own_logits(tiny))
    assert good.logit_difference < 1e-5
    assert bad.rank_correlation == pytest.approx(-1.0)
    with pytest.raises(ConfigurationError, match=r"broken\.onnx does not compute.* differs by [\d.]+, more than"):
        bad.refuse_difference(1e-3)
    with pytest.raises(
        ConfigurationError, match=r"broken\.onnx ranks unlike torch: .* -1\.000, below min_correlation=0\.95"
    ):
        bad.refuse_correlation(0.95)


def test_scores_that_are_not_finite_are_never_compared(tmp_path: Path) -> None:
    tiny = bert_like(tmp_path)
    with pytest.raises(ConfigurationError, match="nan"):
        compare(tmp_path, [broken(tmp_path, lambda head: head * np.float32("nan"))], QUERIES, own_logits(tiny))
    with pytest.raises(InvalidResponse, match="inf"):
        compare(tmp_path, ["model.onnx"], QUERIES, lambda pairs: [float("inf")] * len(pairs))


def test_what_differs_only_at_the_extremes_is_found_and_is_no_ranking(tmp_path: Path) -> None:
    logits = own_logits(bert_like(tmp_path))

    def other(pairs: Sequence[Pair]) -> list[float]:
        return [logit + (len(text) > 200) for logit, (_, text) in zip(logits(pairs), pairs, strict=True)]

    (alike,) = compare(tmp_path, ["model.onnx"], QUERIES, other)
    (unlike,) = compare(tmp_path, ["model.onnx"], QUERIES, other, [("fig", "apple " * 50)])
    assert alike.logit_difference < 1e-4
    assert unlike.logit_difference == pytest.approx(1, abs=1e-4)
    assert unlike.pairs == alike.pairs + 1
    assert unlike.rank_correlation == alike.rank_correlation


def test_each_query_is_ranked_by_itself(tmp_path: Path) -> None:
    tiny = bert_like(tmp_path)
    logits = own_logits(tiny)

    def shifted(pairs: Sequence[Pair]) -> list[float]:
        return [logit + len(query) for logit, (query, _) in zip(logits(pairs), pairs, strict=True)]

    (parity,) = compare(tmp_path, ["model.onnx"], QUERIES, shifted)
    assert parity.rank_correlation == pytest.approx(1.0)


def test_the_report_is_a_table_of_files(tmp_path: Path) -> None:
    files = compare(tmp_path, ["model.onnx"], QUERIES, own_logits(bert_like(tmp_path)))
    heading, names, row = str(Report("owner/name", None, "a book", {"torch": "2.0"}, files)).splitlines()
    assert heading.startswith("owner/name, compared with torch 2.0 on 20 pairs from a book")
    assert names.split() == ["file", "MB", "logit", "score", "ranks"]
    assert row.split()[0] == "model.onnx"
    assert row.split()[-1] == "1.0000"


@settings(deadline=None)  # scipy takes its time to load
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1e9, 1e9)), min_size=2, max_size=30))
def test_the_rank_correlation_is_spearmans(both: list[tuple[int, float]]) -> None:
    stats: Any = pytest.importorskip("scipy.stats")
    one, other = zip(*both, strict=True)
    if len(set(one)) > 1 and len(set(other)) > 1:
        expected: Any = stats.spearmanr(one, other)
        assert spearman(one, other) == pytest.approx(expected.statistic)


@pytest.mark.parametrize(
    ("one", "other", "expected"), [([1, 1], [2, 2], 1), ([1, 1], [1, 2], 0), ([1, 2], [3, 3], 0), ([4], [5], 1)]
)
def test_things_without_order_are_alike_only_to_each_other(one: list[float], other: list[float], expected: int) -> None:
    assert spearman(one, other) == expected

"""Stage by stage: what each adds, and for what price."""

from __future__ import annotations

import numpy as np
import pytest

from rerank_kit.evaluate.earning import UpTo, earns
from rerank_kit.evaluate.verdicts import more_queries
from tests.evaluate.planted import NOISE, by_query

BM25 = UpTo("bm25", by_query(np.full(100, 0.5)), seconds=0.01, dollars=0.0)


def up_to(name: str, mean: float, seconds: float | None = None, dollars: float | None = None) -> UpTo:
    return UpTo(name, by_query(mean + NOISE), seconds, dollars)


def test_a_stage_that_adds_something_says_how_much_and_for_what() -> None:
    model, judge = up_to("model", 0.6, 0.21, 0.0), up_to("judge", 0.65, 2.21, 3.1)
    first, second = earns([BM25, model, judge])
    assert (first.stage, first.after, first.verdict, first.dollars) == ("model", "bm25", "better", 0)
    assert first.seconds == pytest.approx(0.2)
    assert first.text.startswith("model adds to bm25: nDCG@10 +0.100 (0.")
    assert first.text.endswith("), for 0.2 s more per query and $0.00 more per 1,000 queries")
    assert (second.stage, second.after, second.verdict) == ("judge", "model", "better")
    assert second.text == (
        "judge adds to model: nDCG@10 +0.050 (0.050 to 0.050), for 2 s more per query and $3.10 more per 1,000 queries"
    )


def test_a_stage_that_adds_nothing_does_not_earn_its_cost() -> None:
    (equal,) = earns([up_to("model", 0.5, 0.2, 0.0), up_to("judge", 0.5, 1.2, 3.1)], measure="RR@10")
    assert equal.text == (
        "judge does not earn its cost: it equals model within 0.01: RR@10 +0.000 (0.000 to 0.000), "
        "for 1 s more per query and $3.10 more per 1,000 queries"
    )
    (worse,) = earns([BM25, up_to("model", 0.4)])
    assert worse.verdict == "worse"
    assert worse.text.startswith("model does not earn its cost: it makes bm25 worse: nDCG@10 -0.100 (-0.")
    assert worse.text.endswith("), for an unknown time and an unknown price")
    assert (worse.seconds, worse.dollars) == (None, None)


def test_what_costs_nothing_has_nothing_to_earn() -> None:
    (equal,) = earns([up_to("model", 0.5, 0.2, 3.0), up_to("rules", 0.5, 0.2, 2.5)])
    assert equal.text.startswith("rules equals model within 0.01: ")
    assert equal.text.endswith("for 0 s more per query and $0.50 less per 1,000 queries")
    (unknown,) = earns([up_to("model", 0.5, 0.2), up_to("rules", 0.5, 0.2)])
    assert unknown.text.startswith("rules does not earn its cost: ")


def test_a_stage_of_which_too_little_is_known_says_what_would_tell() -> None:
    (unsure,) = earns([BM25, UpTo("model", by_query(0.503 + 2 * NOISE), 0.11)])
    assert unsure.text.startswith("whether model adds to bm25 is inconclusive: nDCG@10 +0.003 (-0.0")
    assert "for 0.1 s more per query and an unknown price; about " in unsure.text
    assert unsure.text.endswith(" more queries would tell")


def test_stages_are_adjusted_for_as_many_as_there_are() -> None:
    edge = up_to("model", 0.5 + 2.2 * NOISE.std() / 10)
    (alone,) = earns([BM25, edge], margin=0)
    assert alone.verdict == "better"
    same = [UpTo(f"same {place}", edge.values) for place in range(6)]
    found, *others = earns([BM25, edge, *same], margin=0)
    assert (found.verdict, {each.verdict for each in others}) == ("inconclusive", {"equal"})
    more = more_queries(found.comparison, 1.0, among=7)
    assert more != more_queries(found.comparison, 1.0)
    assert found.text.endswith(
        f"one such difference among 7 comparisons can be chance, about {more} more queries would tell"
    )


def test_one_stage_alone_has_nothing_to_add_to() -> None:
    assert earns([BM25]) == []
    assert earns([]) == []

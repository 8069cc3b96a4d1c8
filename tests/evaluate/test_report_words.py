"""What a report says in words: the answer in one sentence, and what each column means."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit.evaluate.measures import MEASURES
from rerank_kit.evaluate.report import as_html, as_markdown, as_text
from rerank_kit.evaluate.report.answer import answer
from rerank_kit.evaluate.report.columns import explained
from rerank_kit.evaluate.report.table import table
from tests.evaluate.reported import reported

HIGHER = "nDCG@10 0.643 instead of 0.500"
UNSURE = f"Not known yet: 6 queries do not tell whether reranker 0 is better than bm25 alone ({HIGHER})"


def judged(*verdicts: str, **changed: Any) -> dict[str, Any]:
    """An evaluation of rerankers with these verdicts, each with a higher measure than the one before it."""
    given = reported(names=["bm25", *(f"reranker {place}" for place in range(len(verdicts)))])
    for each, verdict in zip(given["comparisons"], verdicts, strict=True):
        each |= {"verdict": verdict, **changed}
    return given


def test_the_best_reranker_that_is_surely_better_is_the_answer_with_what_it_takes() -> None:
    told = f"Yes: reranker 0 is better than bm25 alone: {HIGHER}"
    dear = ", for 2.01 s instead of 12.3 ms a query and $0.0012 per 1,000 queries"
    assert answer(judged("better", "inconclusive")) == told + dear
    given = judged("better")
    given["systems"][1] |= {"seconds": None, "cost_per_1000": 0.0}
    assert answer(given) == told


@pytest.mark.parametrize(
    ("verdict", "more", "told"),
    [
        ("worse", None, f"No: reranker 0, the best reranker, is worse than bm25 alone: {HIGHER}"),
        (
            "equal",
            None,
            f"No: reranker 0 and bm25 alone are equal ({HIGHER}): keep the cheaper one",
        ),
        (
            "inconclusive",
            1200,
            f"{UNSURE}; about 1,200 more would",
        ),
        (
            "inconclusive",
            None,
            UNSURE,
        ),
    ],
)
def test_without_one_that_is_surely_better_the_answer_says_why(verdict: str, more: int | None, told: str) -> None:
    assert answer(judged(verdict, more_queries=more)) == told


def test_a_first_stage_that_is_ahead_alone_is_the_answer() -> None:
    given = judged("better", "better")
    given["systems"][2] |= {"name": "dense", "first_stage": None}
    del given["comparisons"][1]
    assert answer(given) == "No: dense alone is ahead of reranker 0, the best reranker: nDCG@10 0.786 instead of 0.643"


def test_where_no_reranker_was_compared_the_highest_is_named() -> None:
    assert answer({**reported(), "comparisons": []}) == "two has the highest nDCG@10, 0.786"
    assert answer(reported(names=["bm25"])) is None


def test_the_answer_comes_first_in_every_form() -> None:
    given = judged("better")
    told = answer(given)
    assert told is not None
    text = as_text(given, 400)
    assert text.index(told) < text.index("Verdicts:")
    assert "**In short**" in as_markdown(given)
    assert as_html(given).count('<p class="answer">') == 1
    assert '<p class="answer">' not in as_html(reported(names=["bm25"]))


def test_every_column_is_explained_on_the_page() -> None:
    given = reported()
    page = as_html(given)
    for column in table(given).header:
        assert page.count(f"<dt>{column}</dt><dd>{explained(column)}".replace("'", "&#x27;")) == 1
    assert "how well the best 10 are ordered" in page


@pytest.mark.parametrize("measure", MEASURES)
def test_measures_are_explained_with_their_depth(measure: str) -> None:
    assert f"best {measure.partition('@')[2]}" in explained(measure)


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("MRR@3", "not among the best 3"),
        ("P(rel=2)@5", "never above 1/5"),
        ("AP@100", "up to place 100"),
        ("ERR@20", "a measure of ir-measures"),
        ("Bpref", "a measure of ir-measures"),
    ],
)
def test_other_names_and_measures_are_told(measure: str, told: str) -> None:
    assert told in explained(measure)

"""What a decision model says of each document by itself comes from the store as it came from the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import BackendError, Cached, ConfigurationError, Hit, Ranking, Reranker, Store
from rerank_kit.decide import DecisionReranker
from rerank_kit.decide.ways import Ask
from tests.conftest import Colour
from tests.decide.doubles import DOCUMENTS, QUERY, Change, Scripted, failing, without
from tests.doubles import Answering

UNKNOWN = "REFUSED"
TEXTS = [*DOCUMENTS, f"{UNKNOWN} cat", f"{UNKNOWN} dog"]


def one_by_one(change: Change | None = None, **settings: Any) -> DecisionReranker:
    return DecisionReranker(Scripted(change=change), pairwise=True, **settings)


def cached(reranker: Reranker, store: Store | None = None) -> Cached:
    return Cached(reranker, store, fingerprint="one by one")


@pytest.mark.parametrize("ask", ["score", "yes-no"])
def test_verdicts_probabilities_and_how_likely_it_is_that_any_answers_are_kept(
    ask: Ask, store: Store, colour: Colour
) -> None:
    inner = one_by_one(ask=ask)
    plain = inner.rerank(QUERY, DOCUMENTS)
    assert plain.answerable == 1.0
    for from_store in (0, 4):
        ranking = colour(cached(inner, store), "rerank", QUERY, DOCUMENTS)
        assert (ranking.hits, ranking.answerable) == (plain.hits, plain.answerable)
        assert ranking.usage.cached == from_store
    weak = colour(cached(inner, store), "rerank", QUERY, DOCUMENTS[2:])
    assert (weak.answerable, weak.usage.cached) == (0.5, 2)


def test_what_could_not_be_judged_comes_last_and_is_asked_about_again(store: Store, colour: Colour) -> None:
    for change in (without(UNKNOWN), failing(UNKNOWN, BackendError("down"))):
        inner = one_by_one(change)
        for _ in range(2):
            ranking = colour(cached(inner, store), "rerank", QUERY, [TEXTS[4], *DOCUMENTS[2:]])
            plain = inner.rerank(QUERY, [TEXTS[4], *DOCUMENTS[2:]])
            assert (ranking.hits, ranking.answerable) == (plain.hits, None)
            assert [hit.verdict for hit in ranking] == ["2", "0", "unjudged"]
            assert (ranking.degraded, ranking.usage.unjudged, ranking.usage.cached) == (True, 1, 0)


@given(st.lists(st.sampled_from(TEXTS), max_size=4), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6))
def test_whatever_is_in_the_store_a_ranking_says_what_the_plain_one_says(before: list[str], texts: list[str]) -> None:
    inner = one_by_one(without(UNKNOWN))
    keeping = cached(inner)
    keeping.rerank(QUERY, before)
    ranking, plain = keeping.rerank(QUERY, texts), inner.rerank(QUERY, texts)
    assert (ranking.hits, ranking.answerable, ranking.degraded) == (plain.hits, plain.answerable, plain.degraded)


def test_an_answer_for_all_that_is_no_ones_score_is_not_taken_for_one(colour: Colour) -> None:
    own = Answering(Ranking((Hit(0, 0.9), Hit(1, 0.1)), answerable=0.4))
    assert colour(cached(own), "rerank", QUERY, DOCUMENTS[:2]).answerable is None


def test_a_verdict_unjudged_is_not_kept_whatever_else_is_said(colour: Colour) -> None:
    keeping = cached(Answering(Ranking((Hit(0, 0.9, verdict="yes"), Hit(1, 0.0, verdict="unjudged")))))
    colour(keeping, "rerank", QUERY, DOCUMENTS[:2])
    assert len(keeping.store) == 1  # type: ignore[arg-type]


def test_a_reranker_that_says_nothing_where_nothing_answers_is_refused_with_why() -> None:
    keeping = cached(one_by_one(min_answerable=0.9))
    with pytest.raises(ConfigurationError, match="0 of 1 documents \\(probably no document answers: 0 is below"):
        keeping.rerank(QUERY, DOCUMENTS[2:3])
    with pytest.raises(ConfigurationError, match="or leaves documents out, such as by min_answerable="):
        Cached(one_by_one(min_answerable=0.9))

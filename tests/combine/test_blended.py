"""A reranker's scores mixed with the first stage's: plain settings, a pure function, and nothing lost."""

from __future__ import annotations

import copy
import math
import pickle
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Blended, Cascade, ConfigurationError, Document, Hit, InvalidResponse, Ranking, Rules, Stage
from rerank_kit.combine import Blend, blend
from rerank_kit.combine.blending import BLENDS
from tests.conftest import Colour
from tests.doubles import Answering, Scripted

LOW = {"text 0.1": 3.0, "text 0.4": 2.0, "text 0.3": 1.0}
"""Texts that the reranker finds bad, each with the first stage's score."""


def documents(texts: dict[str, Any]) -> list[Document]:
    return [Document(text, score=score) for text, score in texts.items()]


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]


def test_both_sides_count_as_much_as_their_weights_say() -> None:
    mixed: Any = blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], weight=0.5, only_below=None)
    assert mixed.parts == ((0.0, 1.0), (1.0, 0.5), (pytest.approx(2 / 3), 0.0))
    assert mixed.order == (1, 0, 2)
    assert mixed.scores == (pytest.approx(0.1 + 0.3 * (0.5 - 1 / 3) / (0.75 - 1 / 3)), 0.4, 0.1)
    assert mixed.mixed


def test_z_scores_are_of_the_candidates() -> None:
    mixed = blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], weight=0.5, by="z-score", only_below=None)
    own, first = zip(*mixed.parts, strict=True)
    for side in (own, first):
        assert math.fsum(side) == pytest.approx(0)
        assert math.fsum(each**2 for each in side) == pytest.approx(3)
    assert first[0] == pytest.approx(math.sqrt(1.5))


@pytest.mark.parametrize("by", ["logit-min-max", "logit-z-score"])
def test_logits_are_the_models_own_or_the_log_odds_of_scores(by: Any) -> None:
    odds = [math.log(each / (1 - each)) for each in (0.1, 0.4, 0.3)]
    told = blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], odds, by=by)
    for missing in (None, [None, *odds[1:]], [math.nan, *odds[1:]]):
        assert blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], missing, by=by).parts == told.parts
    assert told.parts != blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], by="min-max").parts
    assert blend([2.0, 1.0], [0.0, 1.0], by=by, only_below=None).order == (1, 0)


def test_scores_that_are_none_from_0_to_1_are_logits_already() -> None:
    raw = blend([3.0, 2.0, 1.0], [-7.0, 2.0, 1.0], by="logit-min-max", only_below=None)
    assert raw.parts == blend([3.0, 2.0, 1.0], [-7.0, 2.0, 1.0], by="min-max", only_below=None).parts


def test_ranks_are_fused_by_place_and_equal_scores_share_one() -> None:
    mixed: Any = blend([None] * 3, [0.2, 0.2, 0.1], by="rank", rrf_k=0, weight=0.25)
    assert mixed.parts == ((1.0, 1.0), (1.0, 0.5), (pytest.approx(1 / 3), pytest.approx(1 / 3)))
    assert mixed.order == (0, 1, 2)


def test_it_mixes_only_where_no_score_reaches_the_gate() -> None:
    assert blend([2.0, 1.0], [0.1, 0.5], weight=0) == Blend((1, 0), (0.1, 0.5))
    assert blend([2.0, 1.0], [0.1, 0.49], weight=0).order == (0, 1)
    assert blend([2.0, 1.0], [0.1, 0.5], weight=0, only_below=0.6).order == (0, 1)
    assert blend([2.0, 1.0], [0.1, 9.0], weight=0, only_below=None).order == (0, 1)


@pytest.mark.parametrize("by", BLENDS)
def test_a_weight_of_one_is_the_reranker_and_of_none_the_first_stage(by: Any) -> None:
    scores = [0.1, 0.3, 0.3, 0.2]
    assert blend([4.0, 3.0, 2.0, 1.0], scores, by=by, weight=1, only_below=None).order == (1, 2, 3, 0)
    assert blend([4.0, 3.0, 2.0, 1.0], scores, by=by, weight=0, only_below=None).order == (0, 1, 2, 3)


def test_what_logits_tell_apart_stays_apart() -> None:
    for gate in (0.5, None):
        assert blend([1.0, 1.0], [1.0, 1.0], [20.0, 21.0], only_below=gate).order == (1, 0)


@pytest.mark.parametrize("first", [[None] * 3, [math.nan] * 3, [0.1, 0.2, 0.3], ["high"] * 3], ids=str)
def test_places_stand_for_scores_that_say_nothing_or_are_distances(first: Any) -> None:
    assert blend(first, [0.1, 0.1, 0.4], weight=0.1).parts == ((0.0, 1.0), (0.0, 0.5), (1.0, 0.0))


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, True])
def test_a_candidate_without_a_score_counts_as_the_lowest(missing: Any) -> None:
    given: list[Any] = [3.0, missing, np.float32(1.0)]
    assert [first for _, first in blend(given, [0.1, 0.2, 0.3]).parts] == [1.0, 0.0, 0.0]


def test_equal_candidates_keep_the_order_they_came_in() -> None:
    for by in BLENDS:
        assert blend([1.0, 1.0, 1.0], [0.2, 0.2, 0.2], by=by).order == (0, 1, 2)
    assert set(blend([1.0, 1.0], [0.2, 0.2]).scores) == {0.2}
    assert blend([2.0, 1.0], [0.1, 0.2], weight=0.5).order == (1, 0)  # equal in all: the reranker decides


def test_none_and_one_are_fine() -> None:
    assert blend([], []) == Blend((), ())
    for by in BLENDS:
        assert blend([7.0], [0.2], by=by).scores == (0.2,)


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats()), numbers, st.one_of(st.none(), numbers)), max_size=6),
    st.floats(0, 1),
    st.sampled_from(BLENDS),
    st.sampled_from([None, 0.5]),
)
def test_any_scores_make_an_order_on_the_rerankers_scale(
    candidates: list[Any], weight: float, by: Any, only_below: float | None
) -> None:
    first, scores, logits = ([each[side] for each in candidates] for side in range(3))
    mixed = blend(first, scores, logits, weight=weight, by=by, only_below=only_below)
    assert sorted(mixed.order) == list(range(len(candidates)))
    ordered = [mixed.scores[place] for place in mixed.order]
    assert ordered == sorted(ordered, reverse=True)
    assert all(min(scores) <= each <= max(scores) for each in ordered)
    assert len(mixed.parts) == (len(candidates) if mixed.mixed else 0)


def test_what_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="finite"):
        blend([1.0], [math.nan])
    with pytest.raises(ConfigurationError, match=r"(?m)of one length, not 1, 2$"):
        blend([1.0], [0.1, 0.2])
    with pytest.raises(ConfigurationError, match=r"(?m)of one length, not 1, 1 and 2$"):
        blend([1.0], [0.1], [0.1, 0.2])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"weight": 1.1}, "weight must be a number from 0 to 1"),
        ({"weight": None}, "weight must be"),
        ({"by": "minmax"}, "did you mean 'min-max'"),
        ({"only_below": math.nan}, "only_below must be a score"),
        ({"rrf_k": -1}, "rrf_k must be"),
    ],
)
def test_wrong_settings_are_refused_by_both(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Blended(Scripted(), **wrong)
    with pytest.raises(ConfigurationError, match=told):
        blend([1.0], [0.1], **wrong)


def test_it_ranks_as_the_function_says_and_tells_both_parts(colour: Colour) -> None:
    ranking = colour(Blended(Scripted(), weight=0.25), "rerank", "query", documents(LOW))
    mixed = blend([3.0, 2.0, 1.0], [0.1, 0.4, 0.3], weight=0.25)
    assert indices(ranking) == list(mixed.order) == [0, 1, 2]
    assert [hit.score for hit in ranking] == [mixed.scores[place] for place in mixed.order]
    assert ranking[0].why == ("0.25 x 0 by the reranker (score 0.1) + 0.75 x 1 by the first stage (score 3, place 1)")
    assert "by the first stage (score 2, place 2)" in ranking.explain(documents(LOW)).to_html()
    assert [span.backend for span in ranking.spans] == ["Scripted", "Blended"]


def test_where_the_gate_is_shut_the_ranking_is_the_rerankers(colour: Colour) -> None:
    found = documents({"text 0.1": 3.0, "text 0.9": 2.0})
    ranking = colour(Blended(Scripted(), weight=0), "rerank", "query", found)
    assert ranking.hits == Scripted().rerank("query", found).hits


def test_documents_without_scores_are_mixed_by_their_places(colour: Colour) -> None:
    ranking = colour(Blended(Scripted(), weight=0.1), "rerank", "query", list(LOW))
    assert indices(ranking) == [0, 1, 2]
    assert str(ranking[0].why).endswith("by the first stage (no score, place 1)")


def test_documents_without_text_or_verdict_stay_last(colour: Colour) -> None:
    found = [Document("", score=9.0), *documents(LOW)]
    ranking = colour(Blended(Scripted(), weight=0), "rerank", "query", found)
    assert indices(ranking) == [1, 2, 3, 0]
    assert len(colour(Blended(Scripted()), "rerank", "query", found, threshold=-1)) == 3
    unjudged = Ranking((Hit(1, 0.4, "because"), Hit(2, 0.2), Hit(0, 0.0, verdict="unjudged")))
    answer = colour(Blended(Answering(unjudged), weight=0), "rerank", "query", found[1:])
    assert indices(answer) == [1, 2, 0]
    assert str(answer[0].why).startswith("because; 0 x 1 by the reranker")


def test_nothing_ranked_stays_so(colour: Colour) -> None:
    failed = Ranking((Hit(0, 0.0), Hit(1, 0.0)), failure="nobody answered")
    assert colour(Blended(Answering(failed)), "rerank", "query", ["a", "b"]).failure == "nobody answered"
    abstained = Ranking((), abstained=True)
    assert colour(Blended(Answering(abstained)), "rerank", "query", ["a", "b"]).abstained
    assert len(colour(Blended(Scripted()), "rerank", "query", [])) == 0
    assert indices(colour(Blended(Scripted()), "rerank", "query", ["text 0.1"])) == [0]


def test_the_first_stage_may_be_a_stage_before(colour: Colour) -> None:
    first = Scripted(lambda text: -float(text.split()[-1]), model="first")
    cascade = Cascade(Stage(first, top_n=2), Blended(Scripted(), weight=0))
    assert indices(colour(cascade, "rerank", "query", list(LOW))) == [0, 2]


def test_it_stands_for_the_reranker_inside() -> None:
    blended = Blended(Scripted(), weight=1, only_below=None)
    assert (blended.model, blended.pointwise, blended.fingerprint) == ("scripted", False, None)
    assert (blended.scores_blanks, blended.reads_metadata) == (False, False)
    assert Blended(Rules()).reads_metadata is Rules().reads_metadata
    assert Blended(Rules()).scores_blanks is Rules().scores_blanks
    assert repr(blended) == f"Blended({Scripted()!r}, weight=1, by='min-max', only_below=None)"
    for again in (copy.copy(blended), copy.deepcopy(blended), pickle.loads(pickle.dumps(Blended(Rules(), rrf_k=3)))):
        assert isinstance(again, Blended)
        assert again.only_below == (None if again.rrf_k == 60 else 0.5)
    with pytest.raises(ConfigurationError, match="weight is fixed when it is made"):
        blended.weight = 0.5
    wrong: Any = "scripted"
    with pytest.raises(ConfigurationError, match=r"reranker must be a rerank_kit\.Reranker"):
        Blended(wrong)


def test_settings_can_be_swept_on_kept_scores() -> None:
    kept = [
        (document.score, hit.score)
        for document, hit in zip(
            documents(LOW), sorted(Scripted().rerank("query", documents(LOW)), key=lambda hit: hit.index), strict=True
        )
    ]
    first, scores = [each for each, _ in kept], [each for _, each in kept]
    for weight, by, gate in product((0.0, 0.5, 1.0), BLENDS, (None, 0.2, 0.5)):
        ranking = Blended(Scripted(), weight=weight, by=by, only_below=gate).rerank("query", documents(LOW))
        assert indices(ranking) == list(blend(first, scores, weight=weight, by=by, only_below=gate).order)

"""What holds of every combination of rerankers, whatever the documents."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import (
    Blended,
    Cached,
    Cascade,
    ConnectionFailed,
    Document,
    Fallback,
    Hedged,
    Ranking,
    Reranker,
    Rules,
    Stage,
)
from rerank_kit.combine.blending import BLENDS
from rerank_kit.rules import Missing, at_most, boost, contains, equals, near, newer, one_of, rrf, tier, weighted
from tests.doubles import Failing, Scripted


def paid(query: str, document: Document) -> Any:
    """A rule of a user's own, which takes metadata for granted."""
    return document.metadata["pay"]


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["2026-11-24T10:00:00+01:00", "2026-11-24", "London", "ML Engineer", "12", "nan", "1e999"]),
    st.dates(),
    st.datetimes(),
    st.lists(st.sampled_from(["London", "Remote", 3, None]), max_size=2),
    st.dictionaries(st.sampled_from(["name"]), st.integers(), max_size=1),
    st.binary(max_size=3),
)
metadata = st.dictionaries(st.sampled_from(["title", "posted", "place", "pay", "company"]), odd, max_size=5)
documents = st.lists(
    st.builds(
        Document,
        st.sampled_from(["", " ", "text -1", "text 0", "text 1", "text 2"]),
        metadata,
        st.one_of(st.none(), st.floats()),
    ),
    max_size=10,
)

policies: list[Missing] = ["last", "first", "drop"]
policy = st.sampled_from(policies)
conditions = st.one_of(
    st.builds(contains, st.just("title"), st.just(("ML Engineer", "Intern")), missing=policy),
    st.builds(equals, st.just("place"), st.sampled_from(["London", 3, True]), missing=policy),
    st.builds(one_of, st.just("company"), st.just(("London", 12)), missing=policy),
    st.builds(newer, st.just("posted"), within=st.just("24h"), missing=policy),
    st.builds(near, st.just("pay"), st.integers(-5, 5), within=st.just(3), missing=policy),
)
preferences = st.one_of(
    conditions,
    st.builds(newer, st.just("posted"), half_life=st.just("7d"), missing=policy),
    st.builds(near, st.just("pay"), st.integers(-5, 5), half=st.just(3), missing=policy),
    st.builds(boost, st.sampled_from(["pay", "score"]), missing=policy),
    st.just(paid),
)
few = st.lists(conditions, max_size=2)


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    """Any rules, with any mixture of everything they have."""
    prefer: list[Any] = draw(st.lists(preferences, max_size=3))
    whens = draw(few)
    return Rules(
        tiers=[tier(f"tier {place}", when=when) for place, when in enumerate(whens)],
        prefer=prefer,
        weights=draw(st.sampled_from([None, [1.0, 2.5, 100.0][: len(prefer)]])),
        require=draw(few),
        exclude=draw(few),
        without_tier=draw(policy),
        per_tier=draw(st.sampled_from([None, 1, 3])),
        at_most=[at_most(1, by="company")] if draw(st.booleans()) else [],
        blend=draw(st.one_of(st.none(), st.builds(rrf, missing=policy), st.builds(weighted, missing=policy))),
        now=draw(st.datetimes()),
    )


models = st.builds(
    Scripted, st.sampled_from([lambda text: float(text[-1]), lambda text: -float(text[-1]), lambda text: 0.5])
)
stages = st.builds(
    Stage,
    st.one_of(models, rules()),
    top_n=st.sampled_from([None, 1, 3]),
    threshold=st.sampled_from([None, 0.0, 1.0]),
    when=st.sampled_from([None, lambda query, ranking: len(ranking) > 2]),
)
everything = st.recursive(
    st.one_of(models, rules(), models.map(lambda model: Cached(model, fingerprint="x"))),
    lambda inner: st.one_of(
        st.builds(
            lambda stages, keep: Cascade(*stages, keep_rest=keep),
            st.lists(st.one_of(stages, inner), min_size=1, max_size=3),
            st.booleans(),
        ),
        inner.map(lambda each: Fallback(Failing(ConnectionFailed("down")), each)),
        inner.map(lambda each: Hedged(each, after=60)),
        st.builds(Blended, inner, by=st.sampled_from(BLENDS), only_below=st.sampled_from([None, 0.5])),
    ),
    max_leaves=4,
)


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]


@settings(deadline=None, max_examples=150)
@given(everything, documents, st.sampled_from([None, 1, 4]))
def test_hits_are_unique_in_range_finite_and_best_first(
    reranker: Reranker, documents: list[Document], top_n: int | None
) -> None:
    ranking = reranker.rerank("query", documents, top_n=top_n)
    assert len(set(indices(ranking))) == len(ranking) <= (len(documents) if top_n is None else top_n)
    assert set(indices(ranking)) <= set(range(len(documents)))
    assert all(type(hit.score) is float and math.isfinite(hit.score) for hit in ranking)
    told = ranking.explain(documents)
    assert (len(told.rows), len(told.dropped)) == (len(ranking), len(documents) - len(ranking))


@settings(deadline=None, max_examples=60)
@given(everything, documents)
def test_equal_input_gives_equal_output_and_stays_as_it_is(reranker: Reranker, documents: list[Document]) -> None:
    before = repr(documents)
    first, second = (reranker.rerank("query", documents) for _ in range(2))
    assert first.hits == second.hits
    assert repr(documents) == before


@settings(deadline=None, max_examples=60)
@given(everything, documents, st.sampled_from([None, 0.0, 0.5]))
def test_what_only_passes_on_ranks_as_what_is_inside(
    reranker: Reranker, documents: list[Document], threshold: float | None
) -> None:
    plain = reranker.rerank("query", documents, threshold=threshold).hits
    assert Hedged(reranker, after=60).rerank("query", documents, threshold=threshold).hits == plain
    fallback = Fallback(reranker, Failing(ConnectionFailed("never asked")))
    assert fallback.rerank("query", documents).hits == reranker.rerank("query", documents).hits


@settings(deadline=None, max_examples=100)
@given(st.lists(stages, min_size=1, max_size=4), documents)
def test_keeping_the_rest_is_a_permutation_with_scores_in_order(stages: list[Stage], documents: list[Document]) -> None:
    kept = Cascade(*stages, keep_rest=True).rerank("query", documents)
    cut = Cascade(*stages).rerank("query", documents)
    assert sorted(indices(kept)) == list(range(len(documents)))
    assert kept.hits[: len(cut)] == cut.hits
    rest = [hit.score for hit in kept.hits[max(0, len(cut) - 1) :]]
    assert rest == sorted(rest, reverse=True)


@settings(deadline=None, max_examples=100)
@given(st.lists(stages, min_size=1, max_size=3), st.lists(stages, min_size=1, max_size=3), documents)
def test_a_cascade_of_two_cascades_is_the_flat_one(
    first: list[Stage], second: list[Stage], documents: list[Document]
) -> None:
    nested = Cascade(Cascade(*first), Cascade(*second)).rerank("query", documents)
    flat = Cascade(*first, *second).rerank("query", documents)
    assert nested.hits == flat.hits
    assert nested.usage == flat.usage


@settings(deadline=None, max_examples=150)
@given(rules(), documents)
def test_rules_leave_out_only_what_they_say_why_of(rules: Rules, documents: list[Document]) -> None:
    ranking, left_out = rules.rerank("query", documents), rules.left_out("query", documents)
    assert sorted([*indices(ranking), *left_out]) == list(range(len(documents)))
    assert all(left_out.values())
    scores = [hit.score for hit in ranking]
    assert scores == sorted(scores, reverse=True)


@settings(deadline=None, max_examples=60)
@given(documents, st.lists(preferences.filter(lambda rule: getattr(rule, "missing", "") != "drop"), max_size=3))
def test_preferences_alone_lose_nothing(documents: list[Document], prefer: list[Any]) -> None:
    assert sorted(indices(Rules(prefer=prefer).rerank("query", documents))) == list(range(len(documents)))

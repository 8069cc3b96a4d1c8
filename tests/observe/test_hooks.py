"""Spans form a tree, cost is known or not, and a watcher stands around every part of a ranking."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rerank_kit import Cached, Cascade, Ranking, Span, Stage, Usage
from rerank_kit.flow import Flow
from rerank_kit.observe.watching import Part, watching
from rerank_kit.values import outermost, total_cost
from tests.conftest import Colour
from tests.doubles import Failing, Scripted

DOCUMENTS = ["a 1", "b 2", "c 3"]


@dataclass
class Priced(Scripted):
    """Costs a cent for a pair."""

    def cost(self, usage: Usage) -> float | None:
        return 0.01 * usage.pairs


def span(name: str, *inner: Span) -> Span:
    return Span(name, None, 1, 1, 0.0, inner=inner)


def test_spans_in_a_row_say_which_are_inside_which() -> None:
    a, b, d = span("a"), span("b"), span("d")
    c = span("c", a, b)
    assert outermost([a, b, c, d]) == (c, d)
    whole = span("e", a, b, c, d)
    assert whole.children == (c, d)
    assert c.children == (a, b)
    assert a.children == ()


def test_a_sum_of_costs_is_known_only_when_each_is() -> None:
    priced = Span("a", None, 1, 1, 0.0, cost=0.5)
    assert total_cost([priced, priced]) == 1.0
    assert total_cost([priced, span("b")]) is None
    assert total_cost([]) is None


def test_a_reranker_says_what_a_ranking_costs_and_unknown_is_not_nothing(colour: Colour) -> None:
    assert colour(Priced(), "rerank", "query", DOCUMENTS).cost == pytest.approx(0.03)
    assert colour(Scripted(), "rerank", "query", DOCUMENTS).cost is None


def test_what_is_around_a_reranker_costs_what_that_does_and_a_cache_saves_it(colour: Colour) -> None:
    cached = Cached(Priced(), fingerprint="priced")
    assert colour(cached, "rerank", "query", DOCUMENTS[:2]).cost == pytest.approx(0.02)
    assert colour(cached, "rerank", "query", DOCUMENTS).cost == pytest.approx(0.01)
    assert colour(cached, "rerank", "query", DOCUMENTS).cost == 0.0


def test_a_failed_ranking_costs_nobody_knows_what() -> None:
    seen: list[Span] = []
    reranker = Failing(RuntimeError("x"))
    reranker.hooks = [seen.append]
    with pytest.raises(RuntimeError):
        reranker.rerank("query", DOCUMENTS)
    assert seen[0].cost is None


@dataclass
class Watching:
    """Notes when parts begin and end."""

    notes: list[str]

    def __call__(self, part: Part, work: Flow[Ranking]) -> Flow[Ranking]:
        self.notes.append(f"{part.name} gets {len(part.documents)}, {part.model}")
        try:
            ranking = yield from work
        except BaseException as error:
            self.notes.append(f"{part.name} fails: {error}")
            raise
        self.notes.append(f"{part.name} gives {len(ranking)}")
        return ranking


def test_a_watcher_stands_around_each_stage_and_the_stages_inside_it(colour: Colour) -> None:
    watcher = Watching([])
    inner = Cascade(Stage(Scripted(), top_n=1, name="first"), Stage(Scripted(model=None), name="second"))
    with watching(watcher):
        colour(Cascade(Stage(inner, name="whole")), "rerank", "query", DOCUMENTS)
    assert watcher.notes == [
        "whole gets 3, Cascade",
        "first gets 3, scripted",
        "first gives 1",
        "second gets 1, Scripted",
        "second gives 1",
        "whole gives 1",
    ]
    colour(inner, "rerank", "query", DOCUMENTS)
    assert len(watcher.notes) == 6


def test_a_watcher_sees_a_stage_fail(colour: Colour) -> None:
    watcher = Watching([])
    with watching(watcher), pytest.raises(RuntimeError):
        colour(Cascade(Failing(RuntimeError("x"))), "rerank", "query", DOCUMENTS)
    assert watcher.notes == ["Failing gets 3, Failing", "Failing fails: x"]


def test_rankings_side_by_side_are_watched_too(colour: Colour) -> None:
    watcher = Watching([])
    with watching(watcher):
        colour(Cascade(Scripted()), "rerank_many", ["a", "b"], [DOCUMENTS, DOCUMENTS])
    assert sorted(watcher.notes) == ["Scripted gets 3, scripted"] * 2 + ["Scripted gives 3"] * 2

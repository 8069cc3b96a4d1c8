"""Scores that are known already are asked of nobody, wherever in a system they are needed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rerank_kit import Budget, Cascade, Deadline, Document, Ranking, Reranker, Rules, Stage, Usage
from rerank_kit.cache import Cached
from rerank_kit.cache.store import Kept
from rerank_kit.evaluate.known_scores import Asking, KnownScores, has_own_scores
from rerank_kit.evaluate.store import RunStore
from rerank_kit.local import CrossEncoder
from rerank_kit.rules import equals
from rerank_kit.values import Span

TEXTS = ["a cat", "the cat sat", "a dog"]
QUERY = "the cat"


class Words(CrossEncoder):
    """Counts shared words, and what it was asked."""

    model = "words"

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def fingerprint(self) -> str:
        return "words"

    def score(self, pairs: Sequence[tuple[str, str]], deadline: Deadline) -> list[float]:
        self.asked += [text for _, text in pairs]
        return [len(set(query.split()) & set(text.split())) / 10 for query, text in pairs]


class Api(Reranker):
    """Scores by length, as an API whose scores are each its own."""

    model = "api"

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def fingerprint(self) -> str:
        return "api"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        self.asked += [each.text for each in documents]
        usage = Usage(pairs=len(documents), requests=1)
        return Ranking.by_score([float(len(each.text)) for each in documents], usage)

    def cost(self, usage: Usage) -> float:
        return float(usage.requests)


def _ranked(reranker: Reranker, store: RunStore, *, timing: bool = False) -> tuple[Asking, Ranking]:
    asking = Asking(reranker, store, timing=timing)
    return asking, asking.reranker.rerank(QUERY, TEXTS)


def _plain(ranking: Ranking) -> list[tuple[int, float]]:
    return [(hit.index, hit.score) for hit in ranking]


def test_what_a_reranker_scored_is_known_as_a_stage_of_a_cascade_and_in_cascades_within() -> None:
    words, api, store = Words(), Api(), RunStore()
    inner = Cascade(Stage(words, top_n=2, name="fast"))
    cascade = Cascade(inner, Stage(api), keep_rest=True)
    plain = cascade.rerank(QUERY, TEXTS)
    for each in (words, api):
        _ranked(each, store)
        each.asked.clear()
    asking, ranking = _ranked(cascade, store)
    assert (words.asked, api.asked) == ([], [])
    assert _plain(ranking) == _plain(plain)
    assert (asking.spared, asking.spared_money) == (True, True)
    assert [each.stage for each in ranking.spans] == [each.stage for each in plain.spans]
    assert ranking.cost == 0.0


def test_cross_encoders_of_this_machine_compute_again_to_be_timed_and_apis_are_never_asked_twice() -> None:
    words, api, store = Words(), Api(), RunStore()
    cascade = Cascade(Stage(words, top_n=2), Stage(api))
    first, before = _ranked(cascade, store, timing=True)
    assert (first.spared, first.spared_money) == (False, False)
    words.asked.clear()
    api.asked.clear()
    second, after = _ranked(cascade, store, timing=True)
    assert (words.asked, api.asked) == (TEXTS, [])
    assert (second.spared, second.spared_money) == (True, True)
    assert _plain(before) == _plain(after)
    words.asked.clear()
    third, _ = _ranked(words, store)
    assert words.asked == []
    assert (third.spared, third.spared_money) == (True, False)


@pytest.mark.parametrize("budget", [60.0, Budget(money=100.0)])
def test_what_depends_on_time_or_money_is_asked_itself(budget: float | Budget) -> None:
    cascade = Cascade(Words(), budget=budget)
    assert Asking(cascade, RunStore(), timing=False).reranker is cascade
    for stage in (Stage(Words(), timeout=60.0), Stage(Words(), money=1.0)):
        limited = Cascade(stage)
        assert Asking(limited, RunStore(), timing=False).reranker is limited


def test_a_cascade_keeps_its_hooks_and_a_subclass_is_asked_itself() -> None:
    class Own(Cascade):
        pass

    told: list[Span] = []
    cascade = Cascade(Words())
    cascade.hooks = [told.append]
    _ranked(cascade, RunStore())
    assert len(told) == 1
    own = Own(Words())
    assert Asking(own, RunStore(), timing=False).reranker is own


def test_what_reads_more_than_the_text_has_no_scores_of_its_own() -> None:
    function = Reranker.of(lambda query, texts: [1.0] * len(texts))
    rules = Rules(prefer=[equals("year", 2020)])
    assert has_own_scores(Words())
    assert not has_own_scores(function)
    assert not has_own_scores(rules)
    assert Asking(function, RunStore(), timing=False).reranker is function


def test_everything_that_is_known_of_a_hit_is_kept() -> None:
    store = KnownScores(RunStore())
    key = ("model", "query", "text")
    kept = Kept(0.5, "because", (0, 4), 0.1, "yes", {"yes": 0.5, "no": 0.5}, 0.5)
    store.put({key: kept})
    assert store.get([key, ("model", "query", "other")]) == {key: kept}


def test_what_is_free_is_a_model_of_this_machine_whatever_is_around_it() -> None:
    class Dear(Words):
        def cost(self, usage: Usage) -> float:
            return 1.0

    for reranker, free in ((Cached(Words()), True), (Dear(), False), (Cached(Dear()), False)):
        store = RunStore()
        _ranked(reranker, store)
        again, _ = _ranked(reranker, store)
        assert again.spared
        assert again.spared_money is not free

"""`tune` and `replaying`: settings searched on kept scores, and what they gain on queries not chosen on."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rerank_kit import Blended, Budget, Cascade, ConfigurationError, Deadline, Reranker
from rerank_kit.evaluate import Dataset, Evaluation, evaluate, tune
from rerank_kit.evaluate.first_stages import Found
from rerank_kit.evaluate.outcomes import Timing
from rerank_kit.evaluate.replaying import DEPTHS, Mixture, Replay, Setting
from rerank_kit.evaluate.tuning import chosen_by_halves
from rerank_kit.evaluate.verdicts import verdict
from rerank_kit.local import CrossEncoder

EACH = 30  # candidates of a query, one of which answers


class Stage:
    """A first stage that brings the right document at a random place, and scores that say how sure it is."""

    free = True

    def __init__(self, seed: int, gap: float) -> None:
        self.name = "first"
        self._seed, self._gap = seed, gap

    def find(self, query_id: str, query: str, depth: int) -> list[Found]:
        scores = {place: noise(self._seed, query, place) + (self._gap if place == 0 else 0) for place in range(EACH)}
        order = sorted(scores, key=lambda place: -scores[place])
        return [Found(f"{query} {place}", f"{query} {place}", scores[place]) for place in order][:depth]


def noise(*parts: object) -> float:
    return random.Random(" ".join(map(str, parts))).gauss(0, 1)


class Noisy(CrossEncoder):
    """A reranker whose errors have nothing to do with those of the first stage, or another's."""

    def __init__(self, name: str, gap: float) -> None:
        self.model = name
        self._gap = gap

    @property
    def fingerprint(self) -> str:
        return f"{self.model} {self._gap}"

    def score(self, pairs: Any, deadline: Deadline) -> list[float]:
        return [noise(self.model, text) + (self._gap if text.endswith(" 0") else 0) for _, text in pairs]


def _evaluated(queries: int = 40, seed: int = 0, *, first: float = 0.0, **gaps: float) -> Evaluation:
    names = [f"s{seed}q{number}" for number in range(queries)]
    data = Dataset("made", {name: name for name in names}, {name: {f"{name} 0": 1} for name in names})
    stage = Stage(seed, first)
    return evaluate(data, {name: (stage, Noisy(name, gap)) for name, gap in gaps.items()})


def test_noise_is_not_taken_for_a_gain_more_often_than_the_level_says() -> None:
    """Settings that are alike but for chance, in place of rankings, so that there can be many of them."""
    covered = better = 0
    evaluation = _evaluated(40, one=0.0)
    for seed in range(300):
        chance = random.Random(seed)
        values = {f"{each}": {name: chance.random() for name in evaluation.asked} for each in range(8)}
        found = chosen_by_halves(values, list(values["0"]), margin=0.0, level=0.95, seed=seed).comparison
        covered += found.low <= 0 <= found.high
        better += verdict(found, found.p) == "better"
    assert covered >= 300 * 0.93  # 95 % but for chance
    assert better <= 300 * 0.04  # 2.5 % on this side


def test_tuning_on_noise_keeps_what_is_there() -> None:
    for seed in range(3):
        found = tune(_evaluated(seed=seed, one=0.0, two=0.0), margin=0.0)
        assert found.setting == (found.best if found.verdict == "better" else found.against)
        assert found.comparison.low <= 0 <= found.comparison.high


def test_a_mixture_of_two_that_err_apart_is_found() -> None:
    found = tune(_evaluated(120, first=2.0, one=2.0))
    assert found.verdict == "better"
    assert found.best.mixture is not None
    assert found.setting == found.best
    assert found.text.startswith("use one, 50 candidates, mixed 0.")
    assert "on queries that the choice did not see" in found.text
    assert found.comparison.after <= found.tried[0].value
    assert len(found.chosen) == 2
    assert json.loads(json.dumps(found.to_dict()))["use"] == str(found.best)
    assert str(found.best) in str(found)


def test_plain_is_kept_where_it_is_best() -> None:
    found = tune(_evaluated(120, first=0.0, one=6.0))
    assert found.setting == found.against == Setting("one", 50)
    assert found.text.startswith("keep one, 50 candidates: nothing can be better: nDCG@10 is 1.000 on every query")
    assert ". Against first alone, on the same queries: nDCG@10 1.000 instead of 0." in found.text
    assert found.text.endswith("): better")
    assert found.alone is not None
    assert found.alone.difference > 0.5
    assert str(found).startswith("equal: keep one")


def test_a_first_stage_that_is_better_alone_is_said_to_be() -> None:
    evaluation = _evaluated(120, first=6.0, one=0.0, two=0.0)
    found = tune(evaluation)
    assert found.setting == found.best == Setting("first", 0)
    assert found.verdict == "better"
    assert found.text.startswith("use first alone: it is better than one, 50 candidates: nDCG@10 1.000 instead")
    assert found.to_dict()["use"] == "first alone"
    assert found.tried[0].value == pytest.approx(evaluation["first"].mean("nDCG@10"))
    (alone,) = [each for each in found.tried if each.setting == found.best]
    assert (alone.seconds is not None, alone.dollars) == (True, 0.0)
    assert found.alone is None  # both halves chose just that
    with pytest.raises(ConfigurationError, match="the setting is first alone, without a reranker: leave the reranker"):
        found.setting.applied(Noisy("one", 0.0))


def test_where_it_is_not_sure_that_a_reranker_is_worth_anything_that_is_said() -> None:
    found = tune(_evaluated(12, first=2.0, one=-8.0), level=0.9999, margin=0.4)
    assert found.verdict != "better"
    assert found.best == Setting("first", 0)
    assert found.setting == found.against == Setting("one", 50)
    assert ". On all queries first alone ranks no lower than that, 0." in found.text
    assert found.text.endswith(": nothing shows that the reranker earns its cost")
    same = tune(_evaluated(12, first=9.0, one=9.0))
    assert same.text.startswith("keep one, 50 candidates: nothing can be better")
    assert ". On all queries first alone ranks no lower than that, 1.000 and 1.000: nothing shows" in same.text


def test_a_cascade_and_fewer_candidates_are_replayed_as_they_would_rank() -> None:
    evaluation = _evaluated(12, first=1.0, fast=1.0, slow=3.0)
    replay = Replay(evaluation)
    fast, slow = Noisy("fast", 1.0), Noisy("slow", 3.0)
    stage = Stage(0, 1.0)
    names = list(evaluation.asked)
    data = Dataset("made", {name: name for name in names}, {name: {f"{name} 0": 1} for name in names})
    mixture = Mixture(0.7, "z-score", None)
    cases: dict[str, tuple[Setting, Reranker]] = {
        "few": (Setting("fast", 10), fast),
        "cascade": (Setting("fast", 50, then="slow", top_n=5), Cascade(fast, slow)),
        "mixed": (Setting("slow", 50, mixture), slow),
    }
    for setting, reranker in cases.values():
        made = setting.applied(reranker if setting.then is None else fast, None if setting.then is None else slow)
        asked = evaluate(data, {"it": (_upto(stage, setting.recall), made)})
        assert replay.values(setting, "nDCG@10") == pytest.approx(asked["it"].values["nDCG@10"])
    assert isinstance(cases["mixed"][0].applied(slow), Blended)
    assert isinstance(cases["cascade"][0].applied(fast, slow), Cascade)
    assert cases["few"][0].applied(fast) is fast


def _upto(stage: Stage, recall: int) -> Stage:
    class Fewer(Stage):
        def find(self, query_id: str, query: str, depth: int) -> list[Found]:
            return stage.find(query_id, query, recall)

    return Fewer(0, 1.0)


def test_what_is_tried() -> None:
    evaluation = _evaluated(12, one=1.0, two=1.0)
    settings = list(Replay(evaluation).settings(evaluation["one"], [evaluation["one"], evaluation["two"]]))
    assert settings[0] == Setting("one", 50)
    assert [each.recall for each in settings if each.mixture is None and each.then is None][1:] == [
        each for each in DEPTHS if each < 50
    ]
    assert {each.top_n for each in settings if each.then == "two"} == {5, 10, 20, 30}
    listwise = dataclasses.replace(evaluation["one"], own_scores=False)
    settings = list(Replay(evaluation).settings(listwise, [listwise]))
    assert {each.recall for each in settings} == {50}
    assert len(settings) == 1 + 18
    assert str(Setting("one", 50, Mixture(0.7, "rank", 0.5))) == (
        "one, 50 candidates, mixed 0.7:0.3 by rank where no score reaches 0.5"
    )
    assert str(Setting("one", 50, then="two", top_n=5)) == "one, 50 candidates, the best 5 by two"


def _with(evaluation: Evaluation, change: Callable[[Any], Any]) -> Evaluation:
    return dataclasses.replace(evaluation, systems=[change(each) for each in evaluation.systems])


def test_a_budget_leaves_out_what_takes_longer_or_costs_more_or_is_not_known() -> None:
    evaluation = _evaluated(12, one=1.0, two=1.0)
    whole = tune(evaluation)
    assert whole.excluded == 0
    assert all(each.seconds is not None and each.dollars == 0.0 for each in whole.tried)
    with pytest.raises(ConfigurationError, match="nothing that was tried keeps within 1e-12 s a query: least takes "):
        tune(evaluation, budget=Budget(seconds=1e-12))
    dear = _with(evaluation, lambda each: dataclasses.replace(each, cost_per_1000=5.0 if each.name == "two" else 0.0))
    with pytest.raises(
        ConfigurationError, match=r"within \$1e-09 a query: least takes two, .* \$0.005 a query\. Allow"
    ):
        tune(
            _with(dear, lambda each: dataclasses.replace(each, cost_per_1000=5.0)),
            against="two",
            budget=Budget(money=1e-9),
        )
    told = tune(dear, budget=Budget(money=0.004))
    assert {each.setting.system for each in told.tried} == {"one", "first"}
    assert all(each.setting.then is None for each in told.tried)
    assert {each.dollars for each in tune(dear).tried} == {0.0, 0.005}
    unknown = _with(dear, lambda each: dataclasses.replace(each, timings=(), cost_per_1000=None))
    assert {(each.seconds, each.dollars) for each in tune(unknown).tried} == {(None, None)}
    with pytest.raises(ConfigurationError, match="keeps within 100 s and \\$1 a query: of none is it known"):
        tune(unknown, budget=Budget(seconds=100.0, money=1.0))


def _timed(evaluation: Evaluation, **seconds: float) -> Evaluation:
    def change(each: Any) -> Any:
        return dataclasses.replace(each, timings=[Timing(seconds[each.name], 0.0)])

    return _with(evaluation, change)


def test_a_plain_setting_that_breaks_the_budget_is_not_kept() -> None:
    evaluation = _timed(_evaluated(40, first=1.0, one=6.0), first=0.0005, one=0.05)
    found = tune(evaluation, budget=Budget(seconds=0.001))
    assert found.setting == found.against == Setting("first", 0)
    assert found.over_budget == Setting("one", 50)
    assert found.text == (
        "use first alone: nothing else that was tried keeps within the budget. "
        "one, 50 candidates does not keep within 0.001 s a query: it takes 0.05 s and $0 a query"
    )
    assert found.alone is None
    assert str(found).startswith("use first alone: nothing else")
    assert found.to_dict()["over_budget"] == "one, 50 candidates"
    some = tune(evaluation, budget=Budget(seconds=0.04, money=1.0))
    assert some.verdict == "better"
    assert some.best.recall == 20
    assert some.against == Setting("first", 0)
    assert "does not keep within 0.04 s and $1 a query" in some.text


def test_a_first_stage_can_be_what_settings_are_held_to() -> None:
    found = tune(_evaluated(40, first=0.0, one=6.0), against="first")
    assert (found.against, found.verdict, found.alone) == (Setting("first", 0), "better", None)
    assert found.text.startswith("use one, 50 candidates: it is better than first alone")
    assert found.to_dict()["held_out_against_first_stage"] is None


def test_what_reads_and_ranks_the_same_is_one_setting_and_takes_what_was_read() -> None:
    names = [f"q{number}" for number in range(12)]
    data = Dataset("made", {name: name for name in names}, {name: {f"{name} 0": 1} for name in names})
    stage, noisy = Stage(0, 1.0), Noisy("noisy", 1.0)
    rankers = {"50": (stage, noisy), "100": (stage, noisy, 100)}
    evaluation = _timed(evaluate(data, rankers), **{"first": 0.0, "50": 0.3, "100": 0.3})
    found = tune(evaluation)
    plain = [each for each in found.tried if each.setting.recall and not each.setting.mixture]
    assert {each.setting.recall for each in plain} == {10, 20, 50}  # of 30 candidates, all deeper ones read all 30
    assert {each.setting.recall: each.seconds for each in plain} == pytest.approx({10: 0.1, 20: 0.2, 50: 0.3})
    assert {each.setting.system for each in plain} == {"50"}
    assert all(each.setting.then is None for each in found.tried)
    assert len(set(map(str, (each.setting for each in found.tried)))) == len(found.tried)


def test_what_is_shown_is_the_best_of_each_kind() -> None:
    found = tune(_evaluated(12, first=1.0, one=1.0, two=1.0), budget=Budget(seconds=1000.0))
    first, blank, count, *rows = str(found).splitlines()
    assert (first, blank) == (f"{found.verdict}: {found.text}", "")
    assert count.startswith(f"{len(found.tried)} settings tried. nDCG@10 on the queries they are chosen on")
    kinds = [row.split(" s  ")[1].partition(": ")[0] for row in rows]
    assert kinds == ["plain", "best", "best cascade", "best mixture", "first stage"]
    plain = str(tune(_evaluated(120, first=0.0, one=6.0)))
    assert "  plain: one, 50 candidates" in plain
    assert "  best: " not in plain
    unknown = _with(_evaluated(12, one=1.0), lambda each: dataclasses.replace(each, timings=()))
    assert "  unknown  plain: one, 50 candidates" in str(tune(unknown))
    left = tune(_timed(_evaluated(12, one=1.0), first=0.1, one=0.4), budget=Budget(seconds=0.3))
    assert f"{len(left.tried)} settings tried, {left.excluded} left out by the budget. nDCG@10" in str(left)


def test_the_words_for_each_verdict() -> None:
    evaluation = _evaluated(12, one=1.0)
    worse = tune(_harmful(), margin=0.0)
    assert worse.text.startswith("keep ")
    unsure = tune(evaluation)
    assert unsure.verdict in {"inconclusive", "equal"}
    assert "keep one" in unsure.text


def _harmful() -> Evaluation:
    return _evaluated(30, seed=3, first=0.3, one=0.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"against": "none"}, "against='none' is no system of this evaluation; those are 'first', 'one'"),
        ({"seed": -1}, "seed must be"),
        ({"margin": 2}, "margin must be"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        tune(_evaluated(12, one=1.0), **options)


def test_what_cannot_be_tuned_on_is_said() -> None:
    with pytest.raises(
        ConfigurationError, match=r"9 queries with a relevant document: too few to tune on\. Label 10 or more"
    ):
        tune(_evaluated(9, one=1.0))
    with pytest.raises(ConfigurationError, match=r"must be what evaluate\(…\) gives"):
        tune(5)  # type: ignore[arg-type]
    names = [f"q{number}" for number in range(12)]
    data = Dataset("made", {name: name for name in names}, {name: {f"{name} 0": 1} for name in names})
    with pytest.raises(ConfigurationError, match="no system with a reranker"):
        tune(evaluate(data, {"first": Stage(0, 1.0)}))


def test_labels_that_one_of_them_lacks_make_no_verdict() -> None:
    queries = {f"q{number}": f"word{number}" for number in range(40)}
    documents: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    for query, word in queries.items():
        for place in range(30):
            found = place == 1 or place >= 20  # one of these is among the ten that BM25 finds first
            documents[f"{query}-{place:02}"] = f"{word} {'good ' if found else 'bad '}{'x ' * place}"
        grades[query] = {f"{query}-{place:02}": int(place == 1) for place in range(10)}

    def good(query: str, texts: Sequence[str]) -> list[float]:
        return [text.count("good") + text.count("x ") / 100 for text in texts]

    systems = {"good": ("bm25@30", good)}
    who = {query: dict.fromkeys(labels, "a judge") for query, labels in grades.items()}
    pooled = tune(evaluate(Dataset("pooled", queries, grades, documents, labelled_by=who), systems))
    assert pooled.verdict == "inconclusive"
    said = (
        "keep good, 30 candidates: no verdict can be had: of the ten best documents 100% have a label with bm25 alone"
    )
    assert pooled.text.startswith(said)
    assert pooled.setting == pooled.against
    whole = {
        query: {each: int("good" in text) for each, text in documents.items() if each.startswith(f"{query}-")}
        for query in queries
    }
    assert "verdict can be had" not in tune(evaluate(Dataset("whole", queries, whole, documents), systems)).text
    who = {query: dict.fromkeys(labels, "a judge") for query, labels in whole.items()}
    alike = tune(evaluate(Dataset("whole", queries, whole, documents, labelled_by=who), systems))
    assert "verdict can be had" not in alike.text

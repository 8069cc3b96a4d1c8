"""Rules filter, put into tiers, order inside them and keep a ranking varied; each hit says why it is where it is."""

from __future__ import annotations

import copy
import math
import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rerank_kit import Cascade, ConfigurationError, Document, Rules, Stage
from rerank_kit.rules import at_most, boost, contains, equals, near, newer, one_of, rrf, tier, weighted
from rerank_kit.rules.scoring import ordinal
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.rules.jobs import NOW, indices, job, order

TIERS = [tier("first", when=equals("class", 1)), tier("second", when=one_of("class", [1, 2]))]


# ── Filters ──


def test_what_is_required_stays_and_what_is_excluded_goes(colour: Colour) -> None:
    rules = Rules(require=[equals("open", True)], exclude=[contains("title", "unpaid")])
    jobs = [
        job(open=True, title="Unpaid intern"),
        job(open=False, title="a"),
        job(open=True, title="b"),
        job(title="c"),
    ]
    assert indices(colour(rules, "rerank", "query", jobs)) == [2]
    assert rules.left_out("query", jobs) == {
        0: "it is excluded: title says “unpaid”",
        1: "it is not what is required: open is false, not “true”",
        3: "it is not what is required: open is not known",
    }


def test_filters_alone_keep_the_order_and_the_score_of_the_stage_before() -> None:
    rules = Rules(exclude=[equals("open", False)])
    jobs = [Document("a", {"open": False}, 0.9), Document("b", {}, 0.8), Document("c", {}, 0.7)]
    ranking = rules.rerank("query", jobs)
    assert [(hit.index, hit.score, hit.why) for hit in ranking] == [
        (1, 0.8, "The model's score is 0.8 (+0.8)."),
        (2, 0.7, "The model's score is 0.7 (+0.7)."),
    ]
    assert [hit.why for hit in rules.rerank("query", ["a"])] == ["No model has scored it (+0)."]


def test_documents_are_judged_with_or_without_text() -> None:
    rules = Rules(prefer=[equals("a", 1)])
    assert order(rules, Document("", {"a": 0}), Document("", {"a": 1}), Document("text", {"a": 0})) == [1, 0, 2]


# ── Tiers ──


def test_a_document_belongs_to_the_first_tier_whose_condition_holds() -> None:
    jobs = [job(), job(**{"class": 2}), job(**{"class": 1}), job(**{"class": 2})]
    ranking = Rules(tiers=TIERS).rerank("query", jobs)
    assert [(hit.index, hit.score) for hit in ranking] == [(2, 2.0), (1, 1.0), (3, 1.0), (0, 0.0)]
    assert [hit.why for hit in ranking] == [
        "Tier first, as class is 1 (+2), 1st of 1 in it.",
        "Tier second, as class is 2 (+1), 1st of 2 in it.",
        "Tier second, as class is 2 (+1), 2nd of 2 in it.",
        "In no tier (+0), 1st of 1 in it.",
    ]


@pytest.mark.parametrize(("policy", "expected"), [("last", [1, 0]), ("first", [0, 1]), ("drop", [1])])
def test_documents_without_a_tier_are_treated_as_told(policy: Any, expected: list[int]) -> None:
    rules = Rules(tiers=TIERS, without_tier=policy)
    assert order(rules, job(), job(**{"class": 2})) == expected
    if policy == "drop":
        assert rules.left_out("query", [job()]) == {0: "it belongs to no tier"}


def test_no_preference_lifts_a_document_into_another_tier() -> None:
    def anything(query: str, document: Document) -> float:
        return float(document.metadata["points"])

    jobs = [job(**{"class": 2}, points=1e9), job(**{"class": 1}, points=-1e9), job(**{"class": 1}, points=0)]
    for weights in (None, [50.0]):
        ranking = Rules(tiers=TIERS, prefer=[anything], weights=weights).rerank("query", jobs)
        assert indices(ranking) == [2, 1, 0]
        assert ranking.hits[1].score > ranking.hits[2].score


# ── Preferences ──

FRESH = newer("posted", within="24h")
TODAY, OLD = "2026-11-24", "2026-10-01"


def test_without_weights_each_preference_decides_only_between_those_that_are_alike_before_it() -> None:
    rules = Rules(prefer=[FRESH, contains("title", "ML"), one_of("place", {"London"})], now=NOW)
    jobs = [
        job(posted=OLD, title="ML", place="London"),
        job(posted=TODAY, title="x", place="London"),
        job(posted=TODAY, title="ML", place="x"),
        job(posted=TODAY, title="ML", place="London"),
    ]
    ranking = rules.rerank("query", jobs)
    assert [(hit.index, hit.score) for hit in ranking] == [(3, 0.875), (2, 0.75), (1, 0.625), (0, 0.375)]


def test_the_order_does_not_depend_on_how_fine_the_preferences_before_are() -> None:
    jobs = [job(a=place // 4, b=place // 2 % 2, c=place % 2) for place in range(400)]
    rules = Rules(prefer=[boost("a"), boost("b"), boost("c")] * 20)
    ranking = rules.rerank("query", jobs)
    assert indices(ranking) == list(reversed(range(400)))
    assert all(0 <= hit.score <= 1 for hit in ranking)


def test_with_weights_points_are_added_up() -> None:
    rules = Rules(prefer=[near("pay", 60, half=10), one_of("place", {"London"})], weights=[2, 1])
    ranking = rules.rerank("query", [job(pay=60, place="x"), job(pay=50, place="London"), job(pay=70, place="x")])
    assert [(hit.index, hit.score) for hit in ranking] == [(0, 2.0), (1, 2.0), (2, 1.0)]
    assert ranking.hits[1].why == "Pay is 50, 10 from 60 (+1); place is London (+1)."


def test_a_tier_counts_more_than_all_weights_together() -> None:
    rules = Rules(tiers=TIERS, prefer=[equals("a", 1), equals("b", 1)], weights=[6, 4])
    ranking = rules.rerank("query", [job(**{"class": 2}, a=1, b=1), job(**{"class": 1})])
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 200.0), (0, 110.0)]


@pytest.mark.parametrize(("policy", "expected"), [("last", [0, 2, 1]), ("first", [1, 0, 2]), ("drop", [0, 2])])
def test_what_is_missing_ranks_last_or_first_or_is_dropped(policy: Any, expected: list[int]) -> None:
    rules = Rules(prefer=[newer("posted", half_life="1d", missing=policy)], now=NOW)
    jobs = [job(posted=TODAY), job(posted="soon"), job(posted=OLD)]
    assert order(rules, *jobs) == expected
    assert rules.left_out("query", jobs) == ({1: "posted, 'soon', is no date"} if policy == "drop" else {})


def test_equal_points_keep_the_incoming_order() -> None:
    assert order(Rules(prefer=[equals("a", 1)]), job(a=2), job(a=1), job(), job(a=1)) == [1, 3, 0, 2]


def test_a_function_gets_the_query() -> None:
    def mentioned(query: str, document: Document) -> bool:
        return document.metadata["title"] in query

    ranking = Rules(prefer=[mentioned]).rerank("cook in Leeds", [job(title="waiter"), job(title="cook")])
    assert indices(ranking) == [1, 0]
    assert ranking.hits[0].why == "Mentioned holds (+0.5)."


# ── Variety ──


def test_each_tier_keeps_only_so_many() -> None:
    rules = Rules(tiers=TIERS, per_tier=1)
    jobs = [job(**{"class": 2}), job(**{"class": 1}), job(**{"class": 1}), job(), job()]
    assert order(rules, *jobs) == [1, 0, 3]
    assert rules.left_out("query", jobs) == {2: "1 of its tier came before it", 4: "1 of its tier came before it"}


def test_only_so_many_may_share_a_value() -> None:
    rules = Rules(prefer=[boost("stars")], at_most=at_most(2, by="company"))
    jobs = [
        job(stars=1, company="A"), job(stars=2, company="a"), job(stars=3, company="A "), job(stars=4, company="B"),
        job(stars=5), job(stars=6, company=None), job(stars=7, company=b"A"), job(stars=8, company=["B", "A"]),
    ]  # fmt: skip
    assert order(rules, *jobs) == [7, 6, 5, 4, 3, 2, 1]
    assert rules.left_out("query", jobs) == {0: "2 with the same company came before it"}


def test_limits_count_only_what_is_kept() -> None:
    rules = Rules(prefer=[boost("stars")], at_most=[at_most(1, by="company"), at_most(1, by="place")])
    jobs = [
        job(stars=3, company="A", place="x"),
        job(stars=2, company="A", place="y"),
        job(stars=1, company="B", place="y"),
    ]
    assert order(rules, *jobs) == [0, 2]


# ── Blending with a model ──


def test_a_weighted_sum_adds_the_normalised_score_of_the_stage_before() -> None:
    rules = Rules(prefer=[equals("a", 1)], weights=[1], blend=weighted(weight=2))
    jobs = [Document("x", {"a": 1}, -5), Document("x", {"a": 1}, 5), Document("x", {}, 15), Document("x", {"a": 1})]
    ranking = rules.rerank("query", jobs)
    assert [(hit.index, hit.score) for hit in ranking] == [(1, 2.0), (2, 2.0), (0, 1.0), (3, 1.0)]
    assert ranking.hits[0].why == "A is 1 (+1); the model's score is 5 (+1)."
    assert ranking.hits[3].why == "A is 1 (+1); no model has scored it (+0)."


def test_fusion_adds_places_in_both_orders_inside_each_tier() -> None:
    rules = Rules(tiers=TIERS, prefer=[boost("stars")], blend=rrf(weight=2, k=9))
    jobs = [
        Document("x", {"class": 1, "stars": 1}, 0.9), Document("x", {"class": 1, "stars": 2}, 0.1),
        Document("x", {"class": 2, "stars": 2}, 0.5), Document("x", {"class": 2, "stars": 2}),
    ]  # fmt: skip
    ranking = rules.rerank("query", jobs)
    assert indices(ranking) == [0, 1, 2, 3]
    scores = [2 + 1 / 11 + 2 / 10, 2 + 1 / 10 + 2 / 11, 1 + 1 / 10 + 2 / 10, 1 + 1 / 10]
    assert [hit.score for hit in ranking] == pytest.approx(scores)
    assert str(ranking.hits[1].why).endswith(
        "1st by preference, as stars is 2, the highest is 2 (+0.1); 2nd by the model, the model's score is 0.1 "
        "(+0.181818)."
    )
    assert str(ranking.hits[3].why).endswith("no model has scored it (+0).")


def test_fusion_without_preferences_is_the_models_order() -> None:
    rules = Rules(blend=rrf())
    ranking = rules.rerank("query", [Document("x", score=1), Document("x", score=2)])
    assert indices(ranking) == [1, 0]
    assert str(ranking.hits[0].why).startswith("1st by preference (+0.0163934); 1st by the model")


@pytest.mark.parametrize("blend", [rrf, weighted])
@pytest.mark.parametrize(("policy", "expected"), [("last", [0, 1, 2]), ("first", [0, 2, 1]), ("drop", [0, 1])])
def test_a_score_that_is_missing_counts_as_told(blend: Callable[..., Any], policy: Any, expected: list[int]) -> None:
    jobs = [Document("x", score=3), Document("x", score=2), Document("x", score=math.nan)]
    rules = Rules(blend=blend(missing=policy))
    assert order(rules, *jobs) == expected
    assert rules.left_out("query", jobs) == ({2: "no model has scored it"} if policy == "drop" else {})


def test_behind_a_model_in_a_cascade_they_blend_with_its_scores(colour: Colour) -> None:
    rules = Rules(prefer=[equals("a", 1)], weights=[0.5], blend=weighted())
    jobs = [Document("x 1", {"a": 1}), Document("x 2"), Document("x 3")]
    ranking = colour(Cascade(Stage(Scripted()), Stage(rules)), "rerank", "query", jobs)
    assert [(hit.index, hit.score) for hit in ranking] == [(2, 1.0), (1, 0.5), (0, 0.5)]


# ── Explanations ──


def test_the_points_in_the_reason_add_up_to_the_score() -> None:
    rules = Rules(
        tiers=TIERS,
        prefer=[FRESH, near("pay", 60, half=10), boost("stars"), lambda query, document: document.metadata["luck"]],
        weights=[3, 2, 1, 1],
        blend=weighted(),
        now=NOW,
    )
    jobs = [
        Document(
            "x", {"class": n % 4, "posted": TODAY if n % 3 else OLD, "pay": n * 9, "stars": n, "luck": -n}, n * 0.7
        )
        for n in range(20)
    ]
    for ranked in (rules.rerank("query", jobs), Rules(tiers=TIERS, prefer=[*rules.prefer]).rerank("query", jobs)):
        for hit in ranked:
            points = [float(number) for number in re.findall(r"\(([+-][\d.e+-]+)\)", str(hit.why))]
            assert sum(points) == pytest.approx(hit.score, rel=1e-5)


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_places_are_said_as_one_says_them(number: int, said: str) -> None:
    assert ordinal(number) == said


# ── The moment ──


@pytest.mark.parametrize(
    "now", [NOW, NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=9))), lambda: NOW]
)
def test_ages_are_counted_from_the_moment_that_is_given(now: Any) -> None:
    ranking = Rules(prefer=[FRESH], now=now).rerank("query", [job(posted=NOW - timedelta(hours=5))])
    assert ranking.hits[0].why == "Posted 5 hours ago, within 24 hours (+0.5)."


def test_by_default_ages_are_counted_from_now() -> None:
    ranking = Rules(prefer=[FRESH]).rerank("query", [job(posted=datetime.now(UTC) - timedelta(hours=5))])
    assert "5 hours ago" in str(ranking.hits[0].why)


# ── Settings ──


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tiers": equals("a", 1)}, r"tiers takes a list of tier\(…\)"),
        ({"tiers": [equals("a", 1)]}, r"tiers takes a list of tier\(…\), not Equals"),
        ({"tiers": [*TIERS, TIERS[0]]}, "different names"),
        ({"prefer": equals("a", 1)}, "prefer takes a list of rules"),
        ({"prefer": [7]}, "a rule must be"),
        ({"weights": [1]}, "weights must be 0 numbers"),
        ({"prefer": [FRESH], "weights": [0]}, "weights must be a finite number above 0"),
        ({"prefer": [FRESH], "weights": [None]}, "weights must be 1 numbers"),
        ({"prefer": [FRESH], "weights": [1e101]}, r"weights must be .* at most 1e\+100"),
        ({"prefer": [FRESH], "weights": 1.0}, "weights takes a list of numbers, not 1.0"),
        ({"require": [near("a", 1, half=1)]}, "require=Near.*draws a line"),
        ({"exclude": [newer("a", half_life="1d")]}, "exclude=Newer.*draws a line"),
        ({"without_tier": "keep"}, "without_tier must be"),
        ({"per_tier": 0}, "per_tier must be"),
        ({"at_most": 2}, r"at_most takes a list of at_most\(…\), not 2"),
        ({"at_most": [2]}, r"at_most takes a list of at_most\(…\), not 2"),
        ({"blend": "rrf"}, "blend must be rrf"),
        ({"now": "today"}, "now must be"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Rules(**arguments)


@pytest.mark.parametrize("now", [lambda: "today", lambda: None, lambda: 7])
def test_a_now_that_gives_no_moment_is_an_error_that_names_it(now: Any) -> None:
    with pytest.raises(ConfigurationError, match="now must give a datetime, not"):
        Rules(prefer=[FRESH], now=now).rerank("query", [job()])


@pytest.mark.parametrize(
    ("kind", "named", "says"),
    [
        (weighted, {"weight": 0}, "weight must be"),
        (weighted, {"weight": 1e101}, "weight must be"),
        (weighted, {"weight": "1"}, "weight must be"),
        (rrf, {"k": "60"}, "k must be"),
        (weighted, {"weight": None}, "weight must be"),
        (weighted, {"normalise": "best"}, "normalise must be"),
        (weighted, {"missing": "x"}, "missing must be"),
        (rrf, {"k": -1}, "k must be"),
        (rrf, {"weight": -1}, "weight must be"),
        (rrf, {"missing": "x"}, "missing must be"),
    ],
)
def test_a_blend_that_cannot_be_is_an_error(kind: Any, named: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        kind(**named)


def test_rules_cost_nothing_and_say_how_many_they_are() -> None:
    rules = Rules(tiers=TIERS, prefer=[FRESH])
    assert rules.rerank("query", [job()]).cost == 0.0
    assert repr(rules) == "Rules(2 tiers, 1 prefer)"


def test_rules_can_be_copied_and_travel_between_processes() -> None:
    rules = Rules(tiers=TIERS, prefer=[FRESH, boost("stars")], at_most=at_most(1, by="company"), now=NOW)
    jobs = [job(**{"class": 2}, stars=1), job(**{"class": 2}, stars=2)]
    for again in (copy.deepcopy(rules), pickle.loads(pickle.dumps(rules))):
        assert again.rerank("query", jobs).hits == rules.rerank("query", jobs).hits

"""Rules can be described in plain values, in TOML and in JSON, and what is wrong there is named by rule and key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, Rules
from rerank_kit.rules import (
    all_of,
    any_of,
    at_most,
    boost,
    contains,
    equals,
    near,
    newer,
    none_of,
    one_of,
    rrf,
    tier,
    weighted,
)
from rerank_kit.rules.description import BLENDS, LISTS, PLAIN, RULES
from rerank_kit.rules.logic import DEEPEST
from rerank_kit.rules.rule import Case, Match, Rule
from tests.rules.hostile import NEWER, nested
from tests.rules.jobs import NOW, job

EVERYTHING = Rules(
    tiers=[
        tier("a", when=all_of(equals("x", True), none_of(one_of("y", [1, "b"])))),
        tier("b", when=any_of(contains("title", {"Intern", "Graduate Program"}), near("pay", 3, within=1))),
    ],
    prefer=[
        newer("posted", half_life=timedelta(days=7), missing="first", zone="Europe/London"),
        newer("posted", within="24h"),
        near("pay", 60, half=10),
        boost("stars", full=5, missing="drop"),
    ],
    weights=[3, 2, 1, 0.5],
    require=[equals("open", True)],
    exclude=[contains("title", "unpaid")],
    without_tier="drop",
    per_tier=2,
    at_most=[at_most(1, by="company")],
    blend=weighted(weight=0.5, normalise="sigmoid", missing="first"),
)


def test_a_description_brings_the_same_rules_back() -> None:
    description = EVERYTHING.to_dict()
    again = Rules.from_dict(json.loads(json.dumps(description)))
    assert again.to_dict() == description
    assert (again.tiers, again.require, again.exclude) == (EVERYTHING.tiers, EVERYTHING.require, EVERYTHING.exclude)
    assert (again.weights, again.at_most, again.blend) == (EVERYTHING.weights, EVERYTHING.at_most, EVERYTHING.blend)
    assert again.prefer[1:] == EVERYTHING.prefer[1:]
    assert (again.without_tier, again.per_tier) == ("drop", 2)


def test_a_description_has_nothing_in_it_that_need_not_be() -> None:
    assert Rules(prefer=[boost("stars")]).to_dict() == {"prefer": [{"rule": "boost", "field": "stars"}]}
    assert Rules(blend=rrf()).to_dict() == {"blend": {"method": "rrf"}}
    assert Rules.from_dict({"blend": {"method": "rrf", "k": 10}}).blend == rrf(k=10)
    assert Rules.from_dict({"blend": None, "tiers": []}).to_dict() == {}


TOML = """
per_tier = 1
without_tier = "drop"
at_most = [{ number = 2, by = "company" }]

[[tiers]]
name = "special"
when = { rule = "contains", field = "title", words = ["Intern", "Graduate Program"] }

[[prefer]]
rule = "newer"
field = "posted"
within = "24h"
"""


def test_files_hold_rules_in_toml_and_in_json(tmp_path: Path) -> None:
    toml, as_json = tmp_path / "rules.toml", tmp_path / "rules.JSON"
    toml.write_text(TOML, "utf-8")
    rules = Rules.from_file(toml, now=NOW)
    as_json.write_text(json.dumps(rules.to_dict()), "utf-8")
    jobs = [job(title="Intern", posted=NOW - timedelta(days=3)), job(title="Intern", posted=NOW), job(title="Cook")]
    ranking = rules.rerank("query", jobs)
    assert [hit.index for hit in ranking] == [1]
    assert Rules.from_file(str(as_json), now=NOW).rerank("query", jobs).hits == ranking.hits


@pytest.fixture(params=[".", "a" * 100, "b" * 200 + "/" + "c" * 200], ids=["short", "longer than a line", "very long"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with a path of any length."""
    found = tmp_path / str(request.param)
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.mark.parametrize(("name", "text"), [("rules.toml", "a ="), ("rules.json", "{"), ("none.toml", None)])
def test_a_file_that_cannot_be_read_is_named(folder: Path, name: str, text: str | None) -> None:
    path = folder / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"rules cannot be read from '/[^:]*/{name}': "):
        Rules.from_file(path)


def test_a_json_file_must_hold_a_table(folder: Path) -> None:
    (folder / "rules.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"the rules in '/[^:]*/rules\.json' must be a table"):
        Rules.from_file(folder / "rules.json")


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ([], "the description of rules must be a table"),
        ({"prefers": []}, "rules: unknown key 'prefers'; there are weights, without_tier, per_tier, tiers, prefer"),
        ({"prefer": NEWER}, "prefer must be a list"),
        ({"prefer": [NEWER, "newer"]}, r"prefer\[1\] must be a table"),
        ({"prefer": [{"rule": "fresher"}]}, r"prefer\[0\]: rule must be one of newer, contains, .*, not 'fresher'"),
        ({"prefer": [{"field": "posted"}]}, r"prefer\[0\]: its kind is missing: write rule= with one of newer, "),
        ({"prefer": [{"rule": "newst"}]}, r"prefer\[0\]: rule must be one of newer, .*, not 'newst'"),
        (
            {"prefer": [{**NEWER, "halflife": "1d"}]},
            r"prefer\[0\] \(newer\): unknown key 'halflife'; there are field, ",
        ),
        ({"prefer": [{"rule": "newer"}]}, r"prefer\[0\] \(newer\): missing a required argument: 'field'"),
        ({"prefer": [{**NEWER, "within": "soon"}]}, r"prefer\[0\] \(newer\): within must be a time"),
        ({"require": [{"rule": "all_of", "rules": []}]}, r"require\[0\] \(all_of\): .* at least one condition"),
        ({"require": [{"rule": "all_of"}]}, r"require\[0\].rules must be a list"),
        ({"require": [{"rule": "any_of", "rules": [{"rule": "x"}]}]}, r"require\[0\].rules\[0\]: rule must be one of"),
        ({"exclude": [{"rule": "none_of", "rules": [], "missing": "last"}]}, r"exclude\[0\] \(none_of\): unknown key"),
        ({"tiers": [{"name": "a"}]}, r"tiers\[0\]: missing a required argument: 'when'"),
        ({"tiers": [{"name": "a", "when": {"rule": "equals", "field": "x"}}]}, r"tiers\[0\].when \(equals\): missing"),
        ({"tiers": [{"name": "", "when": NEWER}]}, r"tiers\[0\]: a tier needs a name"),
        ({"at_most": [{"number": 0, "by": "x"}]}, r"at_most\[0\]: number must be"),
        ({"blend": {"method": "sum"}}, "blend: method must be one of weighted, rrf, not 'sum'"),
        ({"blend": {"method": "rrf", "normalise": "x"}}, r"blend \(rrf\): unknown key 'normalise'"),
        ({"without_tier": "x"}, "without_tier must be"),
        ({"weights": [1]}, "weights must be 0 numbers"),
    ],
)
def test_what_is_wrong_is_named_by_rule_and_key(description: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Rules.from_dict(description)


class Mine(Rule):
    """A rule of a user's own, as a class."""

    def evaluate(self, document: Any, case: Case) -> Match:
        return Match(1.0, "it is mine")


@pytest.mark.parametrize("code", [lambda query, document: 1.0, Mine()])
def test_code_cannot_be_described(code: Any) -> None:
    rules = Rules(prefer=[code])
    assert len(rules.rerank("query", ["text"])) == 1
    with pytest.raises(ConfigurationError, match="is code, which no description can hold"):
        rules.to_dict()


# ── Descriptions that are none ──


def wrapped(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


CYCLE: dict[str, Any] = {"rule": "none_of"}
CYCLE["rules"] = [CYCLE]


def doubled(levels: int) -> Any:
    """Few values, that are many to whoever goes through them all."""
    rule: Any = NEWER
    for _ in range(levels):
        rule = {"rule": "any_of", "rules": [rule] * 8}
    return rule


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (nested(DEEPEST + 1), "32 deep"),
        (nested(10_000, "any_of"), "deeper than 72"),
        (nested(10_000, "none_of", {}), "deeper than 72"),
        (CYCLE, "deeper than 72"),
        (doubled(20), "more than 100000 values"),
        (wrapped(10_000), "deeper than 72"),
        ({**NEWER, "field": wrapped(10_000)}, "deeper than 72"),
        ({"rule": wrapped(40)}, r"rule must be one of .*, not \[\["),
    ],
    ids=["a rule too deep", "deep", "deep and wrong", "cyclic", "doubled", "no rule", "a deep field", "a deep name"],
)
def test_descriptions_that_are_too_deep_or_too_much_are_refused(rule: Any, says: str) -> None:
    for description in ({"require": [rule]}, {"tiers": [{"name": "a", "when": rule}]}):
        with pytest.raises(ConfigurationError, match=says):
            Rules.from_dict(description)


def test_conditions_may_be_deep_enough() -> None:
    rules = Rules.from_dict({"require": [nested(DEEPEST)]}, now=NOW)
    assert len(rules.rerank("query", [job(posted=NOW), job()])) == 1
    assert Rules.from_dict(rules.to_dict()).require == rules.require


@pytest.mark.parametrize("make", [all_of, any_of, none_of])
def test_conditions_that_are_too_deep_are_refused_in_code_too(make: Any) -> None:
    rule = equals("a", 1)
    for _ in range(DEEPEST):
        rule = make(rule)
    with pytest.raises(ConfigurationError, match="flatten them"):
        make(equals("b", 1), rule)


@pytest.mark.parametrize(("name", "text"), [("rules.json", "[" * 100_000), ("rules.toml", "a = " + "[" * 100_000)])
def test_a_file_that_is_too_deep_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ConfigurationError, match=f"rules cannot be read from '/[^:]*/{name}': "):
        Rules.from_file(folder / name)


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ({7: []}, "rules: keys must be texts, not 7"),
        ({"prefer": [dict([*NEWER.items(), (7, 1)])]}, r"prefer\[0\]: keys must be texts, not 7"),
        ({"prefer": [{**NEWER, "x" * 500: 1}]}, r"unknown key 'x+…"),
        ({"prefer": [{"rule": "boost", "field": "a", "full": 10**5000}]}, r"prefer\[0\].full .* about 5000 digits"),
        ({"per_tier": -(10**5000)}, "per_tier .* about 5000 digits"),
        ({"per_tier": -(10**300)}, "per_tier must be"),
        ({"weights": 5}, "weights takes a list of numbers, not 5"),
        ({"weights": "1"}, "weights must be 0 numbers"),
        ({"weights": [1e200], "prefer": [NEWER]}, r"weights must be .* at most 1e\+100, not 1e\+200"),
        ({"weights": ["1"], "prefer": [NEWER]}, "weights must be 1 numbers"),
        ({"blend": {"method": "rrf", "k": "60"}}, "blend .*k must be"),
        ({"blend": {"method": "rrf", "k": 10**400}}, "blend.k .* about 400 digits"),
        ({"blend": {"method": "weighted", "weight": "1"}}, "blend .*weight must be"),
        ({"blend": {"method": "weighted", "normalise": []}}, "blend .*normalise must be"),
        (
            {"prefer": [{"rule": "near", "field": "a", "number": 10**308 * 2, "half": 1}]},
            r"prefer\[0\].number must .* number that a float can hold",
        ),
        ({"prefer": [{"rule": "equals", "field": "a", "value": Path()}]}, r"prefer\[0\].value must be a text.* class"),
        ({"prefer": [{"rule": "one_of", "field": "a", "values": [10**400]}]}, r"prefer\[0\].values\[0\] must be"),
        ({"at_most": [{"number": True, "by": "a"}]}, "number must be"),
        ({"tiers": [{"name": ["a"], "when": NEWER}]}, "a tier needs a name"),
    ],
)
def test_values_of_the_wrong_types_are_named(description: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Rules.from_dict(description)


OF_RULES = ["value", "values", "words", "half", "within", "half_life", "number", "full", "zone", "missing", "rules"]
FIELDS = [*OF_RULES, "rule", "method", "field", "name", "when", "by", "weight", "normalise", "k", "x"]
KEYS = st.sampled_from(FIELDS) | st.sampled_from([None, 7, True, b"x", "x" * 500])
ODD: list[Callable[[], Any]] = [lambda: 10**400, lambda: -(10**5000), lambda: wrapped(200), lambda: nested(40), object]
leaves: st.SearchStrategy[Any] = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    st.sampled_from([*RULES, *BLENDS, "1d", "UTC", b"x", 1j, NOW, timedelta(1)]),
    st.sampled_from(ODD).map(lambda make: make()),
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=4),
        st.fixed_dictionaries(
            {"rule": st.sampled_from(list(RULES)), "field": inner}, optional=dict.fromkeys(OF_RULES, inner)
        ),
        st.fixed_dictionaries({"method": st.sampled_from(list(BLENDS))}, optional={"k": inner, "weight": inner}),
    ),
    max_leaves=8,
)
some_lists = {name: st.lists(anything, max_size=2) | anything for name in LISTS}
descriptions: st.SearchStrategy[Any] = anything | st.fixed_dictionaries(
    {}, optional={**some_lists, **dict.fromkeys((*PLAIN, "blend"), anything)}
)


@settings(max_examples=150, deadline=None)
@given(descriptions)
def test_whatever_a_description_holds_it_makes_rules_or_is_refused(description: Any) -> None:
    try:
        rules = Rules.from_dict(description, now=NOW)
    except ConfigurationError as error:
        refused = str(error)
    else:
        refused = ""
        assert rules.to_dict() == Rules.from_dict(rules.to_dict()).to_dict()
        rules.rerank("query", [job(field="x", posted=NOW), job()])
    assert len(refused) < 2000

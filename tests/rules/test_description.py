"""Rules can be described in plain values, in TOML and in JSON, and what is wrong there is named by rule and key."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

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
from rerank_kit.rules.rule import Case, Match, Rule
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


@pytest.mark.parametrize(("name", "text"), [("rules.toml", "a ="), ("rules.json", "{"), ("none.toml", None)])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"rules cannot be read from .*{name}"):
        Rules.from_file(path)


def test_a_json_file_must_hold_a_table(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text("[]")
    with pytest.raises(ConfigurationError, match="must be a table"):
        Rules.from_file(tmp_path / "rules.json")


NEWER = {"rule": "newer", "field": "posted", "within": "24h"}


@pytest.mark.parametrize(
    ("description", "says"),
    [
        ([], "the description of rules must be a table"),
        ({"prefers": []}, "rules: unknown key 'prefers'; there are weights, without_tier, per_tier, tiers, prefer"),
        ({"prefer": NEWER}, "prefer must be a list"),
        ({"prefer": [NEWER, "newer"]}, r"prefer\[1\] must be a table"),
        ({"prefer": [{"rule": "fresher"}]}, r"prefer\[0\]: rule must be one of newer, contains, .*, not 'fresher'"),
        ({"prefer": [{"field": "posted"}]}, r"prefer\[0\]: rule must be one of .*, not None"),
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

"""Rules in plain values, so that they can live in a TOML or JSON file; what is wrong is named by rule and key."""

from __future__ import annotations

import dataclasses
import inspect
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import class_name, quoted
from rerank_kit.rules.blending import Blend, Fused, Weighted
from rerank_kit.rules.comparisons import Boost, Equals, Near, OneOf
from rerank_kit.rules.freshness import Newer
from rerank_kit.rules.logic import DEEPEST, AllOf, AnyOf, NoneOf
from rerank_kit.rules.quoting import LINE, line, shown
from rerank_kit.rules.rule import Function, Missing, Rule
from rerank_kit.rules.tiers_and_limits import AtMost, Tier
from rerank_kit.rules.words import Contains

RULES: Mapping[str, type[Rule]] = {
    "newer": Newer,
    "contains": Contains,
    "equals": Equals,
    "one_of": OneOf,
    "near": Near,
    "boost": Boost,
    "all_of": AllOf,
    "any_of": AnyOf,
    "none_of": NoneOf,
}
BLENDS: Mapping[str, type[Weighted | Fused]] = {"weighted": Weighted, "rrf": Fused}
PLAIN = ("weights", "without_tier", "per_tier")
LISTS = ("tiers", "prefer", "require", "exclude", "at_most")

_DEEPEST = 2 * DEEPEST + 8  # tables and lists inside one another: two for each condition
_MOST = 100_000  # values in a description
_BITS = 1024  # of a whole number; a float has no room for more


def load(path: Path) -> Mapping[str, Any]:
    """Read a description from a file.

    Raises:
        ConfigurationError: There is no such file, or it is no TOML or JSON.
    """
    try:
        text = path.read_text("utf-8")
        found: object = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"rules cannot be read from {quoted(str(path))}: {error}"
        raise ConfigurationError(msg) from error
    return _mapping(found, f"the rules in {quoted(str(path))}")


def arguments(description: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Rules` from their description."""
    given = _mapping(description, "the description of rules")
    _check_plain(given)
    _known(given, (*PLAIN, *LISTS, "blend"), "rules")
    made: dict[str, Any] = {key: given[key] for key in PLAIN if key in given}
    for key in LISTS:
        if key in given:
            made[key] = [_PARTS[key](each, f"{key}[{place}]") for place, each in enumerate(_sequence(given[key], key))]
    if given.get("blend") is not None:
        made["blend"] = _one_of_kind(given["blend"], "blend", "method", BLENDS)
    return made


def _check_plain(description: Mapping[str, Any]) -> None:
    """Refuse what is no plain value, and what is too deep or too much; whether it makes sense comes later."""
    waiting: list[tuple[object, str, int]] = [(description, "", 0)]
    seen = 0
    while waiting:
        value, where, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST:
            fault = f"deeper than {_DEEPEST} tables and lists" if depth > _DEEPEST else f"more than {_MOST} values"
            msg = f"the description of rules is {fault}, at {line(where)}: make it flatter, or smaller"
            raise ConfigurationError(msg)
        if isinstance(value, Mapping):
            waiting += [
                (each, _inside(where, key), depth + 1) for key, each in cast("Mapping[object, object]", value).items()
            ]
        elif isinstance(value, list | tuple | set | frozenset):
            each = enumerate(cast("Iterable[object]", value))
            waiting += [(one, f"{where}[{place}]", depth + 1) for place, one in each]
        elif not (value is None or isinstance(value, str | bool | float | timedelta)) and not _is_whole(value):
            allowed = "a text, a truth value, a number that a float can hold, a table or a list"
            msg = f"{line(where)} must be {allowed}, not {shown(value)} of the class {class_name(value)}"
            raise ConfigurationError(msg)


def _inside(where: str, key: object) -> str:
    """What stands under a key of a table."""
    if not isinstance(key, str):
        msg = f"{line(where) or 'rules'}: keys must be texts, not {shown(key)}"
        raise ConfigurationError(msg)
    return f"{where[-LINE:]}.{key[:LINE]}" if where else key


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() <= _BITS


def _rule(given: object, where: str) -> Any:
    """A rule, from a mapping with its name under `"rule"`; those with rules inside have them under `"rules"`."""
    description = _mapping(given, where)
    kind = RULES.get(str(description.get("rule")))
    if kind in (AllOf, AnyOf, NoneOf):
        name = description["rule"]
        _known(description, ("rule", "rules"), f"{where} ({name})")
        inner = _sequence(description.get("rules"), f"{where}.rules")
        rules = [_rule(each, f"{where}.rules[{place}]") for place, each in enumerate(inner)]
        return _made(cast("Callable[..., Any]", kind), rules, {}, f"{where} ({name})")
    return _one_of_kind(description, where, "rule", RULES)


def _one_of_kind(given: object, where: str, key: str, kinds: Mapping[str, type[Any]]) -> Any:
    """A value of the kind that stands under `key`, made of what stands under the other keys."""
    description = dict(_mapping(given, where))
    name = description.pop(key, None)
    if not isinstance(name, str) or name not in kinds:
        fault = f"{key} must be one of {', '.join(kinds)}, not {shown(name)}"
        if name is None:
            fault = f"its kind is missing: write {key}= with one of {', '.join(kinds)}"
        msg = f"{where}: {fault}"
        raise ConfigurationError(msg)
    return _record(kinds[name], description, f"{where} ({name})")


def _record(kind: type[Any], given: Mapping[str, Any], where: str) -> Any:
    fields = sorted(dataclasses.fields(kind), key=lambda each: bool(each.kw_only))  # what every rule has comes last
    _known(given, [each.name for each in fields], where)
    return _made(kind, [], given, where)


def _tier(given: object, where: str) -> Any:
    description = dict(_mapping(given, where))
    if "when" in description:
        description["when"] = _rule(description["when"], f"{where}.when")
    return _record(Tier, description, where)


def _at_most(given: object, where: str) -> Any:
    return _record(AtMost, _mapping(given, where), where)


_PARTS: Mapping[str, Callable[[object, str], Any]] = {
    "tiers": _tier,
    "prefer": _rule,
    "require": _rule,
    "exclude": _rule,
    "at_most": _at_most,
}


def _made(kind: Callable[..., Any], values: Sequence[Any], named: Mapping[str, Any], where: str) -> Any:
    """Call a constructor; its complaints get the place in front."""
    try:
        inspect.signature(kind).bind(*values, **named)
    except TypeError as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error
    try:
        return kind(*values, **named)
    except ConfigurationError as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error


def _known(given: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    unknown = [key for key in given if key not in keys]
    if unknown:
        msg = f"{where}: unknown key {shown(unknown[0])}; there are {', '.join(keys)}"
        raise ConfigurationError(msg)


def _mapping(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        msg = f"{where} must be a table of keys and values, not {shown(given)}"
        raise ConfigurationError(msg)
    return cast("Mapping[str, Any]", given)


def _sequence(given: object, where: str) -> Sequence[Any]:
    if not isinstance(given, list | tuple):
        msg = f"{where} must be a list, not {shown(given)}"
        raise ConfigurationError(msg)
    return cast("Sequence[Any]", given)


def described(
    *,
    tiers: Sequence[Tier],
    prefer: Sequence[Rule],
    weights: Sequence[float] | None,
    require: Sequence[Rule],
    exclude: Sequence[Rule],
    without_tier: Missing,
    per_tier: int | None,
    at_most: Sequence[AtMost],
    blend: Blend | None,
) -> dict[str, Any]:
    """The description of the arguments of `Rules`; `arguments` makes them of it again."""
    plain = {
        "tiers": [{"name": tier.name, "when": _described(tier.condition)} for tier in tiers],
        "prefer": [_described(rule) for rule in prefer],
        "weights": None if weights is None else list(weights),
        "require": [_described(rule) for rule in require],
        "exclude": [_described(rule) for rule in exclude],
        "without_tier": None if without_tier == "last" else without_tier,
        "per_tier": per_tier,
        "at_most": [dataclasses.asdict(limit) for limit in at_most],
        "blend": None if blend is None else {"method": _name(blend, BLENDS), **_changed(blend)},
    }
    return {key: value for key, value in plain.items() if value is not None and value != []}


def _described(rule: Rule) -> dict[str, Any]:
    if isinstance(rule, AllOf | AnyOf | NoneOf):
        return {"rule": _name(rule, RULES), "rules": [_described(each) for each in rule.rules]}
    if isinstance(rule, Function) or type(rule) not in RULES.values():
        msg = f"{shown(rule)} is code, which no description can hold: leave it out of what is to be described"
        raise ConfigurationError(msg)
    return {"rule": _name(rule, RULES), **_changed(rule)}


def _name(value: object, kinds: Mapping[str, type[Any]]) -> str:
    return next(name for name, kind in kinds.items() if kind is type(value))


def _changed(value: Any) -> dict[str, Any]:
    """The fields that differ from their defaults, in plain values."""
    fields = {each.name: (getattr(value, each.name), each.default) for each in dataclasses.fields(value)}
    return {name: _plain(given) for name, (given, default) in fields.items() if given != default}


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}s"
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value

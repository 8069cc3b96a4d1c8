"""Copies of runnables with some fields changed, made only where something did change."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any, cast

from pydantic import BaseModel


def fields(each: object) -> list[tuple[str, Any]]:
    """The fields, of which a transformer that is no pydantic model, such as a text splitter, has none.

    Those that are deprecated and not set are left out.
    """
    if not isinstance(each, BaseModel):
        return []
    known, values = type(each).model_fields, vars(each)  # reading a deprecated one as an attribute warns
    return [(name, values[name]) for name in known if not (known[name].deprecated and values[name] is None)]


def parts(value: Any) -> dict[str, Any]:
    """What a mapping, a pydantic model or a dataclass holds; nothing else holds anything."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclass_fields(value)}
    return dict(fields(value))


def copied(value: Any, updates: Mapping[str, Any]) -> Any:
    """A copy of such a thing, or the thing itself, as below. No constructor runs."""
    if isinstance(value, Mapping):
        return {**parts(value), **updates}
    if not is_dataclass(value):
        return copy_with(value, updates)
    changed = {name: each for name, each in updates.items() if not _same(each, getattr(value, name))}
    if not changed:
        return value
    twin = copy.copy(value)
    for name, each in changed.items():
        object.__setattr__(twin, name, each)  # it may be frozen
    return twin


def copy_with(each: Any, updates: Mapping[str, Any]) -> Any:
    """A copy with those fields, or the thing itself where they are what it has already."""
    values = cast("dict[str, Any]", vars(each))
    changed = {name: value for name, value in updates.items() if not _same(value, values[name])}
    return each.model_copy(update=changed) if changed else each


def _same(one: Any, other: Any) -> bool:
    """Whether nothing changed. Retrievers are told apart by identity: arrays in their fields cannot be compared."""
    if isinstance(one, list | tuple):
        return len(as_list(one)) == len(other) and all(map(_same, as_list(one), other))
    if isinstance(one, Mapping):
        return _same_mapping(one, other)
    return one is other or (isinstance(one, int) and one == other)


def _same_mapping(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())


def as_list(value: Any) -> list[Any]:
    """A list whose type the frameworks leave open."""
    return cast("list[Any]", value)

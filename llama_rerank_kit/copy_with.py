"""Copies of LlamaIndex objects with some attributes changed, made only where something did change."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")


def copy_with(each: T, updates: Mapping[str, Any]) -> T:
    """A shallow copy with those attributes, or the thing itself where they are what it has already."""
    changed = {name: value for name, value in updates.items() if not _same(value, getattr(each, name))}
    if not changed:
        return each
    other = copy.copy(each)
    for name, value in changed.items():
        setattr(other, name, value)
    return other


def _same(one: Any, other: Any) -> bool:
    """Whether nothing changed: numbers by value, all else by identity, in lists and mappings part by part."""
    if isinstance(one, list):
        return len(as_list(one)) == len(other) and all(map(_same, as_list(one), other))
    if isinstance(one, dict):
        known = as_dict(one)
        return known.keys() == other.keys() and all(_same(value, other[key]) for key, value in known.items())
    return one is other or (isinstance(one, int) and one == other)


def as_list(value: Any) -> list[Any]:
    """A list whose type LlamaIndex leaves open."""
    return cast("list[Any]", value)


def as_dict(value: Any) -> dict[Any, Any]:
    """A dict whose type LlamaIndex leaves open."""
    return cast("dict[Any, Any]", value)

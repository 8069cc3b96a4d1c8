"""Copies of runnables with some fields changed, made only where something did change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel


def fields(each: object) -> list[tuple[str, Any]]:
    """The fields, of which a transformer that is no pydantic model, such as a text splitter, has none."""
    return [(name, getattr(each, name)) for name in type(each).model_fields] if isinstance(each, BaseModel) else []


def copy_with(each: Any, updates: Mapping[str, Any]) -> Any:
    """A copy with those fields, or the thing itself where they are what it has already."""
    changed = {name: value for name, value in updates.items() if not _same(value, getattr(each, name))}
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

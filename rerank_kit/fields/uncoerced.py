"""Numbers and truth values as they are given: pydantic would make one of the other, and of text."""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

_WORDS = {bool: "True or False", int: "a whole number", float: "a number", NoneType: "None"}
_NUMBERS = frozenset({bool, int, float})
_TAKE_TEXT = frozenset({str, Path, Any})


def uncoerced(kind: type[BaseModel], name: str | None, value: object) -> object:
    """The value of a field, as it is. What is refused is not shown: it may be a key.

    Args:
        kind: The class that has the field.
        name: The field's name.
        value: What was passed for it.

    Raises:
        ValueError: It is a truth value where a number is wanted, the other way round, a float where a whole number is,
            or text in place of any of them.
    """
    annotation = kind.model_fields[str(name)].annotation
    kinds = _kinds(annotation)
    given = type(value)
    if not kinds & _NUMBERS or given not in {*_NUMBERS, str, bytes} or given in kinds:
        return value
    if (given is int and float in kinds) or (given in {str, bytes} and kinds & _TAKE_TEXT):
        return value
    if value in _words(annotation):
        return value
    numbers = " or ".join(words for each, words in _WORDS.items() if each in kinds)
    wanted = ", ".join([*(f'"{word}"' for word in _words(annotation)), numbers])
    msg = f"{name} must be {wanted}, not of type {given.__name__}"
    raise ValueError(msg)


def _words(annotation: Any) -> list[str]:
    """The words that a field takes."""
    if get_origin(annotation) is Literal:
        return [each for each in get_args(annotation) if isinstance(each, str)]
    return [word for part in get_args(annotation) for word in _words(part)]


def _kinds(annotation: Any) -> set[Any]:
    """The types that a field takes, each without what is said of it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return set[Any]().union(*map(_kinds, get_args(annotation)))
    return {annotation if origin is None else origin}

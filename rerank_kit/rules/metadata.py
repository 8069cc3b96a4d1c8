"""Reading a document's metadata, in which anything may stand: what cannot be used is said, and nothing else raised.

What is read comes out as plain Python values, so that nothing the metadata hold is asked again later. It is never
changed or used up.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from itertools import islice
from typing import TypeAlias, TypeVar, cast

from rerank_kit.quoting import class_name
from rerank_kit.rules.quoting import label, line, shown
from rerank_kit.values import Document

T = TypeVar("T")

Plain: TypeAlias = str | bool | int | float
"""What a field can be compared with. Texts are equal whatever their case; a number never equals a text."""

LARGEST = 1e15
"""Whole numbers beyond are not exact as floats."""

_MOST = 10_000  # values of one field that are looked at: a range or a view may have any number


class Odd(Exception):
    """A field is missing or holds nothing that a rule can use; the message is a clause that says so."""


def read(document: Document, field: str) -> object:
    """The value of a field: a key of the metadata, or a path such as `"company.name"` through mappings in it.

    Where there is no such key, `"text"` is what the document says and `"score"` is the score of the stage before.

    Raises:
        Odd: There is no such field, it is `None`, or reading it raised something.
    """
    try:
        found = at(document.metadata, field)
    except Exception as error:
        raise unreadable(field, error) from error
    if found is None and field in ("text", "score"):
        found = document.text if field == "text" else document.score
    if found is None:
        msg = f"{label(field)} is not known"
        raise Odd(msg)
    return found


def unreadable(field: str, error: Exception) -> Odd:
    """What is said of a field that raises when it is read."""
    return Odd(f"{label(field)} cannot be read ({line(class_name(error))})")


def at(metadata: object, field: str) -> object:
    """The value at a key, or at the end of a path through mappings; `None` where there is none. It may raise."""
    if not isinstance(metadata, Mapping):
        return None
    mapping = cast("Mapping[str, object]", metadata)
    if field in mapping:
        return mapping[field]
    first, dot, rest = field.partition(".")
    return at(mapping.get(first), rest) if dot else None


def number(value: object, name: str) -> float:
    """A number, also one in digits; truth values are none.

    Raises:
        Odd: It is no finite number, or too large to count with.
    """
    with suppress(Exception):
        if not is_truth(value) and not is_bytes(value):
            found = float(value)  # type: ignore[arg-type]  # what cannot be converted raises
            if abs(found) <= LARGEST:  # never true of NaN
                return found
    msg = f"{name}, {shown(value)}, is no number"
    raise Odd(msg)


def texts(value: object, name: str) -> list[str]:
    """A text, or the texts in a collection.

    Raises:
        Odd: There is none.
    """
    found = [each for each in plain_values(value, name) if isinstance(each, str)]
    if not found:
        msg = f"{name}, {shown(value)}, is no text"
        raise Odd(msg)
    return found


def plain_values(value: object, name: str) -> list[Plain]:
    """The texts, truth values and numbers in a collection, or the one that the value is; nothing of other kinds.

    Of a collection the first 10,000 values are read.

    Raises:
        Odd: It is a generator or the like, which reading would use up, or it cannot be read.
    """
    try:
        several = _several(value)
        found = None if several is None else [each for each in map(_plain, several) if each is not None]
    except Exception as error:
        raise unreadable(name, error) from error
    if found is None:
        msg = f"{name}, {shown(value)}, can be read only once: make it a list"
        raise Odd(msg)
    return found


def _several(value: object) -> Iterable[object] | None:
    """The values in a collection, or the one that it is; `None` where reading would use it up."""
    if isinstance(value, Iterator):
        return None
    return islice(cast("Iterable[object]", value), _MOST) if _is_collection(value) else [value]


def _is_collection(value: object) -> bool:
    is_one = isinstance(value, str | Mapping) or is_bytes(value)
    return not is_one and isinstance(value, Iterable) and isinstance(value, Sized)


def _plain(value: object) -> Plain | None:
    """A text, a truth value or a finite number of any type, as Python's own; `None` for all else."""
    with suppress(Exception):
        if isinstance(value, str):
            return str.__str__(value)
        if is_truth(value):
            return bool(value)
        if not is_bytes(value) and math.isfinite(cast("float", value)):
            whole = hasattr(value, "__index__")  # exactly, for the numbers of ids are large
            return int.__index__(operator.index(cast("int", value))) if whole else float(cast("float", value))
    return None


def is_truth(value: object) -> bool:
    """Whether it is a truth value, Python's or numpy's."""
    return value is True or value is False or class_name(value) in ("bool_", "bool")


def is_bytes(value: object) -> bool:
    """Whether it is bytes of any kind, which `float` would read as digits."""
    return isinstance(value, bytes | bytearray | memoryview)


def once(function: Callable[[], T], cache: dict[int, tuple[object, object]], owner: object) -> T:
    """What a rule works out once for all candidates."""
    if id(owner) not in cache:
        cache[id(owner)] = owner, function()  # the owner is kept, so that no other one gets its number
    return cast("T", cache[id(owner)][1])

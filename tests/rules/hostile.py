"""Metadata and descriptions that nobody should have, and that somebody will."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, cast

import numpy as np


class Spiteful(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise self

    __repr__ = __str__


def spite(*_: Any, **__: Any) -> Any:
    raise Spiteful


def raising(*names: str, base: type = object, **members: Any) -> Any:
    """An object of a class in which some methods raise."""
    return type("Hostile", (base,), {**dict.fromkeys(names, spite), **members})()


WRITTEN = ("__repr__", "__str__", "__format__")
COMPARED = ("__eq__", "__hash__", "__bool__", "__lt__", "__le__", "__gt__", "__ge__", "__abs__")
COUNTED = ("__len__", "__iter__", "__contains__", "__getitem__", "__float__", "__int__", "__index__", "__next__")


class Lazy(Mapping[str, Any]):
    """A mapping that has every key until one asks."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __getitem__(self, key: str) -> Any:
        raise self.error(key)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        raise self.error

    def __len__(self) -> int:
        raise self.error


class Zone(tzinfo):
    """A time zone that raises, or says what no time zone says."""

    def __init__(self, offset: Any = None) -> None:
        self.offset = offset

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        if self.offset is None:
            raise Spiteful
        return cast("timedelta", self.offset)

    dst = tzname = __repr__ = spite


class Endless:
    """A collection that says it has two values, and has no end."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


def impostor(kind: type) -> Any:
    """An object that says it is of another class."""
    return type("Impostor", (), {"__class__": property(lambda self: kind)})()


Unnamed: Any = type("Unnamed", (type,), {"__name__": property(spite)})
"""A class of classes that have no name."""


class Wrong(str):
    """A text that answers wrongly."""

    __slots__ = ()
    strip = casefold = split = lower = isascii = __len__ = __getitem__ = __format__ = __str__ = __repr__ = spite
    __eq__ = __hash__ = __contains__ = __iter__ = spite


def deep(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = wrap(value)
    return value


def cyclic() -> Any:
    several: list[Any] = [1]
    table: dict[str, Any] = {"list": several, "company": {}}
    table["company"] = table
    several += [several, table]
    return several


def used_up() -> Iterator[str]:
    found = iter("a")
    next(found)
    return found


MAKERS: dict[str, Callable[[], Any]] = {
    **{name: partial(raising, name) for name in (*WRITTEN, *COMPARED, *COUNTED)},
    "raises whatever is asked": lambda: raising(*WRITTEN, *COMPARED, *COUNTED),
    "raises in a subclass of list": lambda: raising(*WRITTEN, *COMPARED, *COUNTED, base=list),
    "raises in a subclass of dict": lambda: raising(*WRITTEN, *COMPARED, *COUNTED, "get", base=dict),
    "raises in a subclass of float": lambda: raising(*WRITTEN, *COMPARED, "__float__", base=float),
    "raises in a subclass of int": lambda: raising(*WRITTEN, *COMPARED, "__index__", "bit_length", base=int),
    "raises in a subclass of str": lambda: Wrong("text"),
    "a float that is a text": lambda: raising(__float__=lambda self: "1"),
    "a repr that is a number": lambda: raising(__repr__=lambda self: 1),
    "a repr of many lines": lambda: raising(__repr__=lambda self: "line\n" * 1000),
    "a length below nothing": lambda: raising(__len__=lambda self: -1, __iter__=lambda self: iter("ab")),
    "a class without a name": Unnamed("Anything", (), {"__repr__": spite}),
    "a class with an odd name": type("a\nb" * 100, (), {"__repr__": spite}),
    **{f"says it is {kind.__name__}": partial(impostor, kind)
       for kind in (str, bool, int, float, bytes, list, dict, datetime, date)},
    "a class that raises": lambda: raising(__class__=property(spite)),
    "5,000 digits": lambda: 10**5000,
    "minus 5,000 digits": lambda: -(10**5000),
    "5,000 digits in a list": lambda: [10**5000, "London"],
    "a fraction beyond floats": lambda: Fraction(10**5000, 3),
    "a list 3,000 deep": lambda: deep(3000, lambda value: [value]),
    "a dict 3,000 deep": lambda: deep(3000, lambda value: {"a": value}),
    "a cyclic list": cyclic,
    "a generator": lambda: (each for each in "ab"),
    "a used-up iterator": used_up,
    "an infinite iterator": itertools.count,
    "an infinite collection": Endless,
    "a range without end": lambda: range(10**15),
    "numbers": lambda: np.array([1.0, 2.0]),
    "a number in an array": lambda: np.array(3.0),
    "objects in an array": lambda: np.array([None, raising("__repr__")], dtype=object),
    "no moment of numpy's": lambda: np.datetime64("NaT"),
    "a moment of numpy's": lambda: np.datetime64("2026-11-24T00:00:00", "ns"),
    "a length of time of numpy's": lambda: np.timedelta64(3, "D"),
    "a complex number": lambda: 1j,
    "a decimal NaN": lambda: Decimal("NaN"),
    "a signalling NaN": lambda: Decimal("sNaN"),
    "decimal infinity": lambda: Decimal("-Infinity"),
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "a great float": lambda: 1.7e308,
    "the least float": lambda: 5e-324,
    "a long text": lambda: "ab\n" * 3000,
    "a text of marks": lambda: "a" + "\u0301\u0323" * 1000,
    "half a pair": lambda: "bad \ud83d text",
    "NULs": lambda: "\x00" * 1000,
    "long digits": lambda: "9" * 5000,
    "bytes": lambda: b"\xff" * 1000,
    "a bytearray": lambda: bytearray(b"1"),
    "a memoryview": lambda: memoryview(b"1"),
    "a mapping without keys": lambda: Lazy(KeyError),
    "a mapping that fails": lambda: Lazy(RuntimeError),
    "a mapping that stops": lambda: Lazy(StopIteration),
    "the first moment": lambda: datetime.min,  # noqa: DTZ901
    "the last moment": lambda: datetime.max,  # noqa: DTZ901
    "the first day": lambda: date.min,
    "the last day": lambda: date.max,
    "the first moment east": lambda: datetime.min.replace(tzinfo=UTC) + timedelta(0),
    "a zone that raises": lambda: datetime(2026, 1, 1, tzinfo=Zone()),
    "a zone of days": lambda: datetime(2026, 1, 1, tzinfo=Zone(timedelta(days=9))),
    "a zone of texts": lambda: datetime(2026, 1, 1, tzinfo=Zone("+01:00")),
    "a lock": lambda: __import__("threading").Lock(),
    "a class": lambda: str,
    "a function": lambda: spite,
}  # fmt: skip
"""What metadata may hold, each made anew, for some of it can be read only once."""

ORDINARY: list[Any] = [
    None, True, 0, -1, 3, 4.5, 1e-9, "", "London", "3", ["London", "AI"], "2026-11-24", "2022-10", 2022, b"x", (),
    {"name": "x"},
]  # fmt: skip


NEWER = {"rule": "newer", "field": "posted", "within": "24h"}


def nested(levels: int, name: str = "all_of", inside: Any = NEWER) -> Any:
    """Conditions inside one another."""
    rule = inside
    for _ in range(levels):
        rule = {"rule": name, "rules": [rule]}
    return rule

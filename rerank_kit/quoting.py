"""Showing any value in an error, in a line: whatever its size, its depth, or its own idea of how it is shown."""

from __future__ import annotations

import reprlib
from itertools import islice
from typing import Any, cast

_LONGEST = 300  # characters
_NAME_OF = type.__dict__["__name__"].__get__


def quoted(value: object) -> str:
    """A value as an error shows it: like `repr`, but cut, and never an error itself."""
    try:
        text = _SHORT.repr(value)
    except Exception:  # noqa: BLE001 - an error about a value must not fail on that value
        text = f"<{class_name(value)}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def class_name(value: object) -> str:
    """The name of a value's class, which may be long; whatever its metaclass says of it."""
    return cast("str", _NAME_OF(type(value)))


class _Short(reprlib.Repr):
    """The standard library's, which stops at a depth and a length, with dicts in their own order."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 8
        self.maxdict = self.maxlist = self.maxtuple = 20
        self.maxstring = self.maxother = _LONGEST
        self.maxlong = 40

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        shown = [
            f"{self.repr1(key, level - 1)}: {self.repr1(each, level - 1)}"
            for key, each in islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join([*shown, *(["..."] if len(x) > self.maxdict else [])]) + "}"

    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # Python writes no number of more than 4,300 digits
            return f"<int of {x.bit_length()} bits>"


_SHORT = _Short()

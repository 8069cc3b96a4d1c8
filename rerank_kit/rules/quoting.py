"""Quoting what stands in metadata or in a description, which may be anything, in no more than a line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import cast

from rerank_kit.quoting import class_name

LINE = 80
"""The most characters that a quotation has."""

_JOINERS = "\u200c\u200d"  # they cannot be seen, but words in Persian and Hindi, and emoji, are written with them


def line(text: str, most: int = LINE) -> str:
    """A text as part of a sentence: in one line, cut where that is full, without what cannot be printed."""
    whole = str.__str__(text).strip()
    begins = " ".join(whole[: 4 * most].split())
    if not begins.isprintable():
        begins = "".join(each if each.isprintable() or each in _JOINERS else "\ufffd" for each in begins)
    if len(whole) <= 4 * most and len(begins) <= most:
        return begins
    return f"{begins[: most - 1]}…"


def shown(value: object) -> str:
    """A value as Python writes it, in a line; where it cannot be written, its class."""
    try:
        return line(_written(value))
    except Exception:  # noqa: BLE001 - whatever it is, it is to be quoted
        return f"an object of the class {line(class_name(value))}"


def _written(value: object) -> str:
    if isinstance(value, str):
        return repr(str.__str__(value)[:LINE])
    if isinstance(value, bytes | bytearray):
        return repr(bytes(value[:LINE]))
    if isinstance(value, int) and (bits := int.bit_length(value)) > 3 * LINE:
        return f"a whole number of about {bits * math.log10(2):.0f} digits"
    if type(value) in (list, tuple, set, frozenset, dict) and (length := len(cast("list[object]", value))) > LINE:
        return f"a {type(value).__name__} of {length} values"
    return repr(value)


@lru_cache
def label(field: str) -> str:
    """A field's name as a sentence can have it: `"open_date"` is an open date."""
    return line(field.replace("_", " ").replace(".", " "))


def quoted(values: Iterable[object], most: int = 3) -> str:
    """The first few of some values, in quotation marks, as a sentence can have them."""
    each = list(values)
    more = len(each) - most
    first = ", ".join(f"“{line(str(value))}”" for value in islice(each, most))
    return first + (f" or {more} more" if more > 0 else "")

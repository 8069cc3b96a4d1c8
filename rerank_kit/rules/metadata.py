"""Reading a document's metadata, in which anything may stand: what cannot be used is said, and nothing else raised."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, tzinfo
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast

from rerank_kit.values import Document

T = TypeVar("T")

_MILLISECONDS = 1e11  # seconds since 1970 do not get that far before the year 5138
_LARGEST = 1e15  # whole numbers beyond are not exact as floats


class Odd(Exception):
    """A field is missing or holds nothing that a rule can use; the message is a clause that says so."""


def read(document: Document, field: str) -> object:
    """The value of a field: a key of the metadata, or a path such as `"company.name"` through mappings in it.

    Where there is no such key, `"text"` is what the document says and `"score"` is the score of the stage before.

    Raises:
        Odd: There is no such field, or it is `None`.
    """
    found = _at(document.metadata, field)
    if found is None and field in ("text", "score"):
        found = document.text if field == "text" else document.score
    if found is None:
        msg = f"{label(field)} is not known"
        raise Odd(msg)
    return found


def _at(metadata: object, field: str) -> object:
    if not isinstance(metadata, Mapping):
        return None
    mapping = cast("Mapping[str, object]", metadata)
    if field in mapping:
        return mapping[field]
    first, dot, rest = field.partition(".")
    return _at(mapping.get(first), rest) if dot else None


def label(field: str) -> str:
    """A field's name as a sentence can have it: `"open_date"` is an open date."""
    return field.replace("_", " ").replace(".", " ")


def number(value: object, name: str) -> float:
    """A number, also one in digits; truth values are none.

    Raises:
        Odd: It is no finite number, or too large to count with.
    """
    with suppress(TypeError, ValueError, OverflowError):
        if not isinstance(value, bool | bytes):
            found = float(value)  # type: ignore[arg-type]  # what cannot be converted raises
            if abs(found) <= _LARGEST:  # never true of NaN
                return found
    msg = f"{name}, {value!r}, is no number"
    raise Odd(msg)


def texts(value: object, name: str) -> list[str]:
    """A text, or the texts in a collection.

    Raises:
        Odd: There is none.
    """
    each = [value] if isinstance(value, str) else value
    if isinstance(each, Iterable) and not isinstance(each, bytes | Mapping):
        found = [text for text in cast("Iterable[object]", each) if isinstance(text, str)]
        if found:
            return found
    msg = f"{name}, {value!r}, is no text"
    raise Odd(msg)


def moment(value: object, name: str, zone: tzinfo) -> datetime:
    """A moment: a datetime, a date, seconds or milliseconds since 1970, ISO 8601, or the format of e-mail and RSS.

    Args:
        value: What stands in the metadata.
        name: What to call it.
        zone: The time zone of moments that name none; a date is its midnight there.

    Raises:
        Odd: It is none of these.
    """
    with suppress(TypeError, ValueError, OverflowError, OSError):
        found = _written(value) if isinstance(value, str) else _counted(value)
        found = found.replace(tzinfo=zone) if found.tzinfo is None else found
        if math.isfinite(found.timestamp()):  # pandas has a moment that is none
            return found
    msg = f"{name}, {value!r}, is no date"
    raise Odd(msg)


def _counted(value: object) -> datetime:
    """A datetime, the midnight of a date, or seconds or milliseconds since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, bool | bytes):
        raise TypeError(value)
    seconds = float(value)  # type: ignore[arg-type]  # what cannot be converted raises
    return datetime.fromtimestamp(seconds / 1000 if abs(seconds) > _MILLISECONDS else seconds, UTC)


def _written(value: str) -> datetime:
    """ISO 8601, the format of e-mail and RSS, or digits; eight of them are a date."""
    text = value.strip()
    if text.isdecimal() and len(text) > len("20261231"):
        return _counted(int(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def folded(text: str) -> str:
    """A text without what does not count in a comparison: case, width, ligatures, runs of white space."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.split())


def quoted(values: Iterable[object], most: int = 3) -> str:
    """The first few of some values, in quotation marks, as a sentence can have them."""
    shown = [f"“{value}”" for value in values]
    more = len(shown) - most
    return ", ".join(shown[:most]) + (f" or {more} more" if more > 0 else "")


def once(function: Callable[[], T], cache: dict[int, object], owner: object) -> T:
    """What a rule works out once for all candidates."""
    if id(owner) not in cache:
        cache[id(owner)] = function()
    return cast("T", cache[id(owner)])

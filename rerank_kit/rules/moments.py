"""Reading moments, in any of the ways in which metadata write them."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from rerank_kit.quoting import class_name
from rerank_kit.rules.metadata import Odd, is_bytes, is_truth
from rerank_kit.rules.quoting import shown

_MILLISECONDS = 1e11  # seconds since 1970 do not get that far before the year 5138
_YEARS = 1000, 2999  # as seconds since 1970, these would be within the first hour
_DAYS = 1000_01_01, 2999_12_31  # and these would be days in 1970
_LONGEST = 100  # characters
_COUNT = re.compile(r"-?\d{9,}(?:\.\d*)?")
_PART = re.compile(r"(\d{4})(?:-(\d{2})|-?(\d{3}))?", re.ASCII)


def moment(value: object, name: str, zone: tzinfo) -> datetime:
    """A moment, with its time zone.

    It may be a datetime, a date, ISO 8601 with any of its dates, the format of e-mail and RSS, seconds or milliseconds
    since 1970, or as a whole number a year or the eight digits of a date. What names no time of day is a midnight, and
    what names no day the first one.

    Args:
        value: What stands in the metadata.
        name: What to call it.
        zone: The time zone of moments that name none.

    Raises:
        Odd: It is none of these.
    """
    with suppress(Exception):
        found = _written(value) if isinstance(value, str) else _given(value)
        found = found.replace(tzinfo=zone) if found.utcoffset() is None else found
        if math.isfinite(found.timestamp()):  # pandas has a moment that is none
            return found
    msg = f"{name}, {shown(value)}, is no date"
    raise Odd(msg)


def _given(value: object) -> datetime:
    """What is no text."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if class_name(value) == "datetime64":  # numpy's, which as a number is one of any unit
        return _written(str(value))
    if is_truth(value) or is_bytes(value):
        raise TypeError
    return _counted(float(value))  # type: ignore[arg-type]  # what cannot be converted raises


def _counted(number: float) -> datetime:
    """Seconds or milliseconds since 1970, or a year or a date as a whole number."""
    if number.is_integer() and _YEARS[0] <= number <= _YEARS[1]:
        return _midnight(int(number))
    if number.is_integer() and _DAYS[0] <= number <= _DAYS[1]:
        with suppress(ValueError):
            return datetime.fromisoformat(f"{number:.0f}")
    return datetime.fromtimestamp(number / 1000 if abs(number) > _MILLISECONDS else number, UTC)


def _written(value: str) -> datetime:
    """ISO 8601, the format of e-mail and RSS, or seconds or milliseconds since 1970 in digits."""
    text = str.__str__(value).strip()
    if len(text) > _LONGEST:
        raise ValueError
    if _COUNT.fullmatch(text):
        return _counted(float(text))
    if part := _PART.fullmatch(text):
        year, month, day = part.groups()
        return _midnight(int(year), int(month or 1), int(day or 1))
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return parsedate_to_datetime(text)


def _midnight(year: int, month: int = 1, day: int = 1) -> datetime:
    """The midnight with which a day begins, counted from the first of a month; one beyond its year is an error."""
    found = datetime(year, month, 1) + timedelta(days=day - 1)  # noqa: DTZ001 - the caller knows the zone
    if found.year != year or day < 1:
        raise ValueError
    return found

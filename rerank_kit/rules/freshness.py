"""`newer`: what is recent comes first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

from rerank_kit.arguments import named
from rerank_kit.errors import ConfigurationError
from rerank_kit.rules.decay import halved
from rerank_kit.rules.metadata import read
from rerank_kit.rules.moments import moment
from rerank_kit.rules.quoting import label, shown
from rerank_kit.rules.rule import Case, Match, Rule, check_field
from rerank_kit.values import Document

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|d|w|(?:second|minute|hour|day|week)s?)\s*", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@named
@dataclass(frozen=True)
class Newer(Rule):
    """Prefers what is newer, by a line or by a half-life.

    A moment that lies ahead counts as now. How moments may be written says `rerank_kit.rules.moments.moment`.

    Attributes:
        field: The field with the moment.
        half_life: The age at which half the points are left, such as `"7d"` or a `timedelta`. What is older has fewer,
            however old it is.
        within: Or the age up to which there are all points, and none beyond, such as `"24h"`.
        zone: The time zone of moments that name none, such as `"Europe/London"`.
    """

    field: str
    half_life: str | timedelta | None = None
    within: str | timedelta | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_field("field", self.field)
        if (self.half_life is None) == (self.within is None):
            msg = f'newer({self.field!r}) needs either half_life= or within=, such as within="24h"'
            raise ConfigurationError(msg)
        duration("half_life" if self.within is None else "within", self._span)
        _zone(self.zone)

    @property
    def _span(self) -> str | timedelta | None:
        return self.half_life if self.within is None else self.within

    @property
    def decides(self) -> bool:  # type: ignore[override]  # one of its two kinds does
        """Whether it draws a line."""
        return self.within is not None

    def evaluate(self, document: Document, case: Case) -> Match:
        """Match by the age."""
        name = label(self.field)
        age = case.now - moment(read(document, self.field), name, _zone(self.zone))
        seconds = age.total_seconds()
        span = duration("", self._span)
        says = f"{name} {in_words(seconds)} ago" if seconds >= 0 else f"{name} in {in_words(-seconds)}"
        if self.within is None:
            exactly = Fraction(max(0, age // timedelta(microseconds=1)), 10**6)
            value, exact = halved(exactly, span)
            return Match(value, says, exact=exact)
        return Match(float(seconds < span), f"{says}, {'within' if seconds < span else 'not within'} {in_words(span)}")


def duration(name: str, given: str | timedelta | None) -> float:
    """Seconds of a `timedelta` or of a text such as `"24h"`.

    Raises:
        ConfigurationError: It is neither, or not above 0.
    """
    if isinstance(given, timedelta):
        seconds = given.total_seconds()
    else:
        found = _DURATION.fullmatch(given) if isinstance(given, str) else None
        seconds = float(found[1]) * _SECONDS[found[2][0]] if found else 0.0
    if not 0 < seconds <= timedelta.max.total_seconds():
        such = '"90m", "24h", "7d" or a timedelta'
        msg = f"{name} must be a time above 0 with its unit, such as {such}, not {shown(given)}"
        raise ConfigurationError(msg)
    return seconds


_UNITS = (("year", 31_557_600, 2), ("week", 604_800, 9), ("day", 86_400, 2), ("hour", 3600, 2), ("minute", 60, 2))
"""Units with their seconds, and from how many on they are used: "30 days" says more than "4 weeks"."""


def in_words(seconds: float) -> str:
    """A length of time as one says it, rounded down to a unit of which there are some."""
    for unit, length, least in _UNITS:
        if seconds >= least * length:
            return f"{seconds // length:.0f} {unit}s"
    return f"{seconds:.0f} seconds" if round(seconds) != 1 else "1 second"


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # there wherever the database of time zones is not
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError) as error:
        msg = f'zone must be a time zone of this machine, such as "UTC" or "Europe/London", not {shown(name)}'
        raise ConfigurationError(msg) from error

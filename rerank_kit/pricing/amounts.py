"""Amounts as people read them. What is not known is a question mark, never 0."""

from __future__ import annotations

import math
from collections.abc import Callable

UNKNOWN = "?"
_DIGITS = 3
_SAME = 1e-9


def money(dollars: float | None) -> str:
    """US dollars, with as many digits as say something."""
    if dollars is None:
        return UNKNOWN
    if dollars >= 100 or dollars == 0:  # noqa: PLR2004 - cents say nothing from there on
        return f"${dollars:,.0f}"
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.2g}"


def volume(queries: float) -> str:
    """Queries a month."""
    digits = len(f"{queries:.0f}") - _DIGITS
    return f"{round(queries, -digits) if digits > 0 else queries:,.0f}"


def from_volume(queries: float) -> str:
    """The first volume of those above one, with the digits that say something: rounded up."""
    return f"{_rounded(queries, math.ceil):,}"


def between(start: float, end: float) -> tuple[str, str]:
    """The first and the last volume between two: rounded inwards, to whole queries where they are close."""
    first, last = _rounded(start, math.ceil), _rounded(end, math.floor)
    if first > last:
        first, last = math.ceil(start * (1 - _SAME)), math.floor(end * (1 + _SAME))
    return f"{first:,}", f"{max(first, last):,}"


def _rounded(queries: float, to_whole: Callable[[float], int]) -> int:
    """With three digits, whereby what rounding has left of a number that has no more of them is none."""
    step: int = 10 ** max(0, len(f"{queries:.0f}") - _DIGITS)
    near = round(queries / step)
    return step * (near if math.isclose(near, queries / step, rel_tol=_SAME) else to_whole(queries / step))


def seconds(value: float | None) -> str:
    """Seconds."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - nobody needs parts of them from there on

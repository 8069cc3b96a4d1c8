"""Amounts as people read them. What is not known is a question mark, never 0."""

from __future__ import annotations

UNKNOWN = "?"
_DIGITS = 3


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


def seconds(value: float | None) -> str:
    """Seconds."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - nobody needs parts of them from there on

"""Where two back ends cost the same, and how that is told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from rerank_kit.pricing.amounts import between, from_volume
from rerank_kit.pricing.bills import turns
from rerank_kit.pricing.rows import Row

_WINDOWS = 5  # of volumes that are told one by one


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where the cheaper of two back ends becomes the dearer one.

    Attributes:
        below: The cheaper one of the two below that.
        above: The cheaper one above it.
        queries: How many queries a month that is; `None` where `below` costs no more however many there are.
        windows: Between which volumes `above` is the cheaper one; an end that is `None` is that of the last one, which
            goes on. There are several where one more machine is needed, again and again; they are known for up to 100
            machines.
    """

    below: str
    above: str
    queries: float | None
    windows: tuple[tuple[float, float | None], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """It as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """It as a sentence."""
        return told([self])[0]


def told(evens: Iterable[BreakEven]) -> list[str]:
    """They as sentences, one for all back ends of which the same is true."""
    found: dict[str, list[str]] = {}
    for each in evens:
        if each.queries is None:
            start, other = f"{each.below} costs no more, however many queries there are, than", each.above
        else:
            start = f"{each.above} pays from about {_volumes(each.windows)} queries a month in place of"
            other = each.below
        found.setdefault(start, []).append(other)
    return [f"{start} {', '.join(names)}" for start, names in found.items()]


def _volumes(windows: Sequence[tuple[float, float | None]]) -> str:
    """The volumes at which something pays, such as "5,000 to 8,000, and from about 10,000": at all that are told."""
    whole = [(start, end) for start, end in windows if end is None or math.ceil(start) <= end] or windows
    said = [from_volume(start) if end is None else " to ".join(between(start, end)) for start, end in whole]
    told = said if len(said) <= _WINDOWS else [*said[: _WINDOWS - 1], f"{len(said) - _WINDOWS} times more", said[-1]]
    return ", and from about ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def break_even(one: Row, other: Row) -> BreakEven | None:
    """Where two back ends cost the same; `None` where what one costs is not known."""
    if one.bill is None or other.bill is None:
        return None
    found: list[tuple[float | None, int]] = [*turns(one.bill, other.bill), (None, 0)]
    first = found[0][1]
    below, above = (other, one) if first > 0 else (one, other)
    windows = tuple((start, end) for (start, sign), (end, _) in pairwise(found) if start is not None and sign == -first)
    return BreakEven(below.backend, above.backend, windows[0][0] if windows else None, windows)


def compared(local: Row | None, rows: Sequence[Row]) -> Iterator[BreakEven]:
    """Those of a local model, if there is one, and all of another kind that will do: the same pairs at any volume."""
    for other in rows if local is not None else ():
        found = break_even(local, other) if local and other.fits and other.kind != "local" else None
        if found is not None:
            yield found

"""What a back end costs in a month as a function of how many queries there are, and where two such functions cross."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

_NOTHING = 1e-12  # dollars a query
_PIECES = 100  # straight parts of two bills that are looked at for a crossing, such as so many machines

Line: TypeAlias = tuple[float, float, float]
"""Dollars at no queries, dollars of each query, and the volume up to which that holds."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What is paid by one price: for each query, and in a month however many there are.

    Attributes:
        per_query: US dollars.
        minimum: US dollars that a month costs at least.
        fixed: US dollars of a month that do not depend on queries; they count towards the minimum.
        model: Whose price it is: what is paid by the same price has one minimum.
    """

    per_query: float
    minimum: float = 0.0
    fixed: float = 0.0
    model: str = ""

    def dollars(self, queries: float) -> float:
        """What so many queries a month cost."""
        return max(self.minimum, self.fixed + self.per_query * queries)

    def line(self, queries: float) -> Line:
        """The straight part right behind a volume."""
        left = self.minimum - self.fixed
        until = left / self.per_query if self.per_query and left > 0 else math.inf if left > 0 else 0.0
        if queries < until:
            return self.minimum, 0.0, until
        return self.fixed, self.per_query, math.inf

    def __add__(self, other: Metered) -> Metered:
        """Both, where they are paid by the same price."""
        minimum, fixed = max(self.minimum, other.minimum), self.fixed + other.fixed
        return Metered(self.per_query + other.per_query, minimum, fixed, self.model)


@dataclass(frozen=True, slots=True)
class Machines:
    """What is paid for machines, of which there is one at least.

    Attributes:
        price: US dollars of one for a month.
        capacity: Queries a month that one can serve.
    """

    price: float
    capacity: float

    def count(self, queries: float) -> int:
        """How many so many queries a month need."""
        return max(1, math.ceil(queries / self.capacity))

    def dollars(self, queries: float) -> float:
        """What so many queries a month cost."""
        return self.count(queries) * self.price

    def line(self, queries: float) -> Line:
        """The straight part right behind a volume."""
        count = math.floor(queries / self.capacity + 1e-9) + 1
        return count * self.price, 0.0, count * self.capacity


Bill: TypeAlias = tuple[Metered | Machines, ...]
"""All that is paid for."""


def together(bills: Iterable[Bill]) -> Bill:
    """One bill of several. What is paid by the same price is one part, for a contract asks for its minimum once."""
    metered: dict[str, Metered] = {}
    others: list[Metered | Machines] = []
    for part in chain.from_iterable(bills):
        if isinstance(part, Metered) and part.model:
            known = metered.get(part.model)
            metered[part.model] = part if known is None else known + part
        else:
            others.append(part)
    return (*others, *metered.values())


def dollars(bill: Bill, queries: float) -> float:
    """What so many queries a month cost, in US dollars."""
    return sum(part.dollars(queries) for part in bill)


def turns(one: Bill, other: Bill) -> Generator[tuple[float, int]]:
    """The volumes from which on the first bill is the cheaper one, -1, or the dearer one, 1; smallest first.

    The first volume is 0. Machines come whole, so that there may be several; volumes of up to 100 machines are looked
    at. There are none where both cost the same however many queries there are. Where they cost the same for a while,
    the one that was cheaper before counts as that.
    """
    volume, cheaper = 0.0, 0
    for _ in range(_PIECES):
        fixed, slope, until = _difference(one, other, volume)
        whole = dollars(one, volume)
        begins = _sign(fixed + slope * volume, whole)
        ends = _sign(fixed + slope * until if slope else fixed, whole)
        for at, sign in ((volume, begins), (-fixed / slope if slope else volume, ends)):
            if sign and sign != cheaper:
                yield (at if cheaper else 0.0), sign
                cheaper = sign
        if not math.isfinite(until):
            return
        volume = until


def _difference(one: Bill, other: Bill, queries: float) -> Line:
    """The first bill less the second one, in the straight part right behind a volume."""
    ours, theirs = ([part.line(queries) for part in bill] for bill in (one, other))
    fixed, slope = (sum(each[place] for each in ours) - sum(each[place] for each in theirs) for place in (0, 1))
    slope = 0.0 if abs(slope) < _NOTHING else slope  # what rounding leaves
    return fixed, slope, min((each[2] for each in (*ours, *theirs)), default=math.inf)


def _sign(value: float, whole: float) -> int:
    """That of a difference between bills of about so many dollars; 0 of what rounding may leave."""
    small = 1e-9 * max(1.0, whole)
    return 0 if abs(value) < small else int(math.copysign(1, value))


def points(bill: Bill, most: float, steps: int = 200) -> list[tuple[float, float]]:
    """Where the line of a bill bends, up to a volume: pairs of queries and dollars, so many at most."""
    found, volume = list[tuple[float, float]](), 0.0
    while volume < most and len(found) < steps - 1:
        fixed, slope, until = _difference(bill, (), volume)
        end = min(until, most)
        found += [(volume, fixed + slope * volume), (end, fixed + slope * end)]
        volume = end
    return (
        found
        if volume >= most
        else [(most * step / steps, dollars(bill, most * step / steps)) for step in range(1, steps + 1)]
    )

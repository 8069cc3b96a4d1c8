"""Points that are halved with every further step of a distance in time or in value."""

from __future__ import annotations

from fractions import Fraction

_HALVINGS = 1000  # a float ends after 1074, and loses its digits before


def halved(distance: Fraction, half: float) -> tuple[float, Fraction | None]:
    """1 at no distance, and half of it for each `half` on the way: `0.5 ** (distance / half)`.

    Where that is too little for a float to tell it from other numbers as small, a fraction comes with it that is less
    than what is told before, and that keeps the order however far it goes.
    """
    halvings = float(distance) / half
    exact = None if halvings <= _HALVINGS else Fraction(half) / distance / 2**_HALVINGS
    return float(0.5**halvings), exact

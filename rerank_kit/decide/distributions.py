"""Probabilities that belong together: whether they can be meant, as far as rounding explains them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

FLOATS = 1e-6
"""By how much floats may be off."""

_DECIMALS = 2  # of probabilities, where APIs round them the most
_EXACT = 6  # decimals from which on a number is taken for one that nobody rounded
_SAME = 1e-9  # of a number and itself, rounded


def distribution(given: Mapping[str, float | None], names: Sequence[str]) -> dict[str, float] | None:
    """The probability of each name, if these can be probabilities of all that there is.

    Before they were rounded their sum was 1. A name that is left out has none, and one that there is not gets none.

    Args:
        given: Probabilities by name, `None` for what is none.
        names: All names that there are.
    """
    known = {name: value for name, value in given.items() if value is not None}
    strange = any(value > 0 for name, value in known.items() if name not in names)
    if len(known) < len(given) or strange or not any(known.values()):
        return None
    lowest, highest = _sums(known.values(), [1] * len(known))
    if not lowest - FLOATS <= 1 <= highest + FLOATS:
        return None
    return {name: known.get(name, 0.0) for name in names}


def contradict(level: float, probabilities: Sequence[float]) -> bool:
    """Whether a level is not the one to be expected by the probabilities of all levels, however they were rounded."""
    lowest, highest = _sums(probabilities, range(len(probabilities)))
    off = _rounding([level], 0)
    return not lowest - off - FLOATS <= level <= highest + off + FLOATS


def _sums(values: Iterable[float], weights: Iterable[int]) -> tuple[float, float]:
    """Between what the weighted sum of probabilities was before they were rounded."""
    given = list(values)
    off = _rounding(given, _DECIMALS)
    pairs = list(zip(given, weights, strict=True))
    lowest = sum(max(0.0, value - off) * weight for value, weight in pairs)
    return lowest, sum(min(1.0, value + off) * weight for value, weight in pairs)


def _rounding(values: Sequence[float], least: int) -> float:
    """By how much each may have been rounded, if all have as many decimals, and that many at least."""
    for decimals in range(least, _EXACT):
        if all(abs(value - round(value, decimals)) < _SAME for value in values):
            return 0.5 * 10.0**-decimals
    return FLOATS

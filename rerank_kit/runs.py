"""Scores as tools on trec_eval read them: they sort by score alone, so no two may be the same."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from rerank_kit.errors import InvalidResponse
from rerank_kit.quoting import quoted


def falling(scores: Sequence[float]) -> list[float]:
    """The scores, best first, moved down as little as it takes for each to be below the one before.

    trec_eval keeps scores in single precision, in which doubles that are close are the same. So the steps are those of
    single precision. Where there is no room below, at -3.4e38, those before move up.

    Args:
        scores: In the order that is to last, whatever their values. Infinite ones become the greatest finite ones.

    Raises:
        InvalidResponse: One is NaN.
    """
    own = [_step(score) for score in scores]
    steps: list[int] = []
    for step in own:
        steps.append(min(step, steps[-1] - 1) if steps else step)
    for place in reversed(range(len(steps))):
        lowest = _LOWEST + len(steps) - 1 - place
        if steps[place] >= lowest:
            break
        steps[place] = lowest
    return [
        score if step == given and math.isfinite(score) else _value(step)
        for score, step, given in zip(scores, steps, own, strict=True)
    ]


_GREATEST = struct.unpack(">f", b"\x7f\x7f\xff\xff")[0]


def _step(score: float) -> int:
    """Which float of single precision is nearest, counted from 0.0: the next greater one is the next number."""
    if math.isnan(score):
        msg = f"a run needs a number for each hit, but a score is {quoted(score)}"
        raise InvalidResponse(msg)
    bits: int = struct.unpack(">I", struct.pack(">f", min(max(score, -_GREATEST), _GREATEST)))[0]
    return bits if bits < _SIGN else _SIGN - bits


def _value(step: int) -> float:
    """The float at a step."""
    value: float = struct.unpack(">f", struct.pack(">I", step if step >= 0 else _SIGN - step))[0]
    return value


_SIGN = 1 << 31
_LOWEST = _step(-_GREATEST)

"""Functions from scores to probabilities that fit labels best: steps, and the logistic one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rerank_kit.optional import optional


def steps(found: Sequence[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """Steps that never fall: one for each run of scores with the same probability."""
    optimize = optional("scipy.optimize", extra="eval", why="Calibrating")
    values: dict[float, list[bool]] = {}
    for score, label in found:
        values.setdefault(score, []).append(label)
    weights = [len(each) for each in values.values()]
    fitted = optimize.isotonic_regression([fmean(each) for each in values.values()], weights=weights).x.tolist()
    knots: list[tuple[float, float]] = []
    for score, share in zip(values, fitted, strict=True):
        if not knots or share > knots[-1][1]:
            knots.append((score, min(1.0, share)))
    return tuple(knots)


def logistic(at: Sequence[float], labels: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of the logistic function that makes the labels most likely."""
    numpy = optional("numpy", extra="eval", why="Calibrating")
    optimize = optional("scipy.optimize", extra="eval", why="Calibrating")
    relevant = sum(labels)
    high, low = (relevant + 1) / (relevant + 2), 1 / (len(labels) - relevant + 2)
    x, wanted = numpy.array(at), numpy.where(labels, high, low)
    middle, width = float(x.mean()), float(x.std()) or 1.0
    x = (x - middle) / width

    def loss(line: Any) -> tuple[float, Any]:
        z = line[0] * x + line[1]
        wrong = 1 / (1 + numpy.exp(-numpy.clip(z, -500, 500))) - wanted
        return float((numpy.logaddexp(0, z) - wanted * z).sum()), numpy.array([(wrong * x).sum(), wrong.sum()])

    slope, offset = optimize.minimize(loss, [1.0, math.log(high / (1 - high))], jac=True, method="L-BFGS-B").x.tolist()
    return slope / width, offset - slope * middle / width

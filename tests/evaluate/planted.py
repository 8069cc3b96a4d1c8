"""Values of systems of which it is known how they differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Random = np.random.Generator


def by_query(values: Iterable[Any]) -> dict[str, float]:
    """Values as a measure gives them: for each query's id."""
    return {f"q{place}": float(value) for place, value in enumerate(values)}


def pair(differences: Iterable[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Two systems that differ so."""
    known = np.array(list(differences), dtype=float)
    return by_query(np.full(len(known), 0.5)), by_query(0.5 + known)


def like_ndcg(random: Random, queries: int) -> Any:
    """Differences of nDCG where there is none between the systems: half the queries are ties, few differ by much."""
    size = random.beta(1, 3, queries) / 2
    return np.where(random.random(queries) < 0.5, 0.0, size * random.choice([-1, 1], queries))


def centred(values: Any) -> Any:
    """The same values, moved so that their mean is 0."""
    return values - values.mean()


NOISE = centred(like_ndcg(np.random.default_rng(1), 100) / 4)
"""Differences of 100 queries that add up to nothing."""

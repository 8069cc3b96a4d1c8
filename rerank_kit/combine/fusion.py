"""Making one ranking of several, and scores of different scales comparable."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, TypeAlias, TypeVar

from rerank_kit.arguments import named
from rerank_kit.checks import is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.values import finite

K = TypeVar("K", bound=Hashable)

Normalisation: TypeAlias = Literal["min-max", "z-score", "sigmoid", "none"]


@named
def reciprocal_rank_fusion(
    rankings: Sequence[Iterable[K]], *, weights: Sequence[float] | None = None, k: float = 60.0
) -> dict[K, float]:
    """Fuse rankings by place alone: a document gets `weight / (k + place)` from each ranking that has it, summed.

    From Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods", SIGIR 2009, with their `k = 60`; the weights are an addition that many search engines have.

    Args:
        rankings: Each a series of ids, best first, places counted from 1; an id that comes twice counts where it is
            best.
        weights: One for each ranking, 0 or more; `None` weighs all alike.
        k: How little the first places stand out: the greater, the less.

    Returns:
        The fused scores, best first; of ids with equal scores, the one that was met first comes first. A sum does not
        depend on the order of the rankings.

    Raises:
        ConfigurationError: `weights` or `k` cannot be.
    """
    for place, ranking in enumerate(rankings):
        given: object = ranking
        if isinstance(given, str) or not isinstance(given, Iterable):
            msg = f"rankings[{place}] must be a series of ids, best first, not {quoted(given)}: pass a list of rankings"
            raise ConfigurationError(msg)
    weights = [1.0] * len(rankings) if weights is None else weights
    if len(weights) != len(rankings) or any(not is_number(weight) or weight < 0 for weight in weights):
        msg = (
            f"weights must be {len(rankings)} finite numbers of 0 or more, one for each ranking, not {quoted(weights)}"
        )
        raise ConfigurationError(msg)
    if not is_number(sum(weights)):
        msg = f"weights add up to more than a float can hold: {quoted(weights)}"
        raise ConfigurationError(msg)
    if not is_number(k) or k < 0:
        msg = f"k must be a finite number of 0 or more, not {quoted(k)}: 60 is usual"
        raise ConfigurationError(msg)
    shares: defaultdict[K, list[float]] = defaultdict(list)
    for ranking, weight in zip(rankings, weights, strict=True):
        for place, key in enumerate(dict.fromkeys(ranking), start=1):
            shares[key].append(weight * float(share(place, k)))
    scores = {key: math.fsum(each) for key, each in shares.items()}
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def share(place: int, k: float = 60.0) -> Fraction:
    """What a place, from 1, counts in reciprocal rank fusion."""
    return 1 / (Fraction(k) + place)


def log_odds(score: float, nearest: float) -> float:
    """The logit of a score from 0 to 1, which is kept as far off both ends."""
    kept = min(max(score, nearest), 1 - nearest)
    return math.log(kept / (1 - kept))


def min_max(scores: Sequence[float]) -> list[float]:
    """Stretch scores over 0 to 1, the lowest and the highest; where all are equal, each becomes 0.5."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if low == high:
        return [0.5] * len(scores)
    if math.isfinite(span := high - low):
        return [(score - low) / span for score in scores]
    return [(score / 2 - low / 2) / (high / 2 - low / 2) for score in scores]  # halves differ by what a float can hold


def z_score(scores: Sequence[float]) -> list[float]:
    """How many standard deviations each score is above the mean; where all are equal, each becomes 0.0."""
    stretched = min_max(scores)  # which changes no z-score, and leaves numbers whose squares are in a float's range
    mean = math.fsum(stretched) / max(1, len(stretched))
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in stretched) / max(1, len(stretched)))
    return [(score - mean) / deviation if deviation else 0.0 for score in stretched]


def sigmoid(scores: Sequence[float]) -> list[float]:
    """The logistic function of each score: logits become numbers from 0 to 1, whatever the other scores are."""
    return [0.5 * (1.0 + math.tanh(score / 2)) for score in scores]


NORMALISATIONS: Mapping[str, Callable[[Sequence[float]], list[float]]] = {
    "min-max": min_max,
    "z-score": z_score,
    "sigmoid": sigmoid,
    "none": list,
}


@named
def normalise(scores: Iterable[float], how: Normalisation) -> list[float]:
    """Make scores of different scales comparable. Their order stays as it is.

    Args:
        scores: Finite numbers that a float can hold, the scores of one ranking.
        how: `"min-max"`, `"z-score"`, `"sigmoid"`, or `"none"` to leave them.

    Raises:
        ConfigurationError: There is no such normalisation.
        InvalidResponse: A score is none.
    """
    if not isinstance(how, str) or how not in NORMALISATIONS:
        msg = f"normalise must be one of {', '.join(NORMALISATIONS)}, not {quoted(how)}"
        raise ConfigurationError(msg)
    return NORMALISATIONS[how]([finite(score) for score in scores])

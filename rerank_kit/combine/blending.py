"""`blend`: the first stage's scores or places and a reranker's, mixed into one order. Pure, so that kept scores do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rerank_kit.arguments import named
from rerank_kit.checks import check_choice, is_number
from rerank_kit.combine.fusion import log_odds, min_max, share, z_score
from rerank_kit.errors import ConfigurationError, InvalidResponse
from rerank_kit.quoting import quoted
from rerank_kit.ranking import height
from rerank_kit.values import finite

BlendBy: TypeAlias = Literal["min-max", "z-score", "logit-min-max", "logit-z-score", "rank"]

BLENDS: tuple[BlendBy, ...] = ("min-max", "z-score", "logit-min-max", "logit-z-score", "rank")
"""The ways to make the two sides comparable."""

_LEAST = 1e-7  # scores of 0 and 1 have no finite log-odds
_STRETCHED: Mapping[str, Callable[[Sequence[float]], list[float]]] = {"min-max": min_max, "z-score": z_score}


@dataclass(frozen=True, slots=True)
class Blend:
    """What came of blending the candidates of one query.

    Attributes:
        order: The places of the candidates, from 0, best first.
        scores: A score for each candidate, on the reranker's scale, in the order of the candidates.
        parts: For each candidate what the reranker and the first stage say, made comparable and not yet weighed.
        mixed: Whether anything was mixed; if not, these are the reranker's order and scores, and there are no parts.
    """

    order: tuple[int, ...]
    scores: tuple[float, ...]
    parts: tuple[tuple[float, float], ...] = ()
    mixed: bool = False


def check_blend(weight: object, by: object, only_below: object, rrf_k: object) -> None:
    """Refuse settings that cannot be.

    Raises:
        ConfigurationError: One of them cannot.
    """
    if not is_number(weight) or not 0 <= weight <= 1:
        msg = f"weight must be a number from 0 to 1, the reranker's share, not {quoted(weight)}: 0.7 leaves the first "
        msg += "stage 0.3"
        raise ConfigurationError(msg)
    check_choice("by", by, BLENDS)
    if only_below is not None and not is_number(only_below):
        msg = f"only_below must be a score of the reranker, or None to blend always, not {quoted(only_below)}"
        raise ConfigurationError(msg)
    if not is_number(rrf_k) or rrf_k < 0:
        msg = f"rrf_k must be a finite number of 0 or more, not {quoted(rrf_k)}: 60 is usual"
        raise ConfigurationError(msg)


@named
def blend(
    first: Sequence[float | None],
    scores: Sequence[float],
    logits: Sequence[float | None] | None = None,
    *,
    weight: float = 0.7,
    by: BlendBy = "min-max",
    only_below: float | None = 0.5,
    rrf_k: float = 60.0,
) -> Blend:
    """Mix what the first stage and a reranker say of the candidates of one query.

    Where the mixture is equal, the reranker decides, and then the first stage. The best candidate gets the highest of
    the reranker's scores and the last one the lowest, so that a threshold keeps its meaning.

    Args:
        first: The first stage's score of each candidate, higher is better, in the first stage's order. Where none has
            one, or where they rise, as distances do, the places in this order stand for them. A candidate without one,
            which is also one with NaN, counts as the lowest.
        scores: The reranker's score of each.
        logits: What its model gave before the sigmoid, for `by="logit-…"`. Where one is missing, all are the log-odds
            of the scores, and the scores themselves where these are not from 0 to 1.
        weight: The reranker's share, from 0 to 1; the rest is the first stage's.
        by: How they become comparable: `"min-max"` or `"z-score"` of the scores, `"logit-min-max"` or
            `"logit-z-score"` of logits, or `"rank"`, which is weighted reciprocal rank fusion.
        only_below: Blend only where no score of the reranker reaches this; `None` is always.
        rrf_k: How little the first places stand out, with `by="rank"`.

    Raises:
        ConfigurationError: A setting cannot be, or the numbers of scores differ.
        InvalidResponse: A score of the reranker is no finite number.
    """
    check_blend(weight, by, only_below, rrf_k)
    if not len(first) == len(scores) == len(scores if logits is None else logits):
        msg = f"first, scores and logits must be of one length, not {len(first)}, {len(scores)}"
        raise ConfigurationError(msg if logits is None else f"{msg} and {len(logits)}")
    reranked = [finite(each) for each in scores]
    heights = [height(*each) for each in zip(reranked, logits or [None] * len(reranked), strict=True)]
    if not reranked or (only_below is not None and max(reranked) >= only_below):
        return Blend(tuple(_by(heights)), tuple(reranked))
    if by == "rank":
        parts = _by_place(heights, rrf_k)
    else:
        stretch = _STRETCHED[by.removeprefix("logit-")]
        own = _logits(reranked, logits) if by.startswith("logit-") else reranked
        parts = list(zip(stretch(own), stretch(_of_first_stage(first)), strict=True))
    values = [weight * one + (1 - weight) * other for one, other in parts]
    order = _by([(value, *above) for value, above in zip(values, heights, strict=True)])
    return Blend(tuple(order), tuple(_on_scale(values, order, reranked)), tuple(parts), mixed=True)


def known_score(score: object) -> float | None:
    """A score of a first stage, where it is one."""
    try:
        return None if score is None else finite(score)
    except InvalidResponse:
        return None


def _by(keys: Sequence[tuple[float, ...]]) -> list[int]:
    """Places by what is the highest; equal ones as they come."""
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)


def _by_place(heights: Sequence[tuple[float, float]], k: float) -> list[tuple[float, float]]:
    """What the place of each counts in both orders, where the first one counts 1; equal ones share the better place."""
    best: dict[tuple[float, float], int] = {}
    for place, each in enumerate(sorted(heights, reverse=True), 1):
        best.setdefault(each, place)
    top = share(1, k)
    return [(float(share(best[each], k) / top), float(share(place, k) / top)) for place, each in enumerate(heights, 1)]


def _of_first_stage(first: Sequence[float | None]) -> list[float]:
    """The first stage's scores without gaps, or the places where these say nothing."""
    given = [known_score(each) for each in first]
    known = [each for each in given if each is not None]
    if not known or (known[-1] > known[0] and known == sorted(known)):
        return [-float(place) for place in range(len(first))]
    return [min(known) if each is None else each for each in given]


def _logits(scores: Sequence[float], logits: Sequence[float | None] | None) -> list[float]:
    given = [known_score(each) for each in logits or [None]]
    known = [each for each in given if each is not None]
    if len(known) == len(scores):
        return known
    if not all(0 <= each <= 1 for each in scores):
        return list(scores)
    return [log_odds(each, _LEAST) for each in scores]


def _on_scale(values: Sequence[float], order: Sequence[int], reranked: Sequence[float]) -> list[float]:
    """The values between the lowest and the highest of the reranker's scores, none above one that is ranked higher."""
    low, high = min(reranked), max(reranked)
    scores = [low * (1 - each) + high * each for each in min_max(values)]
    above = high
    for place in order:
        above = scores[place] = min(above, max(low, scores[place]))
    return scores

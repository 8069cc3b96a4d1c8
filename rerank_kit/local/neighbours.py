"""Whether a pair's score depends on what shares its batch: then pairs are scored one by one."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.reading import WORDS

_SHORT, _LONG = ("word", "text"), (WORDS, f"{WORDS} {WORDS}")
_ROUNDING = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}  # of a logit, or of 1; padding that is read moves more
_log = logging.getLogger("rerank_kit")


def goes_alone(score: Callable[[Sequence[Pair]], Sequence[float]], *, pads: bool, dtype: str, name: str) -> bool:
    """Whether pairs have to be scored one by one: a short one is tried, alone and padded to a longer one's length.

    Models that mix all positions (FNet) or neighbouring ones (ConvBERT) read the padding too, others hide it.

    Args:
        score: Scores the pairs of one batch.
        pads: Whether there is a token to pad with.
        dtype: The number format that the model computes in.
        name: The model's name.

    Raises:
        ConfigurationError: It gives no score for a pair.
    """
    try:
        alone = score([_SHORT])[0]
    except Exception as error:  # code of the model's own raises whatever it likes
        reason = f"there are no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        msg = f"model={name!r} cannot score a pair ({reason}): pass a cross-encoder with all of its modules"
        raise ConfigurationError(msg) from error
    if dtype != "float16" and not math.isfinite(alone):
        msg = (
            f"model={name!r} gives {alone} for a pair, which is no score: its weights are damaged. Fetch the model "
            "again, or train it with a lower learning rate and save it"
        )
        raise ConfigurationError(msg)
    if not pads:
        _log.warning("model=%r has no token to pad with, so that its pairs are scored one by one", name)
        return True
    try:
        moved = abs(score([_SHORT, _LONG])[0] - alone) > _ROUNDING.get(dtype, 0.0) * max(1.0, abs(alone))
    except RuntimeError:
        moved = True
    if moved:
        _log.warning("model=%r reads padding, so that its pairs are scored one by one, which is slower", name)
    return moved

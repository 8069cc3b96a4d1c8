"""How many documents go into one call, and how many tokens of each. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Choice, Questionnaire, question_tokens
from rerank_kit.errors import ConfigurationError
from rerank_kit.texts import estimated_tokens

_LEAST = 16  # tokens of a document without which there is no use in asking about it


def room(empty: Questionnaire, limits: DecisionLimits) -> int | None:
    """The most tokens that a document may have to be asked about at all; `None` is no limit.

    Args:
        empty: What is asked about a document without text.
        limits: The most that goes into one call.

    Raises:
        ConfigurationError: The rest leaves none.
    """
    left = [limit - amount for amount, limit in _tokens(empty, limits)]
    if left and min(left) < _LEAST:
        msg = (
            f"query, criterion and levels take about {empty.tokens} tokens, which leaves no room for a document in "
            f"{limits}: shorten them, or pass limits= if the model takes more"
        )
        raise ConfigurationError(msg)
    return min(left, default=None)


def shares(count: int, asked: Callable[[Sequence[int]], Questionnaire], limits: DecisionLimits) -> list[list[int]]:
    """Share out documents over as few calls as take them, so that each gets strong and weak ones alike.

    They come in the order of the stage before, the best first, and are dealt out in turn.

    Args:
        count: How many documents there are.
        asked: What is asked about those at some places.
        limits: The most that goes into one call.

    Returns:
        For each call the places of its documents, every place once.
    """
    calls = max(1, math.ceil(fullness(asked(range(count)), limits)))
    while calls < count:
        dealt = [list(range(first, count, calls)) for first in range(calls)]
        if all(fullness(asked(share), limits) <= 1 for share in dealt):
            return dealt
        calls += 1
    return [[place] for place in range(count)]


def fullness(asked: Questionnaire, limits: DecisionLimits) -> float:
    """How much of what goes into one call is taken, as a share: above 1 it does not fit."""
    options = [len(each.options) for each in asked.questions.values() if isinstance(each, Choice)]
    counted = [(len(asked.questions), limits.questions), (max(options, default=0), limits.options)]
    limited = [(amount, limit) for amount, limit in counted if limit is not None] + _tokens(asked, limits)
    return max([amount / limit for amount, limit in limited], default=0.0)


def _tokens(asked: Questionnaire, limits: DecisionLimits) -> list[tuple[int, int]]:
    """How many tokens there are of what is limited, and the limits."""
    longest = max(map(question_tokens, asked.questions.values()))
    counted = [(asked.tokens, limits.tokens), (estimated_tokens(asked.state) + longest, limits.state_tokens)]
    return [(amount, limit) for amount, limit in counted if limit is not None]

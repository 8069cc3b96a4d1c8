"""How many documents go into one call, and how many tokens of each. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import le, sub

from rerank_kit.decide.limits import DecisionLimits
from rerank_kit.decide.questions import Choice, Questionnaire, question_tokens
from rerank_kit.errors import ConfigurationError
from rerank_kit.texts import estimated_tokens

_BETWEEN = (0, 1, 1)  # of what stands between documents, for each of the amounts below
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
    """Share out documents over few calls, so that each gets strong and weak ones alike.

    They come in the order of the stage before, the best first, and are dealt out in turn. Those that take more than
    half of a call are dealt first, and the others then fill what room there is left in each call alike.

    Args:
        count: How many documents there are.
        asked: What is asked about those at some places.
        limits: The most that goes into one call.

    Returns:
        For each call the places of its documents, every place once.
    """
    sizes, room = _sizes(count, asked, limits)
    calls, left = 0, sizes
    dealt: list[_Call] = []
    while left:
        calls += max([1, *(math.ceil(sum(size[kind] for size in left) / most) for kind, most in enumerate(room))])
        dealt = [_Call(room) for _ in range(calls)]
        left = _deal(sizes, dealt)
    return [sorted(call.places) for call in dealt if call.places]


def _sizes(
    count: int, asked: Callable[[Sequence[int]], Questionnaire], limits: DecisionLimits
) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """What each document takes of what is limited, and what a call has of it: rather too much, and too little."""
    alone = [asked([place]) for place in range(count)]
    longest = max(question_tokens(each) for one in alone for each in one.questions.values())
    frame = _amounts(asked([]), longest)
    caps = enumerate((limits.questions, limits.tokens, limits.state_tokens))
    room = {kind: cap - frame[kind] for kind, cap in caps if cap is not None}
    taken = [[each - rest for each, rest in zip(_amounts(one, longest), frame, strict=True)] for one in alone]
    sizes = [tuple(min(each[kind] + _BETWEEN[kind], most) for kind, most in room.items()) for each in taken]
    return sizes, tuple(room.values())


def _amounts(asked: Questionnaire, longest: int) -> tuple[int, int, int]:
    """Questions, tokens of all, and tokens of the state with a question as long as the longest."""
    return len(asked.questions), asked.tokens, estimated_tokens(asked.state) + longest


class _Call:
    """A call that is being filled.

    Attributes:
        places: The places of its documents.
        room: What was left of what is limited when only long documents were in it.
        left: What is left.
    """

    def __init__(self, room: tuple[int, ...]) -> None:
        self.places: list[int] = []
        self.room = self.left = room

    def takes(self, size: tuple[int, ...]) -> bool:
        return all(map(le, size, self.left))

    def take(self, place: int, size: tuple[int, ...], *, long: bool) -> None:
        self.places.append(place)
        self.left = tuple(map(sub, self.left, size))
        self.room = self.left if long else self.room

    @property
    def filled(self) -> float:
        """Which share of the room for short documents they take."""
        return max((1 - left / room for left, room in zip(self.left, self.room, strict=True) if room), default=0.0)


def _deal(sizes: Sequence[tuple[int, ...]], calls: Sequence[_Call]) -> list[tuple[int, ...]]:
    """Deal documents to these calls; gives the sizes of those that did not fit."""
    room = calls[0].room
    long = [any(2 * taken > most for taken, most in zip(size, room, strict=True)) for size in sizes]
    without: list[tuple[int, ...]] = []
    for place in sorted(range(len(sizes)), key=lambda place: not long[place]):
        size = sizes[place]
        call = min((call for call in calls if call.takes(size)), key=lambda call: call.filled, default=None)
        if call is None:
            without.append(size)
        else:
            call.take(place, size, long=long[place])
    return without


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

"""Pairs measured in tokens: as much of a document as can be read, and no control tokens in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rerank_kit.local.batching import readable
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.values import Deadline


@dataclass(frozen=True, slots=True)
class Measured:
    """A pair as it is tokenised.

    Attributes:
        pair: Query and document, without what the model cannot reach.
        tokens: How many they have; more than the model reads are more than fit.
        truncated: Whether the model does not read all of it.
    """

    pair: Pair
    tokens: int
    truncated: bool


def measured(
    pair: Pair,
    limit: int,
    ids: Callable[[Pair], Sequence[int]],
    control: ControlTokens,
    deadline: Deadline,
    *,
    end: bool = False,
) -> Measured:
    """Measure a pair.

    Args:
        pair: Query and document.
        limit: The most tokens that the model reads of a pair.
        ids: The tokens of a pair, of which there may be no more than `limit + BEYOND`.
        control: The tokens that neither may hold.
        deadline: When to end.
        end: Whether the model reads the end of a text that is too long.

    Raises:
        DeadlineExceeded: The time is over.
    """
    query, text = pair
    found = pair

    def count(part: str) -> int:
        nonlocal found
        deadline.check()
        found = (query, part)
        tokens = ids(found)
        if control.inside(tokens, *found):
            found = (control.taken_apart(query), control.taken_apart(part))
            tokens = ids(found)
        return len(tokens)

    part, tokens = readable(text, limit, count, end=end)
    return Measured(found, tokens, truncated=tokens > limit or len(part) < len(text))

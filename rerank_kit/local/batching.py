"""Pairs measured in tokens, and batches of them: of like lengths, bounded by tokens, smaller when memory is short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

BEYOND = 128  # tokens: a cut changes those of the word it falls in, and no tokenizer's words are longer than this
_FIRST_CUT = 16  # characters per token: far more than any language needs, so one look is nearly always enough


def readable(text: str, limit: int, count: Callable[[str], int]) -> tuple[str, int]:
    """Cut a text far behind the point up to which a model reads, so that a megabyte costs no more than a page.

    Args:
        text: A document.
        limit: The most tokens that the model reads of a pair.
        count: Counts the tokens of a pair with this much of the text, up to `limit + BEYOND`.

    Returns:
        The part of the text that has to be tokenised, and its pair's tokens; more than `limit` are more than fit.
    """
    reach = _FIRST_CUT * limit
    tokens = count(text[:reach])
    while reach < len(text) and tokens < limit + BEYOND:
        reach *= 4
        tokens = count(text[:reach])
    return text[:reach], tokens


class Batches:
    """Hands out batches, longest items first, until none are left. Threads may share it.

    A batch's size is that of its longest item times their number, because shorter ones are padded. It never exceeds
    the bound, nor the taker's equal share of what is left, so that all takers end at about the same time.
    """

    def __init__(self, lengths: Sequence[int], bound: int, *, takers: int = 1) -> None:
        """Sort the items.

        Args:
            lengths: How long each item is, in any unit.
            bound: The size of a batch, in the same unit; an item that is longer goes alone.
            takers: How many threads take batches.
        """
        self._lengths = lengths
        self._bound = bound
        self._takers = takers
        self._left = sum(lengths)
        self._todo = sorted(range(len(lengths)), key=lambda item: -lengths[item])
        self._lock = threading.Lock()

    def take(self) -> list[int] | None:
        """The places of the next batch's items; `None` when none are left."""
        with self._lock:
            if not self._todo:
                return None
            longest, share = self._lengths[self._todo[0]], self._left / self._takers
            count = size = 0
            for item in self._todo:
                size += self._lengths[item]
                if count and ((count + 1) * longest > self._bound or size > share):
                    break
                count += 1
            batch, self._todo = self._todo[:count], self._todo[count:]
            self._left -= self._total(batch)
            return batch

    def halve(self, batch: list[int]) -> None:
        """Take back a batch that was too large. From now on, batches are at most half its size."""
        with self._lock:
            longest = max(self._lengths[item] for item in batch)
            self._bound = min(self._bound, max(1, len(batch) // 2) * longest)
            self._left += self._total(batch)
            self._todo = sorted([*batch, *self._todo], key=lambda item: -self._lengths[item])

    def _total(self, batch: Sequence[int]) -> int:
        return sum(self._lengths[item] for item in batch)

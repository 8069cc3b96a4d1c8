"""Pairs measured in tokens, and batches of them: of like lengths, bounded by tokens, smaller when memory is short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

BEYOND = 128  # tokens: a cut changes those of the word it falls in, and no tokenizer's words are longer than this
_FIRST_CUT = 16  # characters per token: far more than any language needs, so one look is nearly always enough
_WITHOUT_TOKENS = 100_000  # characters: as many more are read where they make no tokens, and then no more
_LONG_HEAD = 1024  # characters of white space: less is read in a moment
_LONGEST_HEAD = 1_000_000
BLANKS = " \n\t\r" * 256
"""White space, to see whether a tokenizer makes tokens of it: those of some models do, and others skip it."""


def furthest(length: int, tokens: int) -> int:
    """The end of a text, or the place behind which it is not read for so many tokens: megabytes can make none."""
    return min(length, _FIRST_CUT * tokens + _WITHOUT_TOKENS)


def reaches(length: int, tokens: int) -> Iterator[int]:
    """How far to read a text, in characters: a little at first, then more, until it has made so many tokens."""
    most = furthest(length, tokens)
    reach = _FIRST_CUT * tokens
    while reach < most:
        yield reach
        reach *= 4
    yield most


def readable(text: str, limit: int, count: Callable[[str], int], *, end: bool = False) -> tuple[str, int]:
    """Cut a text far behind the point up to which a model reads, so that a megabyte costs no more than a page.

    Args:
        text: A document.
        limit: The most tokens that the model reads of a pair.
        count: Counts the tokens of a pair with this much of the text, up to `limit + BEYOND`.
        end: Whether the model reads the end of a text that is too long.

    Returns:
        The part of the text that has to be tokenised, and its pair's tokens; more than `limit` are more than fit. What
        is left out of the text is not read in any case.
    """
    part, tokens = text, 0
    for reach in reaches(len(text), limit):
        part = text[len(text) - reach :] if end else text[:reach]
        tokens = count(part)
        if tokens >= limit + BEYOND:
            break
    return part, tokens


def blank_head(text: str) -> int:
    """How many characters of white space to skip at the beginning of a text: none, unless there are very many."""
    blank = len(text) - len(text.lstrip()) if text[:1].isspace() else 0
    return min(blank, _LONGEST_HEAD) if blank > _LONG_HEAD else 0


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
        self._lengths = [max(1, each) for each in lengths]  # without any, a batch could not be too large
        self._bound = bound
        self._takers = takers
        self._left = sum(self._lengths)
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

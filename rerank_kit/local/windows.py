"""Documents longer than a model reads: scored by windows, or by the one window that looks most like the answer."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from rerank_kit.checks import check_count
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import UNSPACED
from rerank_kit.values import Passage

LongDocuments = Literal["truncate", "max", "mean-top-k", "best-window"]
"""What to do with a document that is longer than the model reads.

- `"truncate"`: score its beginning. The rest goes unseen, and `usage.truncated` counts it.
- `"max"`: score overlapping windows and take the best one's score, MaxP in Dai and Callan, "Deeper Text Understanding
  for IR with Contextual Neural Language Modeling" (SIGIR 2019).
- `"mean-top-k"`: the same, with the mean of the best three.
- `"best-window"`: score one window alone, the one that shares most of the query's words, rare ones counting more.
"""

POLICIES = ("truncate", "max", "mean-top-k", "best-window")
TOP_K = 3
_SMALLEST = 16  # tokens: a window of less says nothing, even if the query takes the rest
SMALL_WINDOW = 128  # tokens, for "best-window": large enough for an answer, small enough to be cheap
_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")  # a character each where a script puts no spaces


def check_policy(policy: object) -> None:
    """Refuse what is no policy.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(policy, str) or policy not in POLICIES:
        msg = f"long_documents must be one of {', '.join(map(repr, POLICIES))}, not {quoted(policy)}"
        raise ConfigurationError(msg)


def window_size(policy: LongDocuments, asked: int | None) -> int | None:
    """Tokens in a window at most; `None` is as many as fit.

    Raises:
        ConfigurationError: `asked` is less than 1.
    """
    return check_count("window", asked) or (SMALL_WINDOW if policy == "best-window" else None)


def fitted(text: str, tokens: Sequence[Passage], room: int, size: int | None) -> list[Passage]:
    """Cut a document into overlapping windows that fit beside the query; one, the whole, when it fits.

    Args:
        text: The document.
        tokens: Where each token stands in it; those that stand for no character do not count.
        room: Tokens that the query leaves.
        size: Tokens in a window at most; `None` is as many as fit.
    """
    room = max(_SMALLEST, room)
    size = room if size is None else min(room, size)
    there = [(start, end) for start, end in tokens if start < end]
    return cut(there, size) if len(there) > size else [(0, len(text))]


def cut(tokens: Sequence[Passage], size: int) -> list[Passage]:
    """Cut a text into windows of `size` tokens, of which each shares a quarter with the one before.

    Args:
        tokens: Where each token stands in the text.
        size: Tokens in a window.
    """
    step = max(1, size - size // 4)
    last = max(0, len(tokens) - size)
    starts = [*range(0, last, step), last]
    return [(tokens[start][0], tokens[min(start + size, len(tokens)) - 1][1]) for start in starts]


def most_alike(query: str, text: str, windows: Sequence[Passage]) -> Passage:
    """The window with the highest overlap with the query; the first of equals.

    A word of the query counts log(1 + n / df): n windows, of which df have it. So the choice depends on the query and
    this document alone, and so does the score.
    """
    words = [set(_words(text[start:end])) for start, end in windows]
    wanted = set(_words(query))
    weight = {
        word: math.log(1 + len(words) / found) for word in wanted if (found := sum(word in each for each in words))
    }
    overlaps = [sum(value for word, value in weight.items() if word in each) for each in words]
    return windows[overlaps.index(max(overlaps))]


def aggregate(policy: LongDocuments, scores: Sequence[float]) -> float:
    """One score for a document from those of its windows."""
    best = sorted(scores, reverse=True)[: TOP_K if policy == "mean-top-k" else 1]
    return sum(best) / len(best)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())

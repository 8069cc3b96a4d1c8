"""Documents longer than a model reads: scored by windows, or by the one window that looks most like the answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from rerank_kit.checks import check_count
from rerank_kit.errors import ConfigurationError
from rerank_kit.local.batching import furthest
from rerank_kit.quoting import quoted
from rerank_kit.texts import UNSPACED
from rerank_kit.user_warnings import warn_user
from rerank_kit.values import Passage

LongDocuments = Literal["truncate", "max", "mean-top-k", "best-window"]
"""What to do with a document that is longer than the model reads.

- `"truncate"`: score its beginning. The rest goes unseen, and `usage.truncated` counts it.
- `"max"`: score overlapping windows and take the best one's score, MaxP in Dai and Callan, "Deeper Text Understanding
  for IR with Contextual Neural Language Modeling" (SIGIR 2019).
- `"mean-top-k"`: the same, with the mean of the best three.
- `"best-window"`: score one window alone, the one that shares most of the query's words, rare ones counting more.
"""

CUTTING = 3  # the way of cutting, for fingerprints: it goes up when other windows come of the same text
POLICIES = ("truncate", "max", "mean-top-k", "best-window")
TOP_K = 3
SMALL_WINDOW = 128  # tokens, for "best-window": large enough for an answer, small enough to be cheap
MOST_WINDOWS = 64  # that are scored for one document: about 24,000 tokens of it, for a model that reads 512
MOST_COMPARED = 1024  # for "best-window", which scores one of them
_PIECE = 1 << 15  # characters tokenised at a time: so that little is held, and whoever has no more time can leave
_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")  # a character each where a script puts no spaces
_UNBROKEN = re.compile(f"[^\\s{UNSPACED}]{{2}}")  # two characters with no white space between them
_WITHIN_A_WORD = re.compile(f"[^\\W{UNSPACED}]{{2}}")

_MANY = 10  # documents: of fewer, that most are cut says little


class LongDocumentsWarning(UserWarning):
    """Most documents are longer than the model reads, and ranked by their beginnings alone."""


def warn_of_cut_documents(model: object, cut: Collection[bool], *, windowed: bool) -> bool:
    """Say so where at least half of ten documents or more were cut, and whether that was said.

    Args:
        model: What ranked them, as its `repr` shows it.
        cut: For each text that was ranked in one call, however often, whether it was longer than what was read of it.
        windowed: Whether it can look at windows of a document.
    """
    if len(cut) < _MANY or 2 * sum(cut) < len(cut):
        return False
    remedy = (
        'Pass long_documents="max", which reads all of them at a call of the model for each window (on two test '
        'collections 3 and 5 times the time), or "best-window", which reads the part of each that shares most words '
        "with the query, in one short call"
        if windowed
        else 'It has no windows: OnnxCrossEncoder has them (long_documents="max", a call of the model for each)'
    )
    warn_user(
        f"{sum(cut)} of {len(cut)} documents are longer than what {model!r} reads of them beside the "
        "query, so that they are ranked by their beginnings alone, which is often no better than the order before. "
        f"{remedy}; or pass a larger max_length, if the model reads more; or split documents into passages before they "
        "are indexed. This is said once",
        LongDocumentsWarning,
        once=True,
        ranking=True,
    )
    return True


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
        ConfigurationError: `asked` is less than 1, or there are no windows.
    """
    _check_windowed("window", policy, asked)
    return check_count("window", asked, none="for as many as fit") or (
        SMALL_WINDOW if policy == "best-window" else None
    )


def most_windows(policy: LongDocuments, asked: int | None) -> int:
    """Windows of one document at most.

    Raises:
        ConfigurationError: `asked` is less than 1, or there are no windows.
    """
    _check_windowed("max_windows", policy, asked)
    return check_count("max_windows", asked, none="for the default") or (
        MOST_COMPARED if policy == "best-window" else MOST_WINDOWS
    )


def _check_windowed(name: str, policy: LongDocuments, asked: object) -> None:
    if policy == "truncate" and asked is not None:
        msg = (
            f'{name}={quoted(asked)} is about windows of long documents, and long_documents="truncate" looks at none: '
            f'leave {name} out, or pass long_documents="max", "mean-top-k" or "best-window"'
        )
        raise ConfigurationError(msg)


def fitted(
    text: str,
    offsets: Callable[[str], Iterable[Passage]],
    fits: Callable[[str], bool],
    *,
    size: int,
    most: int,
    check: Callable[[], object],
) -> list[Passage]:
    """Cut a document into overlapping windows; one, the whole, when it fits.

    Of a very long document only the beginning is read, as far as so many windows can reach.

    Args:
        text: The document.
        offsets: Where each token of a text stands in it; those that stand for no character do not count.
        fits: Whether the model reads all of a window. Cut out of its text, one may have more tokens than it had there.
        size: Tokens in a window at most.
        most: Windows at most.
        check: Called again and again; it may raise to end the work.
    """
    wanted = size + (most - 1) * _step(size)
    reach = furthest(len(text), wanted)
    tokens: list[Passage] = []
    for start in range(0, reach, _PIECE):
        check()
        found = offsets(text[start : start + _PIECE])
        tokens.extend((start + first, start + last) for first, last in found if first < last)
        if len(tokens) > wanted:
            break
    if not tokens or (len(tokens) <= size and (reach < len(text) or fits(text))):
        return [(0, len(text))]
    return list(islice(cut(text, tokens, fits, size, check), most))


def cut(
    text: str,
    tokens: Sequence[Passage],
    fits: Callable[[str], bool],
    size: int,
    check: Callable[[], object] = lambda: None,
) -> Iterator[Passage]:
    """Cut a text into windows, of which each shares a quarter with the one before.

    They begin and end between words, unless a word goes on for more than a quarter of a window. None lies inside of
    the one before.

    Args:
        text: The text.
        tokens: Where each of its tokens stands in it; at least one.
        fits: Whether the model reads all of a window.
        size: Tokens in a window at most.
        check: Called for each window; it may raise to end the work.
    """
    count, shared, reach = len(tokens), size // 4, max(1, size // 4)
    start = end = seen = 0  # of a window, and the furthest end of those before, in tokens

    def near(wanted: int, bound: int) -> int:
        step = 1 if bound > wanted else -1
        return _between_words(text, tokens, range(wanted, wanted + step * min(reach, abs(bound - wanted)) + step, step))

    while end < count:
        check()
        before = end  # of the window before, behind which this one may not begin
        if before:
            last = count - size  # where the last one begins: as long as the others, it shares more
            wanted = max(start + 1, min(before - shared, last))
            start = near(wanted, before if wanted >= last else start + 1)
        end = min(start + size, count)
        if end < count:
            end = near(end, start + 1)
        fewer = 1
        while end - start > 1 and not fits(text[tokens[start][0] : tokens[end - 1][1]]):
            if end == count and start < before:
                start = near(min(start + fewer, before), before)
            else:
                end = near(max(start + 1, end - fewer), start + 1)
            fewer *= 2
        if end > seen:
            seen = end
            yield tokens[start][0], tokens[end - 1][1]


def _between_words(text: str, tokens: Sequence[Passage], places: Sequence[int]) -> int:
    """The first of some tokens before which there is white space; else a word's end; else the first.

    A character of a script that puts no spaces is a word.
    """
    for inside in (_UNBROKEN, _WITHIN_A_WORD):
        for place in places:
            where = tokens[place][0]
            if where == 0 or not inside.match(text, where - 1):
                return place
    return places[0]


def _step(size: int) -> int:
    return max(1, size - size // 4)


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

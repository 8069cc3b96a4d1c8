"""Texts that are nearly the same, found without comparing each with each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain, count

from rerank_kit.texts import UNSPACED, folded

_BETWEEN = r"""\s.,;:!?"'()\[\]{}…“”‘’«»、。，"""  # noqa: RUF001 - all else is part of a word: vowel signs, "C++", "-5"
_WORD = re.compile(f"[{UNSPACED}]|[^{_BETWEEN}{UNSPACED}]+")
_TOGETHER = 3  # words
_LONGEST = 200_000  # characters: a longer text is compared as a whole
_MOST = 32  # texts with which one is compared


def near_duplicates(texts: Sequence[str], share: float) -> tuple[list[list[int]], int]:
    """The places of texts, each with those that are nearly the same, and how often two texts were compared.

    Texts are compared by the words that stand together in them, three by three, whatever their case, width and white
    space; Chinese and Japanese characters are words. What two share is the number of threes that both have, in
    proportion to those that either has. A text joins the first one that stays and with which it shares enough: not
    those that joined before, so that no chain leads from one text to quite another.

    Two texts that share so much have one of their rarest threes in common, so that a text is compared only with those
    that have one of its own, and with 32 of them at most. Beyond 200,000 characters only equal texts are the same.

    Args:
        texts: The texts.
        share: How much two have to share, above 0 and up to 1.
    """
    numbers: defaultdict[str, int] = defaultdict(count().__next__)  # Python's hashes of texts differ from run to run
    threes = [_threes(text, numbers) for text in texts]
    counts = Counter(chain.from_iterable(threes))
    joined: dict[int, list[int]] = {}
    having: defaultdict[int, list[int]] = defaultdict(list)
    compared = 0
    for place, each in enumerate(threes):
        rarest = _rarest(each, counts, int(len(each) * (1 - share)) + 2)  # one more than needed: floats are rounded
        likely = Counter(chain.from_iterable(having[three] for three in rarest)).most_common(_MOST)
        for other in sorted(other for other, _ in likely):
            compared += 1
            if _shared(each, threes[other]) >= share:
                joined[other].append(place)
                break
        else:
            joined[place] = [place]
            for three in rarest:
                if len(having[three]) < _MOST:
                    having[three].append(place)
    return list(joined.values()), compared


def _threes(text: str, numbers: defaultdict[str, int]) -> frozenset[int]:
    """What a text is compared by."""
    plain = folded(text)
    words = _WORD.findall(plain) if len(plain) <= _LONGEST else []
    if len(words) < _TOGETHER:
        words = [plain, "", ""]
    places = list(map(numbers.__getitem__, words))
    return frozenset(map(hash, zip(places, places[1:], places[2:], strict=False)))


def _rarest(threes: frozenset[int], counts: Mapping[int, int], most: int) -> list[int]:
    """Of the rarest threes of a text those that another text has, too."""
    shared = [three for three in threes if counts[three] > 1]
    return sorted(sorted(shared), key=counts.__getitem__)[: max(0, most - len(threes) + len(shared))]


def _shared(one: frozenset[int], other: frozenset[int]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)

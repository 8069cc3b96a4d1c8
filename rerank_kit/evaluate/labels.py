"""Labels that are quotations: which documents hold them, whatever the chunks are.

A quote and a document are compared by their words: case, width, white space, markup and all punctuation do not count. A
document is relevant to a quote

- if it holds all its words, in one stretch;
- if the quote runs over the document's edge, so that a piece of it stands at the document's beginning or end: a quarter
  of the quote's words or half of the document's, and no fewer than five;
- if the whole document lies inside the quote, and has five words or more.

So a quote that was cut in two makes both chunks relevant, and what one document is does not depend on the others. Only
if no document holds a quote in any of these ways, because it was not copied word by word, those count that hold half of
its words or more in one stretch. A quote of fewer than eight words has to be there as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard, cast

from rerank_kit.bm25.words import words
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.texts import UNSPACED

Words: TypeAlias = tuple[str, ...]

SHORT = 8
"""Words: a quote of fewer has to be there as a whole."""
PIECE = 5
"""Words: the least that counts of a quote which is cut."""

_SOUTHERN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer: no spaces between words either
_IS_SOUTHERN = re.compile(f"[{_SOUTHERN}]")
_WORD = re.compile(f"[{UNSPACED}{_SOUTHERN}]|[^\\W{UNSPACED}{_SOUTHERN}]+")
_AROUND = 500  # characters: within so many on either side, there are eight words
_BASE, _PRIME = 1_000_003, (1 << 61) - 1  # of hashes that roll over a text


@dataclass(frozen=True)
class Held:
    """The documents that hold a quote.

    Attributes:
        documents: Their ids, in the order of the documents.
        exact: Whether they hold it word by word, whole or cut; false also where there are none.
    """

    documents: tuple[str, ...] = ()
    exact: bool = False


@dataclass(frozen=True, slots=True)
class _Text:
    """A document: its words, and the same in one string with a space around each."""

    id: str
    words: Words
    line: str


class Passages:
    """Documents in which quotes are looked up: to index them takes time by their length, a quote then takes little."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        """Index them.

        Args:
            documents: Their texts, by id.
        """
        self._texts: list[_Text] = []
        self._having: dict[str, list[int]] = {}
        self._edges: dict[Words, set[int]] = {}
        for place, (name, text) in enumerate(documents.items()):
            found = _words(text)
            self._texts.append(_Text(name, found, _line(found)))
            for word in set(found):
                self._having.setdefault(word, []).append(place)
            if len(found) >= PIECE:
                self._edges.setdefault(found[:PIECE], set()).add(place)
                self._edges.setdefault(found[-PIECE:], set()).add(place)

    def holding(self, quote: str) -> Held:
        """The documents that hold a quote, by the rules above; none for a quote without words."""
        wanted = _words(quote)
        if not wanted:
            return Held()
        line = _line(wanted)
        exact = {place for place in self._with_all(wanted) if line in self._texts[place].line}
        if len(wanted) >= SHORT:
            starts = {wanted[at : at + PIECE] for at in range(len(wanted) - PIECE + 1)}
            near = set[int]().union(*(self._edges[each] for each in starts & self._edges.keys()))
            exact |= {place for place in near - exact if self._cut(self._texts[place], wanted, line)}
            if not exact:
                return Held(self._ids(self._partly(wanted)), exact=False)
        return Held(self._ids(exact), exact=bool(exact))

    def _ids(self, places: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._texts[place].id for place in sorted(places))

    def _with_all(self, wanted: Words) -> Sequence[int]:
        """Where to look for a stretch of words: the documents with the rarest of them."""
        return min((self._having.get(word, []) for word in wanted), key=len)

    @staticmethod
    def _cut(text: _Text, wanted: Words, line: str) -> bool:
        """Whether a quote runs over one of a document's edges, or over both."""
        if text.line in line:
            return True
        least = max(PIECE, min(-(-len(wanted) // 4), -(-len(text.words) // 2)))
        return max(_overlap(wanted, text.words), _overlap(text.words, wanted)) >= least

    def _partly(self, wanted: Words) -> set[int]:
        """The documents with half of the words or more in one stretch."""
        half = -(-len(wanted) // 2)
        # Each such stretch holds one of these blocks whole, so that its rarest word leads to all of them.
        size = (half + 1) // 2
        blocks = [wanted[at : at + size] for at in range(0, len(wanted) - size + 1, size)]
        places = {
            place for block in blocks for place in self._with_all(block) if _line(block) in self._texts[place].line
        }
        windows, line = {known for known, _ in _rolled(wanted, half)}, _line(wanted)
        return {
            place
            for place in places
            if any(
                known in windows and _line(self._texts[place].words[at : at + half]) in line
                for known, at in _rolled(self._texts[place].words, half)
            )
        }


def resolved(quotes: Sequence[str], documents: Mapping[str, str] | Passages) -> dict[str, int]:
    """The documents that hold one of a query's quotes, each with the grade 1.

    Args:
        quotes: What a relevant document says.
        documents: Texts by id. For many queries make `Passages` of them once.
    """
    passages = documents if isinstance(documents, Passages) else Passages(documents)
    return {each: 1 for quote in quotes for each in passages.holding(quote).documents}


def quote_of(place: object, sources: Mapping[str, str]) -> str:
    """The quote that a range of characters stands for: its text, with what is around it up to eight words in all.

    A few characters, such as a number, stand in many places; with the words around them they tell which one is meant.

    Args:
        place: `{"document": id, "start": first character, "end": the one after the last}`.
        sources: The whole documents, by id.

    Raises:
        ConfigurationError: It is no such range, the document is not there, or the range is none in it.
    """
    given = _fields(place)
    if not {"document", "start", "end"} <= given.keys():
        msg = f'a range must be {{"document": id, "start": number, "end": number}}, not {quoted(place)}'
        raise ConfigurationError(msg)
    name, start, end = str(given["document"]), given["start"], given["end"]
    if name not in sources:
        msg = f"a range is of the document {quoted(name)}, which is not in the corpus"
        raise ConfigurationError(msg)
    text = sources[name]
    if not _whole(start) or not _whole(end) or not 0 <= start < end <= len(text):
        msg = (
            f"the range from {quoted(start)} to {quoted(end)} is none in the document {quoted(name)}, which has "
            f"{len(text):,} characters: start and end count characters from 0, end is after the last one"
        )
        raise ConfigurationError(msg)
    return _widened(text, start, end)


def _fields(place: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", place) if isinstance(place, Mapping) else {}


def _whole(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool)


def _widened(text: str, start: int, end: int) -> str:
    """A part of a text, to the ends of its words, with the words around it as long as it has fewer than eight."""
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    spans = [(left + each.start(), left + each.end()) for each in _WORD.finditer(text[left:right])]
    before = [first for first, after in spans if after <= start and (first > left or left == 0)]
    inside = [(first, after) for first, after in spans if first < end and after > start]
    behind = [after for first, after in spans if first >= end and (after < right or right == len(text))]
    start = min([start, *(first for first, _ in inside)])
    end = max([end, *(after for _, after in inside)])
    short = max(0, SHORT - len(inside))
    taken = max(short // 2, short - len(behind))
    if taken and before:
        start = before[-taken:][0]
    more = short - min(taken, len(before))
    if more and behind:
        end = behind[:more][-1]
    return text[start:end]


def _words(text: str) -> Words:
    """What is compared: words; of scripts without spaces, characters or pairs of them."""
    found = words(text)
    if _IS_SOUTHERN.search(text) is None:
        return tuple(found)
    return tuple(part for word in found for part in (word if _IS_SOUTHERN.search(word) else (word,)))


def _line(found: Sequence[str]) -> str:
    return f" {' '.join(found)} "


def _overlap(left: Words, right: Words) -> int:
    """How many words the end of the one and the beginning of the other have in common, by Knuth, Morris and Pratt."""
    longest = min(len(left), len(right))
    pattern = right[:longest]
    borders = [0] * longest
    matched = 0
    for at in range(1, longest):
        while matched and pattern[at] != pattern[matched]:
            matched = borders[matched - 1]
        matched += pattern[at] == pattern[matched]
        borders[at] = matched
    matched = 0
    for word in left[len(left) - longest :]:
        while matched and word != pattern[matched]:
            matched = borders[matched - 1]
        matched += word == pattern[matched]
    return matched


def _rolled(found: Words, size: int) -> Iterable[tuple[int, int]]:
    """A hash of each stretch of so many words, with the place where it begins: Rabin and Karp's."""
    highest = pow(_BASE, size - 1, _PRIME)
    known = 0
    for at, word in enumerate(found):
        if at >= size:
            known -= hash(found[at - size]) * highest
        known = (known * _BASE + hash(word)) % _PRIME
        if at >= size - 1:
            yield known, at - size + 1

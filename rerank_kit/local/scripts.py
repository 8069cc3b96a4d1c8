"""What a model for English makes of other scripts and of signs, which is nothing: told, lest it pass for a ranking."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias

from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import RerankRequest
from rerank_kit.texts import UNSPACED
from rerank_kit.user_warnings import warn_user
from rerank_kit.values import Hit, Usage

OnLanguage: TypeAlias = Literal["warn", "skip", "raise"]
"""What to do with a query, or candidates, mostly in scripts that the model does not read.

`"warn"` ranks all the same, and warns once. `"skip"` keeps the first stage's order: the ranking is `degraded`, its
`failure` says why, and a `Fallback` goes on to the next. `"raise"` raises `ConfigurationError`.
"""

_READ = 2_000  # characters of a text that are looked at
_LATIN = re.compile("[A-Za-zªº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff]+")
_UNUSUAL = re.compile("[^\0-\u024f\u1e00-\u1eff\u2010-\u2027]")  # neither Latin nor punctuation: maybe unknown
_CHINESE_OR_JAPANESE = re.compile(f"[{UNSPACED}]")
_WORD = 5  # letters
_CHINESE_WORD = 2


class LanguageWarning(UserWarning):
    """The embedded model, which is English, was asked about texts in scripts that it does not read."""


class EnglishOnly:
    """Looks at what a model that reads Latin script alone is asked."""

    def __init__(self, model: str, on_language: OnLanguage, knows: Callable[[str], bool]) -> None:
        """Have seen nothing yet.

        Args:
            model: Its name.
            on_language: What to do with what it does not read.
            knows: Whether its tokenizer has tokens for all of a word.
        """
        self.model = model
        self.on_language = on_language
        self._mostly_unread = partial(mostly_unread, knows=knows)
        self._told = False

    def ranking(
        self, requests: Sequence[RerankRequest], rank: Callable[[Sequence[RerankRequest]], Flow[list[Ranking]]]
    ) -> Flow[list[Ranking]]:
        """The rankings of a model, or the orders before where it was to skip what it cannot read.

        Raises:
            ConfigurationError: It cannot read one, and that was to be raised.
        """
        unread = [self._unread(each) for each in requests]
        skipped = [found > 0 and self.on_language == "skip" for found in unread]
        asked = [each for each, skip in zip(requests, skipped, strict=True) if not skip]
        ranked = iter((yield from rank(asked)) if asked else [])
        rankings = [
            self._kept(request, found) if skip else next(ranked)
            for request, found, skip in zip(requests, unread, skipped, strict=True)
        ]
        return [
            replace(each, usage=each.usage + Usage(unread=found)) if found else each
            for each, found in zip(rankings, unread, strict=True)
        ]

    def _unread(self, request: RerankRequest) -> int:
        """How many pairs of a request it cannot read, if that is most of them; otherwise 0."""
        query, documents = request
        found = (
            len(documents) if self._mostly_unread(query) else sum(self._mostly_unread(each.text) for each in documents)
        )
        if 2 * found <= len(documents):
            return 0
        if self.on_language == "raise":
            raise ConfigurationError(self._problem(request, found))
        if self.on_language == "warn":
            told, self._told = self._told, True
            warn_user(f"{self._problem(request, found)}. This is said once", LanguageWarning, told=told, ranking=True)
        return found

    def _problem(self, request: RerankRequest, found: int) -> str:
        query, documents = request
        what = "the query is" if self._mostly_unread(query) else f"{found} of {len(documents)} candidates are"
        return (
            f"{what} mostly in a script or signs that {self.model}, which is English, does not read: its ranking is "
            "worth less than the order before it, and its scores, and thresholds on them, mean nothing. Take a "
            'multilingual model, such as SentenceTransformersCrossEncoder("BAAI/bge-reranker-v2-m3"), or pass '
            'on_language="skip" to keep the order before, or "raise"'
        )

    def _kept(self, request: RerankRequest, found: int) -> Ranking:
        """The order before, for a request that it cannot read."""
        why = "not ranked: the model does not read this script or these signs"
        hits = tuple(Hit(place, 0.0, why) for place in range(len(request[1])))
        return Ranking(hits, failure=self._problem(request, found))


def mostly_unread(text: str, knows: Callable[[str], bool]) -> bool:
    """Whether most of a text's words are in other scripts than Latin, or unknown, judged by its beginning.

    Chinese and Japanese have about two characters in a word, other scripts five letters.

    Args:
        text: Any text.
        knows: Whether the tokenizer has tokens for all of a word. It has none for emoji and letters of full width.
    """
    beginning = text[:_READ]
    if beginning.isascii():
        return False
    latin = _LATIN.findall(beginning)
    chinese = len(_CHINESE_OR_JAPANESE.findall(beginning))
    others = sum(map(str.isalpha, beginning)) - sum(map(len, latin)) - chinese
    if chinese / _CHINESE_WORD + others / _WORD > len(latin):
        return True
    words = beginning.split()
    unusual = [word for word in words if _UNUSUAL.search(word)]
    if 2 * len(unusual) <= len(words):
        return False
    return 2 * sum(not knows(word) for word in unusual) > len(words)

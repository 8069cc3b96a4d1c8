"""BM25 over a list of texts: a first stage that needs no embedding model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rerank_kit.bm25.languages import COMMONEST, languages, stems, told_language
from rerank_kit.bm25.words import parts, words
from rerank_kit.checks import check_choice
from rerank_kit.optional import optional

AUTO: Final = "auto"

_FAINT = 0.01  # what a common word of a query counts: enough to decide among equals, and to bring who else may answer
_TURKISH = str.maketrans("I\u0130", "\u0131i")  # these are its pairs; elsewhere I goes with i


@dataclass(frozen=True)
class Terms:
    """From a text to its terms: words, and the parts of names in code, as stems.

    Attributes:
        language: One of `languages`; `None` for words as they stand.
    """

    language: str | None = None

    def __call__(self, text: str) -> list[str]:
        """The terms of a document."""
        return self._stems(self._words(text))

    def of_query(self, query: str) -> tuple[list[str], list[str]]:
        """The terms of a query that say what is looked for, and the commonest words of the language beside them.

        A query that has none but these looks for them.
        """
        every = self._words(query)
        common = COMMONEST.get(self.language or "", frozenset())
        telling = [word for word in every if word not in common]
        if not telling:
            return self._stems(every), []
        return self._stems(telling), self._stems([word for word in every if word in common])

    def _words(self, text: str) -> list[str]:
        spelled = text.translate(_TURKISH) if self.language == "turkish" else text
        return [*words(spelled), *parts(spelled)]

    def _stems(self, every: list[str]) -> list[str]:
        return every if self.language is None else stems(self.language, every)


class BM25:
    """An index of texts, on the bm25s library (Lucene's variant of BM25).

    Words are compared by their stems, and names in code are found by their parts too. Of a query, the commonest words
    of the language count next to nothing, unless it has no others.

    Attributes:
        language: What words are compared in; `None` for words as they stand.
    """

    def __init__(
        self,
        texts: Sequence[str],
        *,
        language: str | None = AUTO,
        tokenizer: Callable[[str], list[str]] | None = None,
    ) -> None:
        """Index the texts.

        Args:
            texts: The collection.
            language: That of the collection; `"auto"` tells it from the texts.
            tokenizer: Cuts a text into terms, in place of all that.

        Raises:
            ConfigurationError: There is no such language.
            MissingExtra: bm25s or PyStemmer is not installed.
        """
        bm25s = optional("bm25s", extra="bm25", why="BM25")
        logging.getLogger("bm25s").setLevel(logging.NOTSET)  # its import sets DEBUG, whatever the user has configured
        if tokenizer is None and language is not None:
            check_choice("language", language, (AUTO, *languages(), None))
            language = told_language(texts) if language == AUTO else language
        self.language = language if tokenizer is None else None
        self._tokenizer = tokenizer
        self._terms = Terms(self.language)
        terms = list(map(tokenizer or self._terms, texts))
        self._index: Any = None
        if any(terms):  # bm25s cannot index a collection without a single word
            self._index = bm25s.BM25()
            self._index.index(terms, show_progress=False)

    def best(self, query: str, limit: int | None = None) -> list[tuple[int, float]]:
        """The places and scores of the texts that share a word with the query, best first, and so many at most."""
        terms, common = self._terms.of_query(query) if self._tokenizer is None else (self._tokenizer(query), [])
        if self._index is None or not terms:
            return []
        scores: Any = self._index.get_scores(terms)
        if common:
            scores = scores + _FAINT * self._index.get_scores(common)
        matches = scores.nonzero()[0]
        places = matches[(-scores[matches]).argsort(kind="stable")][:limit]
        return [(int(place), float(scores[place])) for place in places]

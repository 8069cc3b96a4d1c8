"""Passages searched by words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rerank_kit.bm25 import BM25
from rerank_kit.search.folder import Passage


class PassageIndex:
    """BM25 over passages.

    Attributes:
        passages: They.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Index them.

        Raises:
            MissingExtra: bm25s or PyStemmer is not installed.
        """
        self.passages = passages
        self._index = BM25([each.text for each in passages])

    def best(self, query: str, recall: int, below: str = "") -> list[Passage]:
        """The passages that share a word with the query, best first.

        Args:
            query: The question.
            recall: How many at most.
            below: What their paths begin with.
        """
        if not below:
            return [self.passages[place] for place, _ in self._index.best(query, recall)]
        ranked = (self.passages[place] for place, _ in self._index.best(query))
        return list(islice((each for each in ranked if each.path.startswith(below)), recall))

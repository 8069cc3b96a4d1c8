"""What of a document a model is shown beside a chunk, where all of it is more than the model reads."""

from __future__ import annotations

from rerank_kit.texts import estimated_tokens
from rerank_kit.values import Passage


class Windows:
    """The parts of a document that are shown: all of it, or windows of equal length, each half over the next.

    They lie where they lie for all chunks, so that many calls begin with the same one.

    Attributes:
        text: The document.
    """

    def __init__(self, text: str, most: int) -> None:
        """Measure the document.

        Args:
            text: The document.
            most: The tokens that may be shown of it, as they are guessed.
        """
        self.text = text
        tokens = estimated_tokens(text)
        self._length = len(text) if tokens <= most else max(2, len(text) * most // tokens)
        if self._length < len(text):  # a part may have more tokens than its share
            self._length = self._fitting(most)

    def _fitting(self, most: int) -> int:
        length = self._length
        while length > 2 and any(estimated_tokens(self.text[at : at + length]) > most for at in self._starts(length)):  # noqa: PLR2004
            length = max(2, length * 9 // 10)
        return length

    def _starts(self, length: int) -> range:
        return range(0, max(1, len(self.text) - length // 2), max(1, length // 2))

    def around(self, place: Passage) -> Passage:
        """The window in which a place stands closest to the middle."""
        if self._length >= len(self.text):
            return 0, len(self.text)
        middle = (place[0] + place[1]) // 2
        step = max(1, self._length // 2)
        last = self._starts(self._length)[-1]
        begin = min(last, max(0, round((middle - step) / step)) * step)
        return begin, min(len(self.text), begin + self._length)

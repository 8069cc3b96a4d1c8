"""Turning a query and a document into the tokens that a cross-encoder reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.batching import reaches
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.optional import optional
from rerank_kit.values import Deadline, Passage

if TYPE_CHECKING:
    from tokenizers import Encoding

_NEVER = Deadline()
_LONGEST_WORD = 256  # characters: a cut changes the tokens of the word it falls in, and none before that


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair as the model reads it.

    Attributes:
        ids: Token ids, special ones included, not padded.
        types: Token type ids, of the same length: 0 for the query, 1 for the document in BERT-like models.
        truncated: Whether the pair had more tokens than fit, or the document an end that was not looked at.
    """

    ids: list[int]
    types: list[int]
    truncated: bool


class PairTokenizer:
    """A `tokenizer.json` that encodes pairs up to a maximum length. Threads may share it.

    Attributes:
        room: Tokens of a pair that query and document have together.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        """Load the tokenizer.

        Raises:
            ConfigurationError: The file cannot be read.
            MissingExtra: The tokenizers package is not installed.
        """
        tokenizers = optional("tokenizers", extra="onnx", why="a local cross-encoder")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            msg = f"{path} is not a tokenizer that can be loaded ({error}): fetch the model again"
            raise ConfigurationError(msg) from error
        self._whole = tokenizers.Tokenizer.from_str(self._tokenizer.to_str())
        self._whole.no_padding()
        self._whole.no_truncation()
        self._control = ControlTokens.of(self._whole)
        self._max_length = max_length
        self.room = max_length - self._whole.num_special_tokens_to_add(is_pair=True)
        self._tokenizer.no_padding()  # the file may ask for it, which would multiply the work of short pairs
        self.cut_documents_alone(alone=False)

    def cut_documents_alone(self, *, alone: bool) -> None:
        """Cut the document whatever the query's length; otherwise whichever is longer."""
        self._tokenizer.enable_truncation(self._max_length, strategy="only_second" if alone else "longest_first")

    def __call__(self, query: str, text: str, deadline: Deadline = _NEVER) -> EncodedPair:
        """Encode a pair. Of a very long document only as much is read as can reach the model.

        Raises:
            DeadlineExceeded: The time is over.
        """
        *looks, last = reaches(len(text), self._max_length)
        for reach in looks:
            deadline.check()
            encoding = self._encoded(query, text[:reach])
            if reach - _end_of_document(encoding, reach) >= _LONGEST_WORD:
                return EncodedPair(encoding.ids, encoding.type_ids, truncated=True)
        deadline.check()
        encoding = self._encoded(query, text[:last])
        return EncodedPair(encoding.ids, encoding.type_ids, truncated=bool(encoding.overflowing) or last < len(text))

    def _encoded(self, query: str, text: str) -> Encoding:
        encoding: Encoding = self._tokenizer.encode(query, text)
        if self._control.inside(encoding.ids, query, text):
            encoding = self._tokenizer.encode(self._control.taken_apart(query), self._control.taken_apart(text))
        return encoding

    def ids(self, text: str) -> list[int]:
        """The tokens of a text alone."""
        ids: list[int] = self._whole.encode(text, add_special_tokens=False).ids
        return ids

    def offsets(self, text: str) -> list[Passage]:
        """Where each token of a text stands in it."""
        return self._control.offsets(text)


def _end_of_document(encoding: Encoding, reach: int) -> int:
    """The place in the document, in characters, where what the model reads ends: at the cut when all of it fits."""
    if not encoding.overflowing:
        return reach
    ends = (end for (_, end), sequence in zip(encoding.offsets, encoding.sequence_ids, strict=True) if sequence == 1)
    return max(ends, default=0)

"""Turning a query and a document into the tokens that a cross-encoder reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.windows import fitted
from rerank_kit.optional import optional
from rerank_kit.values import Passage

if TYPE_CHECKING:
    from tokenizers import Encoding

_FIRST_CUT = 16  # characters per token: far more than any language needs, so one look is nearly always enough
_LONGEST_WORD = 256  # characters: a cut changes the tokens of the word it falls in, and none before that


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair as the model reads it.

    Attributes:
        ids: Token ids, special ones included, not padded.
        types: Token type ids, of the same length: 0 for the query, 1 for the document in BERT-like models.
        truncated: Whether the pair had more tokens than fit.
    """

    ids: list[int]
    types: list[int]
    truncated: bool


class PairTokenizer:
    """A `tokenizer.json` that encodes pairs up to a maximum length. Threads may share it."""

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
        self._max_length = max_length
        self._tokenizer.no_padding()  # the file may ask for it, which would multiply the work of short pairs
        self._tokenizer.enable_truncation(max_length, strategy="longest_first")

    def __call__(self, query: str, text: str) -> EncodedPair:
        """Encode a pair. Of a very long document only as much is read as can reach the model."""
        reach = _FIRST_CUT * self._max_length
        encoding = self._tokenizer.encode(query[:reach], text[:reach])
        while reach < len(text) and reach - _end_of_document(encoding, reach) < _LONGEST_WORD:
            reach *= 4
            encoding = self._tokenizer.encode(query[:reach], text[:reach])
        return EncodedPair(encoding.ids, encoding.type_ids, truncated=bool(encoding.overflowing))

    def windows(self, query: str, text: str, size: int | None = None) -> list[Passage]:
        """Cut a document into overlapping windows that fit beside the query; one, the whole, when it fits.

        Args:
            query: The query, which takes its part of the maximum length.
            text: The document.
            size: Tokens in a window at most; `None` is as many as fit.
        """
        taken = len(self._whole.encode(query, add_special_tokens=False)) + self._whole.num_special_tokens_to_add(
            is_pair=True
        )
        tokens = self._whole.encode(text, add_special_tokens=False).offsets
        return fitted(text, tokens, self._max_length - taken, size)


def _end_of_document(encoding: Encoding, reach: int) -> int:
    """The place in the document, in characters, where what the model reads ends: at the cut when all of it fits."""
    if not encoding.overflowing:
        return reach
    ends = (end for (_, end), sequence in zip(encoding.offsets, encoding.sequence_ids, strict=True) if sequence == 1)
    return max(ends, default=0)

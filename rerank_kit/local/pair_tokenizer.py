"""Turning a query and a document into the tokens that a cross-encoder reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.batching import reaches
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.prompt_tokenizer import PromptTokenizer, token_id
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.tokenizer_classes import follow
from rerank_kit.optional import optional
from rerank_kit.values import Deadline, Passage

if TYPE_CHECKING:
    from tokenizers import Encoding

_NEVER = Deadline()
LONGEST_WORD = 256
"""Characters: a cut changes the tokens of the word it falls in, and none before that."""


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


def tokenizer_in(path: Path, *, config: Mapping[str, Any], kind: str | None, lower: bool = False) -> Any:
    """The tokenizer in a `tokenizer.json`, as transformers would have it. The arguments are those of `PairTokenizer`.

    Raises:
        ConfigurationError: The file cannot be read.
        MissingExtra: The tokenizers package is not installed.
    """
    tokenizers = optional("tokenizers", extra="onnx", why="a local model")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        msg = f"{path} is not a tokenizer that can be loaded ({error}): fetch the model again"
        raise ConfigurationError(msg) from error
    follow(tokenizer, kind, config)
    if lower:
        small, own = tokenizers.normalizers, tokenizer.normalizer
        tokenizer.normalizer = small.Sequence([small.Lowercase(), *([] if own is None else [own])])
    return tokenizer


class PairTokenizer:
    """A `tokenizer.json` that encodes pairs up to a maximum length. Threads may share it.

    Attributes:
        room: Tokens of a pair that query and document have together.
    """

    def __init__(
        self,
        path: Path,
        max_length: int,
        prompt: Prompt | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        kind: str | None = "",
        lower: bool = False,
        special: bool = True,
    ) -> None:
        """Load the tokenizer.

        Args:
            path: `tokenizer.json`.
            max_length: The most tokens of a pair.
            prompt: What is put around query and document, in place of the tokenizer's own pair.
            config: `tokenizer_config.json`, by which transformers changes what the former says.
            kind: The class of transformers that does so, see `follow`; `None` where none does.
            lower: Whether capital letters are made small first of all.
            special: Whether the tokenizer's own special tokens go around a pair without a prompt.

        Raises:
            ConfigurationError: The file cannot be read, or the prompt leaves no room.
            MissingExtra: The tokenizers package is not installed.
        """
        self._tokenizer = tokenizer_in(path, config=config or {}, kind=kind, lower=lower)
        self._side = cut_side(self._tokenizer, config or {})
        tokenizers = optional("tokenizers", extra="onnx", why="a local model")
        self._whole = tokenizers.Tokenizer.from_str(self._tokenizer.to_str())
        self._whole.no_padding()
        self._whole.no_truncation()
        self._max_length = max_length
        self._prompt = None if prompt is None else PromptTokenizer(self._whole, prompt)
        self._special = special
        around = self._whole.encode("", "", add_special_tokens=special).ids
        self._control = ControlTokens.of(self._whole, around if self._prompt is None else self._prompt.around)
        self.room = max_length - len(around) if self._prompt is None else self._prompt.room(max_length)
        self._tokenizer.no_padding()  # the file may ask for it, which would multiply the work of short pairs
        self.cut_documents_alone(alone=False)

    def cut_documents_alone(self, *, alone: bool) -> None:
        """Cut the document whatever the query's length; otherwise whichever is longer."""
        self._tokenizer.enable_truncation(
            self._max_length, strategy="only_second" if alone else "longest_first", direction=self._side
        )

    def __call__(self, query: str, text: str, deadline: Deadline = _NEVER) -> EncodedPair:
        """Encode a pair. Of a very long document only as much is read as can reach the model.

        Raises:
            DeadlineExceeded: The time is over.
        """
        *looks, last = reaches(len(text), self._max_length)
        for reach in looks:
            deadline.check()
            pair, unread = self._encoded(query, self._reached(text, reach))
            if unread >= LONGEST_WORD:
                return replace(pair, truncated=True)
        deadline.check()
        pair, _ = self._encoded(query, self._reached(text, last))
        return replace(pair, truncated=pair.truncated or last < len(text))

    def _reached(self, text: str, reach: int) -> str:
        """As much of a text, from the end of it that is not cut."""
        return text[len(text) - reach :] if self._prompt is None and self._side == "left" else text[:reach]

    def _encoded(self, query: str, text: str) -> tuple[EncodedPair, int]:
        found = self._read(query, text)
        if self._control.inside(found[0].ids, query, text):
            found = self._read(self._control.taken_apart(query), self._control.taken_apart(text))
        return found

    def _read(self, query: str, text: str) -> tuple[EncodedPair, int]:
        """A pair, and how much of the document, in characters, the model does not read."""
        if self._prompt is not None:
            found = self._prompt(query, text, self._max_length)
            return EncodedPair(found.ids, [0] * len(found.ids), found.cut), len(text) - found.end
        encoding: Encoding = self._tokenizer.encode(query, text, add_special_tokens=self._special)
        pair = EncodedPair(encoding.ids, encoding.type_ids, bool(encoding.overflowing))
        return pair, _unread(encoding, len(text), self._side)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text alone."""
        ids: list[int] = self._whole.encode(text, add_special_tokens=False).ids
        return ids

    def token_ids(self, tokens: Sequence[str | int], name: str) -> list[int]:
        """The ids of tokens, of the model with that name.

        Raises:
            ConfigurationError: There is no token of such a text.
        """
        return [token_id(self._whole, each, name) for each in tokens]

    def offsets(self, text: str) -> list[Passage]:
        """Where each token of a text stands in it."""
        return self._control.offsets(text)


def cut_side(tokenizer: Any, config: Mapping[str, Any]) -> str:
    """The end of a text that is cut: in `tokenizer.json` it counts where the settings do not say."""
    in_file: Mapping[str, str] = tokenizer.truncation or {}
    side: str = config.get("truncation_side") or in_file.get("direction", "right").lower()
    return side


def _unread(encoding: Encoding, length: int, side: str) -> int:
    """How much of a document, in characters, lies beyond what the model reads of it: nothing when all of it fits."""
    if not encoding.overflowing:
        return 0
    places = [place for place, which in zip(encoding.offsets, encoding.sequence_ids, strict=True) if which == 1]
    if side == "left":
        return min((begin for begin, _ in places), default=length)
    return length - max((end for _, end in places), default=0)

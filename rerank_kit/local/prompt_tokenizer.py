"""A prompt, a query and a document as tokens: what is too long is cut from the document, never from the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.prompts import Prompt

_SHORTEST = 16  # tokens: with less room, query and document say nothing


@dataclass(frozen=True, slots=True)
class PromptIds:
    """A pair in its prompt.

    Attributes:
        ids: Token ids.
        cut: Whether the pair had more tokens than fit.
        end: How far the document was read, in characters.
    """

    ids: list[int]
    cut: bool
    end: int


class PromptTokenizer:
    """A prompt, and the tokenizer that reads its parts. Threads may share it."""

    def __init__(self, tokenizer: Any, prompt: Prompt) -> None:
        """Keep them.

        Args:
            tokenizer: Of the tokenizers package; it neither cuts nor pads.
            prompt: The prompt.
        """
        self._tokenizer = tokenizer
        self._prompt = prompt
        self._head, self._tail = _special(tokenizer) if prompt.special else ([], [])

    @cached_property
    def around(self) -> list[int]:
        """The tokens of a pair of empty texts."""
        return self("", "").ids

    def room(self, max_length: int) -> int:
        """Tokens that query and document have together, of so many in all.

        Raises:
            ConfigurationError: Too few.
        """
        room = max_length - len(self.around)
        if room < _SHORTEST:
            msg = (
                f"max_length={max_length} leaves no room beside the prompt, which has {len(self.around)} tokens: pass "
                f"at least {len(self.around) + _SHORTEST}"
            )
            raise ConfigurationError(msg)
        return room

    def __call__(self, query: str, document: str, most: int | None = None) -> PromptIds:
        """The tokens of a pair, no more than so many unless all without the document are more."""
        ids: list[int] = []
        own: list[tuple[int, int]] = []  # of each of the document's tokens: its place, and the character it ends at
        for part in self._prompt.filled(query, document):
            encoding = self._tokenizer.encode(part.text, add_special_tokens=False)
            if part.document is not None:
                begin, end = part.document
                own += [
                    (len(ids) + place, last - begin)
                    for place, (first, last) in enumerate(encoding.offsets)
                    if begin <= first < last <= end
                ]
            ids += encoding.ids
        head = [] if ids[: len(self._head)] == self._head else self._head  # it may be written out in the prompt
        ids = [*head, *ids, *self._tail]
        over = 0 if most is None else max(0, len(ids) - most)
        if not over or not own:
            return PromptIds(ids, cut=over > 0, end=len(document))
        kept, dropped = own[:-over], own[-over:]
        ids = ids[: len(head) + dropped[0][0]] + ids[len(head) + dropped[-1][0] + 1 :]
        left_out = len(document) - len(document.lstrip()) if self._prompt.strip else 0
        return PromptIds(ids, cut=True, end=left_out + kept[-1][1] if kept else 0)


def _special(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What a tokenizer puts before and behind a text."""
    encoding = tokenizer.encode("a")
    marked = list(zip(encoding.ids, encoding.special_tokens_mask, strict=True))
    head = [token for token, _ in takewhile(lambda each: each[1], marked)]
    tail = [token for token, _ in takewhile(lambda each: each[1], reversed(marked))]
    return head, tail[::-1] if len(head) < len(marked) else []


def token_id(tokenizer: Any, token: str | int, name: str) -> int:
    """The id of a token.

    Args:
        tokenizer: Of the tokenizers package.
        token: Its text, or its id already.
        name: What the user called the model.

    Raises:
        ConfigurationError: There is no token of that text.
    """
    if isinstance(token, int):
        return token
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        ids: list[int] = tokenizer.encode(token, add_special_tokens=False).ids
        found = ids[0] if len(ids) == 1 else None
    if found is None:
        msg = f"model={name!r} has no token {token!r}, whose logit would be the score: pass those it has as answers="
        raise ConfigurationError(msg)
    return found

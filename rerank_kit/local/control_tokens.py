"""Texts that hold a tokenizer's own control tokens, such as `[SEP]` or `<|im_end|>`: read as what they are made of.

A tokenizer does not ask who wrote them. Read as control tokens, those of a document could end it for the model, or open
what looks like another query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rerank_kit.values import Passage

ReadTokens = Callable[[str], Iterable[tuple[int, Passage]]]
"""The tokens of a text alone, without any that the tokenizer adds: each one's id, and where it stands."""

_MARKUP = re.compile(r"[<\[{(|｜].*[>\])}|｜]", re.DOTALL)  # noqa: RUF001 - DeepSeek's templates have a full-width bar
_RARE = "\U00012345\U00010a60"  # cuneiform and Old South Arabian: unknown, unless the tokenizer knows all there is


class ControlTokens:
    """The tokens with which a tokenizer or a chat template marks the parts of a pair. Threads may share it.

    They are those that the tokenizer calls special, added ones that look like markup, such as `<think>`, and those
    that look like it in what surrounds an empty pair. The one for unknown words is among them where a text spells it.
    """

    def __init__(
        self, added: Mapping[int, Any], name: Callable[[int], str | None], read: ReadTokens, template: Sequence[int]
    ) -> None:
        """Find them.

        Args:
            added: The tokenizer's added tokens by id, each with its `content` and whether it is `special`.
            name: A token's text by its id.
            read: Reads a text alone.
            template: The ids of a pair of empty texts.
        """
        self._read = read
        around = ((token, name(token)) for token in template)
        control = {token for token, each in added.items() if each.special or _MARKUP.fullmatch(each.content.strip())}
        control |= {token for token, text in around if text is not None and _MARKUP.fullmatch(text)}
        unknown = control & {token for token, _ in read(_RARE)}
        self._control = frozenset(control - unknown)
        self._unknown = {token: text for token in unknown if (text := name(token))}
        self._own = self._count(template)

    @classmethod
    def of(cls, tokenizer: Any, template: Sequence[int] | None = None) -> ControlTokens:
        """Those of a tokenizer of the tokenizers package, which neither cuts texts nor pads them.

        Args:
            tokenizer: The tokenizer.
            template: The ids of a pair of empty texts; by default what the tokenizer puts around one.
        """

        def read(text: str) -> Iterable[tuple[int, Passage]]:
            found = tokenizer.encode(text, add_special_tokens=False)
            return zip(found.ids, found.offsets, strict=True)

        around = tokenizer.encode("", "").ids if template is None else template
        return cls(tokenizer.get_added_tokens_decoder(), tokenizer.id_to_token, read, around)

    @classmethod
    def of_transformers(cls, tokenizer: Any, alone: Callable[..., Any], template: Sequence[int]) -> ControlTokens:
        """Those of a tokenizer of transformers.

        Args:
            tokenizer: The tokenizer.
            alone: What it makes of a text alone.
            template: The ids of a pair of empty texts.
        """
        added: Mapping[int, Any] = tokenizer.added_tokens_decoder

        def read(text: str) -> Iterable[tuple[int, Passage]]:
            found = alone(text, return_offsets_mapping=True)
            return zip(found["input_ids"], found["offset_mapping"], strict=True)

        def spelled(text: str) -> Iterable[tuple[int, Passage]]:
            for token, each in added.items():
                yield from ((token, found.span()) for found in re.finditer(re.escape(each.content), text))

        # A slow tokenizer does not tell where its tokens stand, but reads those alone that are spelled as they are.
        return cls(added, tokenizer.convert_ids_to_tokens, read if tokenizer.is_fast else spelled, template)

    def inside(self, ids: Iterable[int], *texts: str) -> bool:
        """Whether the tokens of a pair have more of them than surround one, or its texts spell the unknown one."""
        return self._count(ids) > self._own or any(word in text for word in self._unknown.values() for text in texts)

    def taken_apart(self, text: str) -> str:
        """The text, of the same length, with a space for the first character of each, as often as it takes."""
        return self._apart(text)[0]

    def offsets(self, text: str) -> list[Passage]:
        """Where each token of the text stands once they are taken apart."""
        return [where for _, where in self._apart(text)[1]]

    def _apart(self, text: str) -> tuple[str, list[tuple[int, Passage]]]:
        while True:
            tokens = list(self._read(text))
            found = {_first_shown(text, where) for token, where in tokens if self._is_control(text, token, where)}
            places = found - {None}
            if not places:
                return text, tokens
            text = "".join(" " if place in places else character for place, character in enumerate(text))

    def _count(self, ids: Iterable[int]) -> int:
        return sum(token in self._control for token in ids)

    def _is_control(self, text: str, token: int, where: Passage) -> bool:
        return token in self._control or self._unknown.get(token) == text[slice(*where)].strip()


def _first_shown(text: str, where: Passage) -> int | None:
    """The place of the first character there that is no space; tokens may take the spaces beside them along."""
    return next((place for place in range(*where) if not text[place].isspace()), None)

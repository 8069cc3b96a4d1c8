"""What keeps a document inside its place in a prompt: codes it cannot know, and no token of a chat template."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterable, Sequence

from rerank_kit.texts import cut, encodable, estimated_tokens, without_template_tokens

_CODE = 16  # characters
_LABEL = 4
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"  # no vowels, so that no label is a word, and nothing that looks alike

# The turns of models from before there were control tokens: "\n\nHuman:". A run of white space is looked at once.
_TURN = re.compile(r"(?<!\s)(\s++)(Human|Assistant)(?=:)")


class Draw:
    """Draws codes, labels and orders: unpredictably, or for tests the same again from a seed."""

    def __init__(self, *key: object) -> None:
        """Draw by what the system offers, or, given a key, by that alone."""
        self._random: random.Random = random.Random(repr(key)) if key else secrets.SystemRandom()  # noqa: S311 - tests

    def code(self, texts: Iterable[str]) -> str:
        """A code that no text contains."""
        return self._unseen(_CODE, "\n".join(texts).upper())

    def labels(self, count: int, texts: Iterable[str]) -> list[str]:
        """Labels, each different, that no text contains."""
        seen = "\n".join(texts).upper()
        labels: dict[str, None] = {}
        while len(labels) < count:
            labels[self._unseen(_LABEL, seen)] = None
        return list(labels)

    def shuffled(self, places: Sequence[int]) -> list[int]:
        """The places in another order."""
        return self._random.sample(places, len(places))

    def _unseen(self, length: int, seen: str) -> str:
        while True:
            word = "".join(self._random.choices(_LETTERS, k=length))
            if word not in seen:
                return word
            length += 1  # a text may hold all short ones, by chance or on purpose


def harmless(text: str) -> str:
    """The text without control tokens of chat templates: a space takes them apart, and the words stay.

    Halves of surrogate pairs, which UTF-8 cannot express, become U+FFFD.
    """
    return _TURN.sub(_apart, without_template_tokens(encodable(text).replace("\x00", " ")))


def shortened(text: str, tokens: int | None) -> tuple[str, bool]:
    """What a model is shown of a text that may have so many tokens, and whether that is less than all of it.

    White space before it does not use them up.
    """
    fits = tokens is None or estimated_tokens(text) <= tokens
    kept = text if tokens is None or fits else cut(text.lstrip(), tokens, estimated_tokens)
    return harmless(kept), len(kept) < len(text.lstrip())


def _apart(turn: re.Match[str]) -> str:
    lines = turn[1].count("\n") + (turn.start() == 0)  # the prompt begins a line for each text
    return f"{turn[0]} " if lines > 1 else turn[0]

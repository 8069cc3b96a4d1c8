"""What keeps a document inside its place in a prompt: codes it cannot know, and no token of a chat template."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterable, Sequence

from rerank_kit.texts import encodable

_CODE = 16  # characters
_LABEL = 4
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"  # no vowels, so that no label is a word, and nothing that looks alike

# The words that chat templates are built of, which servers turn into control tokens wherever they stand, and the
# turns of models from before there were any: <|im_end|>, <s>, <end_of_turn>, [INST], <<SYS>>, "\n\nHuman:".
_CONTROL = re.compile(
    r"<(?=[|｜])"  # noqa: RUF001 - DeepSeek's templates have a full-width bar
    r"|<(?=/?(?:s|bos|eos|unk|pad|start_of_turn|end_of_turn|start_of_image|tool_call|tool_response|think)>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)
_TURN = re.compile(r"(\n\s*\n\s*)(Human|Assistant)(?=:)")


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
        labels: list[str] = []
        while len(labels) < count:
            labels.append(self._unseen(_LABEL, "\n".join((seen, *labels))))
        return labels

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

    Halves of surrogate pairs, which UTF-8 cannot express, become question marks.
    """
    text = _CONTROL.sub(lambda found: f"{found[0]} ", encodable(text).replace("\x00", " "))
    return _TURN.sub(r"\1\2 ", text)

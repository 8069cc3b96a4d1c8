"""What holds of any text: whether it is blank, what UTF-8 makes of it, how many tokens it has, and where to cut it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

CountTokens: TypeAlias = Callable[[str], int]
"""Counts the tokens of a text."""

UNSPACED = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese characters, which are written without spaces between words: for a class of a pattern."""


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text to read: such documents are never sent, and such queries are refused."""
    return not text.strip()


def encodable(text: str) -> str:
    """The text, with halves of surrogate pairs, which UTF-8 cannot express, as question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def estimated_tokens(text: str) -> int:
    """Tokens of a text, guessed on the careful side: one for every three bytes of UTF-8.

    English has four to five bytes in a token, code and Chinese about three.
    """
    return -(-len(text.encode()) // 3)


def cut(text: str, tokens: int, count: CountTokens) -> str:
    """The longest beginning of a text that has no more than so many tokens; the text itself where all of it fits."""
    if count(text) <= tokens:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count(text[:middle]) <= tokens:
            fits = middle
        else:
            too_long = middle
    return text[:fits]

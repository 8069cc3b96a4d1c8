"""Texts without what does not count in a comparison."""

from __future__ import annotations

from rerank_kit.texts import nfkc


def folded(text: str) -> str:
    """A text without what does not count in a comparison: case, width, ligatures, runs of white space.

    The time it takes grows with the length of the text alone.
    """
    plain = str.__str__(text)
    if plain.isascii():
        return " ".join(plain.casefold().split())
    return " ".join(" ".join(map(_fold, plain.split())).split())


def _fold(word: str) -> str:
    return nfkc(nfkc(word).casefold())

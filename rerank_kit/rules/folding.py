"""Texts without what does not count in a comparison."""

from __future__ import annotations

import unicodedata

_PIECE = 64  # characters; normalising takes time by the square of a run of combining marks
_MARKS = 30  # combining marks in a run, after https://unicode.org/reports/tr15/#Stream_Safe_Text_Format


def folded(text: str) -> str:
    """A text without what does not count in a comparison: case, width, ligatures, runs of white space.

    The time it takes grows with the length of the text alone: each word is folded by itself, and a long one in pieces.
    """
    plain = str.__str__(text)
    if plain.isascii():
        return " ".join(plain.casefold().split())
    words = (_fold(word) if len(word) <= _PIECE else "".join(map(_fold, _pieces(word))) for word in plain.split())
    return " ".join(" ".join(words).split())


def _fold(piece: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", piece).casefold())


def _pieces(word: str) -> list[str]:
    """A long word in pieces that can be normalised apart: none begins with what belongs to the character before."""
    pieces: list[str] = []
    start = 0
    while start < len(word):
        end = start + _PIECE
        while end < min(len(word), start + _PIECE + _MARKS) and _leans(word[end]):
            end += 1
        pieces.append(word[start:end])
        start = end
    return pieces


def _leans(character: str) -> bool:
    """Whether a character may become one with that before it: a mark, or a vowel or a final consonant of Hangul."""
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first).startswith("M") or "\u1160" <= first <= "\u11ff"

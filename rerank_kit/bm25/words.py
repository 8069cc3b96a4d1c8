"""The terms that BM25 counts: words, and parts of names in code."""

from __future__ import annotations

import re

from rerank_kit.texts import UNSPACED, nfkc

# Marks belong to the letter before them, where there are spaces between words: accents, the points of Hebrew and of
# Arabic, and most vowels of India's scripts, which are taken here whole but for their full stops.
_MARKS = "\u0300-\u036f\u0483-\u0489\u05b0-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
_INDIAN = "\u0900-\u0963\u0966-\u0dff"
_PIECES = re.compile(f"[{UNSPACED}]+|[^\\W{UNSPACED}]++(?:[{_MARKS}{_INDIAN}]++[^\\W{UNSPACED}]*+)*+")
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
_JOINT = re.compile("_+|(?<=[a-z0-9])(?=[A-Z][a-z])")


def words(text: str) -> list[str]:
    """Cut text into words.

    Words of letters and digits, case folded, with the marks on letters. Chinese and Japanese, which put no space
    between words, are cut into overlapping pairs of characters, as Lucene's CJKAnalyzer does.
    """
    terms: list[str] = []
    for piece in _PIECES.findall(nfkc(text).casefold()):
        if _IS_UNSPACED.match(piece) and len(piece) > 1:
            terms.extend(piece[at : at + 2] for at in range(len(piece) - 1))
        else:
            terms.append(piece)
    return terms


def parts(text: str) -> list[str]:
    """The words that names in code are made of: those of `get_user` and `DiffExecutor`, of two letters or more."""
    plain = nfkc(text)
    if _JOINT.search(plain) is None:
        return []
    names = (piece for piece in _PIECES.findall(plain) if _JOINT.search(piece))
    return [part.casefold() for name in names for part in _JOINT.split(name) if len(part) > 1]

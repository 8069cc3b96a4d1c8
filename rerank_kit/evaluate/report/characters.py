"""Text of any origin, so that it can be shown: what steers a terminal or turns the direction of writing is seen."""

from __future__ import annotations

import re

from rerank_kit.texts import encodable

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ENDS = re.compile("\r\n?|[\u2028\u2029\x85]")
_DELETE, _SPACE = 0x7F, 0x20
_PICTURES = 0x2400  # where Unicode has pictures of control characters


def visible(text: str) -> str:
    """The text in the same lines, control characters as pictures or numbers, halves of surrogate pairs as U+FFFD."""
    return _CONTROLS.sub(_picture, _ENDS.sub("\n", encodable(text)))


def in_a_line(text: str) -> str:
    """The same in one line, each run of white space as a space."""
    return " ".join(visible(text).split())


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < _SPACE:
        return chr(_PICTURES + code)
    return "\u2421" if code == _DELETE else f"⟨U+{code:04X}⟩"

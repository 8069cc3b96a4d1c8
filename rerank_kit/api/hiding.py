"""Blotting secrets out of what others say: whole or in pieces, and however they are written down. Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any

SHOWN = "**********"
_SHORTEST = 4  # characters: what is shorter cannot be told from other text
_PIECE = 8  # characters of a long secret that are hidden wherever they stand together
_LEAST_PIECE = 6  # of a short one
_LONGEST = 10_000  # characters of a text in an answer: no error shows as many
_DEEPEST = 20  # levels of an answer: no error shows as many
_ROUNDS = 3  # how often a text may have been escaped, and one more

_SCHEME = re.compile(r"(bearer|basic|token|digest|api-?key|key)\s+", re.IGNORECASE)
_ESCAPE = re.compile(
    r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|%([0-9a-f]{2})|\\(.)|&(?:#x?[0-9a-f]{1,6}|amp|lt|gt|quot|apos);",
    re.IGNORECASE | re.DOTALL,
)
_ALIKE = str.maketrans(
    {**{chr(each): chr(each + 32) for each in range(ord("A"), ord("Z") + 1)}, "-": "+", " ": "+", "_": "/"}
)
"""Case says nothing, a blank in a URL is a plus, and base64 has two alphabets."""


def hide(text: str, secrets: Iterable[str], *, whole: bool = False) -> str:
    """The text without the secrets.

    Secrets are found as they are, percent-encoded, escaped as in JSON or HTML, in base64 and in hexadecimal digits,
    in upper or lower case.

    Args:
        text: What somebody else wrote.
        secrets: What must not be seen. A word before it that names a scheme, such as `Bearer`, may be.
        whole: Hide only whole secrets, and not also pieces of 8 characters, of short secrets 6.
    """
    known: dict[int, set[str]] = {}
    for form in {form.translate(_ALIKE) for secret in secrets for form in _forms(secret)}:
        size = len(form) if whole else _size(form)
        if len(form) >= _SHORTEST:
            known.setdefault(size, set()).update(form[at : at + size] for at in range(len(form) - size + 1))
    if not known:
        return text
    spans: list[tuple[int, int]] = []
    read, places = text, range(len(text) + 1)
    for _ in range(_ROUNDS):
        spans += _found(read.translate(_ALIKE), places, known)
        if _ESCAPE.search(read) is None:
            break
        read, places = _unescaped(read, places)
    return _blotted(text, spans)


def hidden(value: Any, secrets: Sequence[str], *, whole: bool = False, level: int = 0) -> Any:
    """A parsed answer without the secrets. What is deeper or, unless `whole`, longer than any error shows is cut."""

    def inside(each: Any) -> Any:
        return hidden(each, secrets, whole=whole, level=level + 1)

    if level == _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {inside(name): inside(each) for name, each in value.items()}
    if isinstance(value, list):
        return [inside(each) for each in value]
    if isinstance(value, str):
        return hide(value if whole else value[:_LONGEST], secrets, whole=whole)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return SHOWN if SHOWN in hide(f"{value:.0f}", secrets, whole=whole) else value
    return value


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be written down."""
    scheme = _SCHEME.match(secret)
    bare = secret if scheme is None else secret[scheme.end() :]
    raw = bare.encode()
    yield bare
    yield raw.hex()
    for before in range(3):  # bytes of something else, by which base64 is shifted
        yield b64encode(bytes(before) + raw).decode().rstrip("=")[before + 1 if before else 0 :]
    if scheme is not None and scheme[1].lower() == "basic":
        try:
            pair = b64decode(bare).decode()
        except ValueError:
            return
        yield pair
        yield pair.partition(":")[2]


def _size(form: str) -> int:
    """How many characters of it must not stand together."""
    return len(form) if len(form) < _PIECE else min(_PIECE, max(_LEAST_PIECE, len(form) // 2))


def _found(text: str, places: Sequence[int], known: Mapping[int, set[str]]) -> list[tuple[int, int]]:
    """Where the pieces are, in the text as it was given."""
    return [
        (places[at], places[at + size])
        for size, pieces in known.items()
        for at in range(len(text) - size + 1)
        if text[at : at + size] in pieces
    ]


def _unescaped(text: str, places: Sequence[int]) -> tuple[str, list[int]]:
    """The text with one level of escapes undone, and where each character of it stood, and its end."""
    read: list[str] = []
    stood: list[int] = []
    done = 0
    for escape in _ESCAPE.finditer(text):
        read.append(text[done : escape.start()])
        stood += places[done : escape.start()]
        code = escape[1] or escape[2] or escape[3]
        meant = chr(int(code, 16)) if code else escape[4] or unescape(escape[0])
        read.append(meant)
        stood += [places[escape.start()]] * len(meant)
        done = escape.end()
    read.append(text[done:])
    stood += places[done:]
    return "".join(read), stood


def _blotted(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not parts:
            parts += [text[done:start], SHOWN]
        done = max(done, end)
    return "".join([*parts, text[done:]])

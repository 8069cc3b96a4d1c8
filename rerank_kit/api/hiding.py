"""Blotting secrets out of what others say: whole or in pieces, and however they are written down. Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import unescape
from typing import Any, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping

SHOWN = "**********"
_SHORTEST = 4  # characters: what is shorter cannot be told from other text
_PIECE = 8  # characters of a long secret that are hidden wherever they stand together
_LEAST_PIECE = 6  # of a short one
_LONGEST = 10_000  # characters of a text in an answer: no error shows as many
_DEEPEST = 20  # levels of an answer: no error shows as many
_DEEPEST_USED = 100  # levels of an answer: nothing that is used is deeper
_FEW = 8  # pieces, which are faster looked for one by one
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


Pieces: TypeAlias = Mapping[int, set[str]]
"""What must not stand together, by its length."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets and without pieces of 8 characters of one, 6 of a short one.

    Secrets are found as they are, percent-encoded, escaped as in JSON or HTML, in base64 and in hexadecimal digits,
    in upper or lower case.

    Args:
        text: What somebody else wrote.
        secrets: What must not be seen. A word before it that names a scheme, such as `Bearer`, may be.
    """
    return _blotted(text, _pieces(secrets))


def hider(secrets: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """What blots secrets out of many texts. They are read when the first comes."""
    pieces = cache(lambda: _pieces(secrets()))
    return lambda text: _blotted(text, pieces())


def hidden(value: Any, secrets: Iterable[str]) -> Any:
    """A parsed answer without the secrets and their pieces. What is deeper or longer than any error shows is cut."""
    return _inside(value, _pieces(secrets), _LONGEST, _DEEPEST)


def without_whole(value: Any, secrets: Iterable[str]) -> Any:
    """A parsed answer without the secrets, but with everything else that is to be used."""
    return _inside(value, _pieces(secrets, whole=True), None, _DEEPEST_USED)


def without_frames(error: BaseException) -> BaseException:
    """The same error without what it knows of the frames it came through, and of other errors: they show secrets."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _inside(value: Any, known: Pieces, longest: int | None, levels: int) -> Any:
    if levels == 0 or value is None or isinstance(value, bool):
        return "…" if levels == 0 else value
    if isinstance(value, str):
        return _blotted(value[:longest], known)
    if isinstance(value, int | float):
        return SHOWN if SHOWN in _blotted(_digits(value), known) else value
    left = levels - 1
    if is_mapping(value):
        pairs = ((_inside(name, known, longest, left), each) for name, each in value.items())
        return {name: _inside(each, known, longest, left) for name, each in pairs}
    if is_list(value):
        return [_inside(each, known, longest, left) for each in value]
    return _blotted(repr(value)[:longest], known)


def _digits(number: float) -> str:
    """A number as text, as far as Python writes it."""
    try:
        return str(number) if isinstance(number, int) else f"{number:.0f}"
    except ValueError:  # of more than 4,300 digits
        return ""


def _pieces(secrets: Iterable[str], *, whole: bool = False) -> Pieces:
    known: dict[int, set[str]] = {}
    for form in {form.translate(_ALIKE) for secret in secrets for form in _forms(secret)}:
        size = len(form) if whole else _size(form)
        if len(form) >= _SHORTEST:
            known.setdefault(size, set()).update(form[at : at + size] for at in range(len(form) - size + 1))
    return known


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


def _found(text: str, places: Sequence[int], known: Pieces) -> list[tuple[int, int]]:
    """Where the pieces are, in the text as it was given."""
    return [
        (places[at], places[at + size])
        for size, pieces in known.items()
        if len(pieces) > _FEW or any(piece in text for piece in pieces)
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


def _blotted(text: str, known: Pieces) -> str:
    spans: list[tuple[int, int]] = []
    read: str = text
    places: Sequence[int] = range(len(text) + 1)
    for _ in range(_ROUNDS if known else 0):
        spans += _found(read.translate(_ALIKE), places, known)
        if _ESCAPE.search(read) is None:
            break
        read, places = _unescaped(read, places)
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start > done or not parts:
            parts += [text[done:start], SHOWN]
        done = max(done, end)
    return "".join([*parts, text[done:]])

"""The fields of a protobuf message, without its schema and without reading what is in them.

By the wire format: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

VARINT, EIGHT_BYTES, LENGTH, GROUP, _GROUP_END, FOUR_BYTES = range(6)
"""Wire types."""

_MOST_DIGITS = 10  # of a number of 64 bits

Data = bytes | mmap.mmap


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Its number in the schema.
        kind: Its wire type.
        begin: Where it begins.
        content: Where its content begins.
        end: Where it ends.
    """

    number: int
    kind: int
    begin: int
    content: int
    end: int


def fields(data: Data, at: int, end: int) -> Iterator[Field]:
    """The fields between two places.

    Raises:
        ValueError: This is not the protobuf wire format.
        IndexError: It breaks off.
    """
    while at < end:
        found = _field(data, at)
        open_groups = int(found.kind == GROUP)
        at = found.end
        while open_groups:  # no recursion: groups lie in groups as deep as somebody likes
            part = _field(data, at)
            open_groups += {GROUP: 1, _GROUP_END: -1}.get(part.kind, 0)
            at = part.end
        if at > end or found.kind == _GROUP_END:
            raise ValueError(at)
        yield found._replace(end=at)


def _field(data: Data, begin: int) -> Field:
    """The field that begins there; of a group the beginning alone."""
    key, at = varint(data, begin)
    number, kind = key >> 3, key & 7
    content = at
    if kind == VARINT:
        _, at = varint(data, at)
    elif kind == LENGTH:
        length, content = varint(data, at)
        at = content + length
    elif kind in (EIGHT_BYTES, FOUR_BYTES):
        at += 8 if kind == EIGHT_BYTES else 4
    elif kind not in (GROUP, _GROUP_END):
        raise ValueError(kind)
    return Field(number, kind, begin, content, at)


def varint(data: Data, at: int) -> tuple[int, int]:
    """A number in base 128, least significant digit first, and where it ends.

    Raises:
        ValueError: It is longer than any is.
        IndexError: It breaks off.
    """
    value = 0
    for place in range(_MOST_DIGITS):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at + place + 1
    raise ValueError(at)


def varint_bytes(value: int) -> bytes:
    """A number as `varint` reads it."""
    digits = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])

"""Reading JSON of which nothing is known: what a server sent, or an SDK handed on. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from rerank_kit.checks import is_number
from rerank_kit.quoting import quoted, without_hidden
from rerank_kit.texts import encodable

_MOST = 2.0**53  # the greatest whole number that every reader of JSON understands alike
_DIGITS = 308  # of a whole number that a float can hold; Python reads none of more than 4,300
_SHOWN = 300  # characters of a server's text in an error


class _Repeating(dict[str, Any]):
    """A JSON object in which a name comes more than once: as everywhere, the last one counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def pairs_of(value: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The names and values of a JSON object as they were sent, also of names that came more than once."""
    return value.pairs if isinstance(value, _Repeating) else value.items()


def repeats(value: object) -> bool:
    """Whether it is a JSON object in which a name came with two different values."""
    return isinstance(value, _Repeating) and any(value[name] != each for name, each in value.pairs)


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number, written as one: neither 1.0 nor "1" nor true."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_json(content: bytes) -> Any:
    """A body as parsed JSON or, where it is none, as text.

    JSON is UTF-8, or tells by its first bytes what else it is (https://www.rfc-editor.org/rfc/rfc8259#section-8.1), so
    that no charset in a header is believed. A byte that is wrong costs its own character and no more.
    """
    text = content.decode(json.detect_encoding(content), "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_int=_whole, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(pairs)


def _whole(digits: str) -> float:
    """A whole number; one that no float can hold becomes infinite, as JSON's other numbers do."""
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def amount(body: Any, *path: str) -> float:
    """A number somewhere in a body, such as what the vendor counted; 0 where there is none that can be meant."""
    for key in path:
        body = body.get(key) if is_mapping(body) else None
    return body if is_number(body) and 0 < body <= _MOST else 0


def readable(body: Any, *path: str) -> bool:
    """Whether what is there can be meant as an amount; nothing at all can."""
    for key in path:
        body = body.get(key) if is_mapping(body) else None
    return body is None or (is_number(body) and 0 <= body <= _MOST)


def shown(body: Any) -> str:
    """A body as an error shows it: not too much of it."""
    if not isinstance(body, str):
        return quoted(body)
    body = without_hidden(body)
    return encodable(body if len(body) <= _SHOWN else f"{body[:_SHOWN]}…")

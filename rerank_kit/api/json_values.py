"""Reading JSON of which nothing is known: what a server sent, or an SDK handed on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

_SHOWN = 300  # characters of a server's text in an error


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def amount(body: Any, *path: str) -> float:
    """A number somewhere in a body, such as what the vendor counted; 0 where there is none."""
    for key in path:
        body = body.get(key) if is_mapping(body) else None
    return body if isinstance(body, int | float) and not isinstance(body, bool) and body > 0 else 0


def shown(body: Any) -> str:
    """A body as an error shows it: not too much of it."""
    text = body if isinstance(body, str) else repr(body)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

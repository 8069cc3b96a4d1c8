"""Warnings at the line of the user's that led to them, however much code of ours and of frameworks stands between."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_INSIDE = frozenset(  # packages whose code stands between a user's line and a warning
    {
        *("rerank_kit", "langchain_rerank_kit", "llama_rerank_kit", "pydantic", "asyncio"),
        *("langchain_core", "langchain_classic", "llama_index", "llama_index_instrumentation"),
    }
)

_said: set[tuple[type[Warning], str | None, int | None]] = set()  # in this process: what, in which file, at which line

_heard: ContextVar[list[str] | None] = ContextVar("rerank_kit_warnings", default=None)


@contextmanager
def hearing() -> Generator[list[str], None, None]:
    """Collect the texts of the warnings that are given in the block, also of those that are not shown again."""
    heard: list[str] = []
    before = _heard.get()
    _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.set(before)


def warn_user(message: str, category: type[Warning], *, once: bool = False, told: bool = False) -> None:
    """Warn at the line of the user's that led here.

    Args:
        message: What to say.
        category: The kind of warning.
        told: Whether this has been said, so that only those hear it who collect warnings.
        once: Whether that line gets a warning of this kind only once, whatever it says and whatever filters are set.
    """
    heard = _heard.get()
    if heard is not None:
        heard.append(message)
    if told:
        return
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    place = (category, frame and frame.f_code.co_filename, frame and frame.f_lineno)
    if once and place in _said:
        return
    _said.add(place)
    warnings.warn(message, category, stacklevel=level)

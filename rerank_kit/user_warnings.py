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


_heard: ContextVar[list[str] | None] = ContextVar("rerank_kit_warnings", default=None)


@contextmanager
def hearing() -> Generator[list[str], None, None]:
    """Collect the texts of the warnings that are given in the block, also of those that Python does not show again."""
    heard: list[str] = []
    before = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(before)


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that led here."""
    heard = _heard.get()
    if heard is not None:
        heard.append(message)
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)

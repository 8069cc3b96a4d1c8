"""Warnings at the line of the user's that led to them, however much code of ours and of frameworks stands between."""

from __future__ import annotations

import inspect
import warnings

_INSIDE = frozenset(  # packages whose code stands between a user's line and a warning
    {
        *("rerank_kit", "langchain_rerank_kit", "llama_rerank_kit", "pydantic", "asyncio"),
        *("langchain_core", "langchain_classic", "llama_index", "llama_index_instrumentation"),
    }
)

_said: set[tuple[type[Warning], str | None, int | None]] = set()  # in this process: what, in which file, at which line


def warn_user(message: str, category: type[Warning], *, once: bool = False) -> None:
    """Warn at the line of the user's that led here.

    Args:
        message: What to say.
        category: The kind of warning.
        once: Whether that line gets a warning of this kind only once, whatever it says and whatever filters are set.
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    place = (category, frame and frame.f_code.co_filename, frame and frame.f_lineno)
    if once and place in _said:
        return
    _said.add(place)
    warnings.warn(message, category, stacklevel=level)

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


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)

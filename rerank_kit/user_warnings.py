"""Warnings at the line of the user's that led to them, however much code of ours and of frameworks stands between."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from rerank_kit.errors import more_about

_INSIDE = frozenset(  # packages whose code stands between a user's line and a warning
    {
        *("rerank_kit", "langchain_rerank_kit", "llama_rerank_kit", "pydantic", "asyncio"),
        *("langchain_core", "langchain_classic", "llama_index", "llama_index_instrumentation"),
        *("concurrent", "threading", "multiprocessing", "contextvars"),  # of a pool's thread no line is the user's
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


def warn_user(
    message: str, category: type[Warning], *, once: bool = False, told: bool = False, ranking: bool = False
) -> None:
    """Warn at the line of the user's that led here. What is shown ends with where more about it stands.

    Args:
        message: What to say.
        category: The kind of warning.
        told: Whether this has been said, so that only those hear it who collect warnings.
        once: Whether that line gets a warning of this kind only once, whatever it says and whatever filters are set.
        ranking: Whether a ranking, which may have been paid for, would be lost by a filter that makes errors of
            warnings (`python -W error`): it is shown all the same then, and not raised.
    """
    heard = _heard.get()
    if heard is not None:
        heard.append(message)
    if told:
        return
    level, place = _user_line()
    if once and (category, *place) in _said:
        return
    _said.add((category, *place))
    try:
        warnings.warn(f"{message}. {more_about(category)}", category, stacklevel=level)
    except category as error:
        if not ranking:
            raise
        file, line = place
        warnings.showwarning(error, category, file or __file__, line or 0)


def would_be_heard(category: type[Warning]) -> bool:
    """Whether a warning that is given once for a line would be shown or collected now."""
    return _heard.get() is not None or (category, *_user_line()[1]) not in _said


def package_of(frame: FrameType) -> str:
    """The package whose code runs in a frame."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _user_line() -> tuple[int, tuple[str | None, int | None]]:
    """How many frames the caller is inside of, and the file and line of the user's that led here, if there is one."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and package_of(frame) in _INSIDE:
        level, frame = level + 1, frame.f_back
    return level, (frame and frame.f_code.co_filename, frame and frame.f_lineno)

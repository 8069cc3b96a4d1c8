"""Keys as they are pressed at a terminal, or come through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def pressed(stream: TextIO | None = None) -> Generator[Iterator[str]]:
    """The keys, one by one, without Enter where the system can; in the end the terminal is as it was.

    Args:
        stream: Where they come from; by default standard input.
    """
    source = sys.stdin if stream is None else stream
    if source is None or not source.isatty() or sys.platform == "win32":  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        yield iter(()) if source is None else _characters(source)  # pyright: ignore[reportUnnecessaryComparison]
        return
    import termios
    import tty

    before = termios.tcgetattr(source)
    tty.setcbreak(source)
    try:
        yield _characters(source)
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)


def _characters(source: TextIO) -> Iterator[str]:
    while each := source.read(1):
        yield each

"""The lines of standard input, so that waiting for one can be broken off."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import partial

from rerank_kit.loop_threads import in_a_thread

_AT_ONCE = 1 << 16  # bytes


class StdinLines:
    """Lines of a file descriptor, read in a thread for which nothing waits: neither Ctrl-C, nor the end of Python."""

    def __init__(self, descriptor: int = 0) -> None:
        """Take the descriptor; it is not closed here."""
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncIterator[str]:
        """The lines, as text, without their ends."""
        begun: list[bytes] = []
        while piece := await self._piece():
            first, *others = piece.split(b"\n")
            begun.append(first)
            for each in others:
                yield b"".join(begun).decode("utf-8", "replace")
                begun = [each]
        if any(begun):
            yield b"".join(begun).decode("utf-8", "replace")

    async def _piece(self) -> bytes:
        try:
            return await in_a_thread(partial(os.read, self._descriptor, _AT_ONCE))
        except OSError:  # it is closed
            return b""

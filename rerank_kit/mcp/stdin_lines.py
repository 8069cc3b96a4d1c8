"""The lines of standard input, so that waiting for one can be broken off."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from functools import partial

from rerank_kit.loop_threads import in_a_thread
from rerank_kit.texts import encodable

_AT_ONCE = 1 << 16  # bytes
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # as JSON escapes one half of a pair, or both


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
                yield _text(b"".join(begun))
                begun = [each]
        if any(begun):
            yield _text(b"".join(begun))

    async def _piece(self) -> bytes:
        try:
            return await in_a_thread(partial(os.read, self._descriptor, _AT_ONCE), in_turn=False)
        except OSError:  # it is closed
            return b""


def _text(line: bytes) -> str:
    """A line as text. Halves of surrogate pairs in its JSON become U+FFFD, for the SDK does not answer what has any."""
    text = line.decode("utf-8", "replace")
    if _SURROGATE.search(line) is None:
        return text
    try:
        return encodable(json.dumps(json.loads(text), ensure_ascii=False))
    except (ValueError, RecursionError):  # no JSON, which is the SDK's to see
        return text

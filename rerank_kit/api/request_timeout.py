"""A timeout for the whole of a blocking request: that of httpx, and of the httpx2 of newer SDKs, is for each piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

_BEGUN = "rerank_kit.begun"


def request_timeout_hooks(library: Any) -> dict[str, list[Callable[[Any], Any]]]:
    """Event hooks for a blocking client: bodies may take no longer than what is left of the timeout.

    Args:
        library: The module httpx or httpx2.
    """

    class Timed(library.SyncByteStream):  # type: ignore[misc]  # either library's
        """A body that must have come by a certain moment."""

        def __init__(self, response: Any, until: float) -> None:
            self.stream = response.stream
            self.request = response.request
            self.until = until

        def __iter__(self) -> Iterator[bytes]:
            for piece in self.stream:
                if time.monotonic() >= self.until:
                    msg = "the body did not come to its end"
                    raise library.ReadTimeout(msg, request=self.request)
                yield piece

        def close(self) -> None:
            self.stream.close()

    def begin(request: Any) -> None:
        request.extensions[_BEGUN] = time.monotonic()

    def bound(response: Any) -> None:
        extensions = response.request.extensions
        response.stream = Timed(response, extensions[_BEGUN] + extensions["timeout"]["read"])

    return {"request": [begin], "response": [bound]}

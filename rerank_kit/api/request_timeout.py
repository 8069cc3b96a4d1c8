"""A timeout for the whole of a request: those of httpx, of sockets and of users' clients are for each step of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from rerank_kit.caller import waiting
from rerank_kit.errors import DeadlineExceeded
from rerank_kit.threads import Threads, as_done
from rerank_kit.values import Deadline

T = TypeVar("T")


class Until(float):
    """The seconds of a timeout, which know when they are over: whoever is handed them can ask for what is left."""

    __slots__ = ("_at",)
    _at: float

    @classmethod
    def over(cls, seconds: float) -> Self:
        """So many seconds, from now on."""
        until = cls(seconds)
        until._at = time.monotonic() + seconds
        return until

    def left(self) -> float:
        """The seconds that are left, more than 0.

        Raises:
            TimeoutError: They are over.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            msg = "the time for the whole request is over"
            raise TimeoutError(msg)
        return left


def whole(request: Any) -> None:
    """Have the timeout of a request of httpx hold for all of it, and for all that it is redirected to."""
    timeouts = request.extensions["timeout"]
    seconds = timeouts["read"]
    until = seconds if isinstance(seconds, Until) else Until.over(seconds)
    request.extensions = {**request.extensions, "timeout": dict.fromkeys(timeouts, until)}


def in_time(work: Callable[[], T], seconds: float) -> T:
    """Do what cannot be broken off, and wait no longer than that for it: it is left to itself then.

    Raises:
        TimeoutError: It was not done.
        Abandoned: Nobody waits for it any more.
    """
    with waiting() as caller:
        future = Threads(1, "left-to-itself").submit(caller.calling(work))
        try:
            next(as_done([future], Deadline.after(seconds)))
        except DeadlineExceeded as error:
            raise TimeoutError(str(error)) from None
    return future.result()

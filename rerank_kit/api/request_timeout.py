"""A timeout for the whole of a request: those of httpx, of sockets and of users' clients are for each step of one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import Any, Self, TypeVar

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


def started(work: Callable[[], T]) -> Future[T]:
    """What becomes of work that cannot be broken off, in a thread of its own that keeps no process alive."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()
    context = copy_context()

    def do() -> None:
        try:
            done.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised where the answer is asked for
            done.set_exception(error)

    try:
        Thread(target=do, name="left-to-itself", daemon=True).start()
    except RuntimeError:  # there are too many, or Python is about to end: it is done here
        do()
    return done


def in_time(work: Callable[[], T], seconds: float) -> T:
    """Do what cannot be broken off, and wait no longer than that for it: it is left to itself then.

    Raises:
        TimeoutError: It was not done.
    """
    return started(work).result(seconds)

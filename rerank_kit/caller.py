"""Who waits for work in threads: when nobody does any more, no more of it need begin."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from rerank_kit import shutdown
from rerank_kit.errors import Abandoned

T = TypeVar("T")
P = ParamSpec("P")


class Caller:
    """Whoever waits for work in other threads, until it has gone."""

    def __init__(self) -> None:
        """Begin to wait."""
        self._left = threading.Event()
        self._told: dict[object, Callable[[], object]] = {}

    @property
    def gone(self) -> bool:
        """Whether it waits no more."""
        return self._left.is_set()

    def leave(self) -> None:
        """Wait no more."""
        self._left.set()
        for tell in list(self._told.values()):
            tell()

    @contextmanager
    def telling(self, tell: Callable[[], object]) -> Generator[None]:
        """Have `tell` called when the caller leaves while this is open, once or twice; at once if it has left."""
        key = object()
        self._told[key] = tell
        if self._left.is_set():
            tell()
        try:
            yield
        finally:
            del self._told[key]

    def check(self) -> None:
        """Do nothing while it waits.

        Raises:
            Abandoned: It has gone.
            ShuttingDown: Python is about to cut this thread off.
        """
        if self.gone:
            msg = "nobody waits for the answer any more"
            raise Abandoned(msg)
        shutdown.check()

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until it leaves.

        Raises:
            Abandoned: It has gone.
        """
        self._left.wait(seconds)
        self.check()

    def calling(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """The call, for another thread: in a copy of the context of here, where this is the `current_caller`."""
        context = contextvars.copy_context()
        context.run(_current.set, self)
        return lambda: context.run(function, *args, **kwargs)


_current: contextvars.ContextVar[Caller | None] = contextvars.ContextVar("rerank_kit_caller", default=None)


def current_caller() -> Caller | None:
    """Who waits for the code that asks; `None` where nobody can leave, because it is called directly."""
    return _current.get()


def check_caller() -> None:
    """Do nothing while somebody waits for the code that asks.

    Raises:
        Abandoned: The caller has gone.
        ShuttingDown: Python is about to cut this thread off.
    """
    caller = current_caller()
    if caller is None:
        shutdown.check()
    else:
        caller.check()


@contextmanager
def waiting() -> Generator[Caller]:
    """Be the caller of work in other threads while this is open. It also ends when the caller of this code leaves."""
    caller, above = Caller(), current_caller()
    try:
        if above is None:
            yield caller
        else:
            with above.telling(caller.leave):
                yield caller
    finally:
        caller.leave()

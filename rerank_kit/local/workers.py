"""Threads that share out the work of a model: a pool for all callers, made anew in a forked process."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """A pool of threads. It belongs to a process: threads do not survive a fork."""

    def __init__(self, threads: int, name: str, prepare: Callable[[], object] | None = None) -> None:
        """Start nothing yet.

        Args:
            threads: How many.
            name: What each thread's name starts with.
            prepare: Called in each new thread.
        """
        self._threads = threads
        self._name = name
        self._prepare = prepare
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def share(self, take: Callable[[], T | None], do: Callable[[T], None]) -> None:
        """Do all that there is to take, side by side, until `take` gives `None`.

        The first failure is raised when every thread has finished what it had in hand; nothing more is taken then.
        """
        stopped = False

        def work() -> None:
            nonlocal stopped
            while not stopped and (item := take()) is not None:
                try:
                    do(item)
                except BaseException:
                    stopped = True
                    raise

        futures = [self._executor().submit(work) for _ in range(self._threads)]
        try:
            for future in futures:
                future.result()
        finally:
            stopped = True  # also when the waiting itself was interrupted
            wait(futures)

    def _executor(self) -> ThreadPoolExecutor:
        pool = self._pool
        if pool is None or pool[0] != os.getpid():
            executor = ThreadPoolExecutor(self._threads, self._name, self._prepare)
            pool = self._pool = os.getpid(), executor
        return pool[1]

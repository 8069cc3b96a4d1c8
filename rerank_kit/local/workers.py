"""Threads that share out the work of a model: a pool for all callers, made anew in a forked process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rerank_kit.shutdown import in_hand
from rerank_kit.threads import Threads, as_done
from rerank_kit.values import Deadline

T = TypeVar("T")
_NEVER = Deadline()


class Workers:
    """A pool of threads. It belongs to a process: threads do not survive a fork."""

    def __init__(self, threads: int, name: str, prepare: Callable[[], object] | None = None) -> None:
        """Start nothing yet.

        Args:
            threads: How many.
            name: What each thread's name starts with.
            prepare: Called in each thread before its first work.
        """
        self._number = threads
        self._prepare = prepare
        self._prepared = threading.local()
        self._threads = Threads(threads, name)

    def share(self, take: Callable[[], T | None], do: Callable[[T], None], deadline: Deadline = _NEVER) -> None:
        """Do all that there is to take, side by side, until `take` gives `None`.

        The first failure is raised when every thread has finished what it had in hand; nothing more is taken then.
        Neither does anybody wait for that who has gone, was interrupted or has no more time.

        Raises:
            DeadlineExceeded: The time is over.
            ShuttingDown: Python is shutting down.
        """
        stopped, deadline = False, deadline.bound()

        def work() -> None:
            nonlocal stopped
            try:
                self._prepare_this_thread()
                while not stopped and (item := take()) is not None:
                    deadline.check()
                    with in_hand(None):
                        do(item)
            except BaseException:
                stopped = True
                raise

        futures: list[Future[None]] = []
        try:
            futures.extend(self._threads.submit(work) for _ in range(self._number))
            failed = next((each for each in as_done(futures, deadline) if each.exception() is not None), None)
        finally:
            stopped = True
            begun = [each for each in futures if not each.cancel()]
        if failed is not None:
            for _ in as_done(begun, deadline):
                pass
            failed.result()

    def do(self, work: Callable[[], T], deadline: Deadline = _NEVER) -> T:
        """Do one thing in one of the threads.

        Raises:
            DeadlineExceeded: The time is over.
            ShuttingDown: Python is shutting down.
        """
        todo, answers = iter([work]), list[T]()
        self.share(lambda: next(todo, None), lambda each: answers.append(each()), deadline)
        return answers[0]

    def _prepare_this_thread(self) -> None:
        if self._prepare is not None and not hasattr(self._prepared, "ready"):
            self._prepare()
            self._prepared.ready = True

"""Threads of our own, for which nothing has to wait: not the end of a loop, nor Ctrl-C, nor the end of Python."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar

from rerank_kit.caller import current_caller
from rerank_kit.shutdown import DaemonThread, begun, cut_off
from rerank_kit.values import Deadline

T = TypeVar("T")

_A_WHILE = 0.25  # seconds: Ctrl-C that comes in the instant before a wait begins is heard only when the wait ends


class Threads:
    """A pool of threads, started when they are needed. They end with it, and a forked process has its own.

    As a context, it lets them end with the block: an error that leaves it remembers the frame, and that the pool.
    """

    def __init__(self, most: int, name: str) -> None:
        """Start nothing yet.

        Args:
            most: How many.
            name: What each thread's name starts with.
        """
        self._make = partial(_Pool, most, name)
        self._pools: dict[int, _Pool] = {}

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have a thread do it. Where none can be started, as while Python shuts down, it is done here and now."""
        future: Future[T] = Future()
        job = partial(_do, work, future)
        if not self._of_this_process().add(job):
            job()
        return future

    def offer(self, work: Callable[[], object]) -> bool:
        """Have a thread do it, and say whether one will. Nobody hears of what it gives or raises."""
        return self._of_this_process().add(partial(_do, work, Future()))

    def __enter__(self) -> Self:
        """Have threads for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let them end."""
        self.close()

    def close(self) -> None:
        """Let those of this process end once there is nothing left to do."""
        pool = self._pools.get(os.getpid())
        if pool is not None:
            pool.close()

    def _of_this_process(self) -> _Pool:
        pool = self._pools.get(os.getpid())
        return self._new_pool() if pool is None else pool

    def _new_pool(self) -> _Pool:
        pool = self._pools.setdefault(os.getpid(), self._make())  # one, also when two threads come here at once
        weakref.finalize(self, pool.close).atexit = False
        return pool


class _Pool:
    """The threads of one process."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._changed = threading.Condition()  # guards what follows
        self._jobs: deque[Callable[[], None]] = deque()
        self._started = self._idle = 0
        self._closed = False

    def add(self, job: Callable[[], None]) -> bool:
        """Whether a thread will do it."""
        with self._changed:
            if begun():
                return False
            self._jobs.append(job)
            if len(self._jobs) <= self._idle:
                self._changed.notify()
            elif self._started < self._most:
                self._start()
            if self._started == 0:
                self._jobs.pop()
            return self._started > 0

    def _start(self) -> None:
        self._started += 1
        try:
            DaemonThread(target=self._work, name=f"{self._name}_{self._started - 1}", daemon=True).start()
        except RuntimeError:  # too many, or Python, from 3.12, starts no more before it ends
            self._started -= 1

    def _work(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            job()
            del job  # what it holds is not to be held while waiting

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            while not (self._jobs or self._closed):
                self._changed.wait()
            self._idle -= 1
            return self._jobs.popleft() if self._jobs else None

    def close(self) -> None:
        """Let the threads end once there is nothing left to do."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _do(work: Callable[[], Any], future: Future[Any]) -> None:
    """Do a job, unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - raised where the answer is asked for
        future.set_exception(error)
        del future  # which holds the error, which holds this frame
    else:
        future.set_result(value)


def as_done(futures: Sequence[Future[T]], deadline: Deadline) -> Generator[Future[T]]:
    """Give futures as they are done, or fail as soon as nobody waits for them any more.

    Raises:
        DeadlineExceeded: The time is over, and there was one that was not done.
        Abandoned: The caller has gone.
        ShuttingDown: Python is about to cut this thread off.
    """
    done: SimpleQueue[Future[T] | None] = SimpleQueue()
    for each in futures:
        each.add_done_callback(done.put)
    caller = current_caller()
    if caller is None:
        yield from (_next_of(done, deadline) for _ in futures)
    else:
        with caller.telling(lambda: done.put(None)):
            yield from (_next_of(done, deadline) for _ in futures)


def _next_of(done: SimpleQueue[Future[T] | None], deadline: Deadline) -> Future[T]:
    while True:
        left = deadline.remaining()
        try:
            future = done.get(timeout=_A_WHILE if left is None else min(left, _A_WHILE))
        except Empty:
            future = None
        if future is not None and not cut_off():
            return future
        deadline.check()

"""`SharedFile`: an SQLite file of ours that threads and processes share, opened, waited for and closed in one way."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from types import TracebackType
from typing import Self, TypeVar
from weakref import WeakSet

from rerank_kit.cache.store import LockOfProcess
from rerank_kit.caller import check_caller
from rerank_kit.checks import check_timeout
from rerank_kit.errors import ConfigurationError
from rerank_kit.sqlite_files import is_held
from rerank_kit.values import Deadline

T = TypeVar("T")

_LONGEST = 86_400.0  # seconds
_SHARE = 0.25  # of the time that is left until the deadline: the rest is for scoring
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02)  # seconds between two attempts, as SQLite waits too; then the last again
_NEVER = Deadline()
_FORK_PATIENCE = 1.0  # seconds that a fork waits for a thread that is at the file


class SharedFile(ABC):
    """An SQLite file. Threads share one connection, and processes, forked or not, the file.

    Close it with `close()` or a `with` block. Using it again opens it again.

    Attributes:
        path: The file.
        timeout: Seconds to wait for other processes.
    """

    waits = True

    def __init__(self, path: str, timeout: object) -> None:
        """Open the file, or make it. One that another process holds is opened later.

        Args:
            path: The file.
            timeout: Seconds to wait for other processes; `None` is no limit.

        Raises:
            ConfigurationError: The file is not one of ours, is damaged or cannot be made, or `timeout` is wrong.
        """
        self.path: str = path
        seconds = check_timeout(timeout)
        self.timeout = _LONGEST if seconds is None else min(seconds, _LONGEST)
        self._lock = LockOfProcess()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._held: set[str] = set()
        FORK.add(self)
        with suppress(sqlite3.OperationalError):  # another process holds it
            self._patiently("open", lambda _: None, _NEVER)

    @abstractmethod
    def _open(self) -> sqlite3.Connection:
        """Open the file or make it. Nothing waits: whoever finds it held may try again.

        Raises:
            ConfigurationError: It cannot be used.
            sqlite3.OperationalError: Another process holds it.
        """

    def close(self) -> None:
        """Close the file. Nothing is lost without it; it folds the `-wal` file into the main one."""
        with self._turn(_LONGEST):
            self._closed()

    def _patiently(self, what: str, work: Callable[[sqlite3.Connection], T], deadline: Deadline) -> T:
        """Do it, again and again while another process holds the file.

        Nobody has the lock while waiting: so threads wait side by side, and a fork does not wait for them. What was in
        vain once is not waited for again until it has gone well: a file that can be read may not be written.

        Raises:
            Abandoned: The caller has gone meanwhile.
        """
        left = deadline.remaining()
        patience = self.timeout if left is None else min(self.timeout, _SHARE * left)
        until = time.monotonic() + patience
        pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
        while True:
            try:
                with self._turn(until - time.monotonic()):
                    value = work(self._opened())
            except sqlite3.OperationalError as error:
                if not is_held(error):
                    raise
                if what in self._held or time.monotonic() >= until:
                    self._held.add(what)
                    raise
            else:
                self._held.discard(what)
                return value
            time.sleep(min(next(pauses), max(0.0, until - time.monotonic())))
            check_caller()

    @contextmanager
    def _turn(self, patience: float) -> Generator[None]:
        lock = self._lock()
        if not lock.acquire(timeout=max(0.0, patience)):
            msg = f"{self!r}: another thread was at the file for longer than may be waited"
            raise TimeoutError(msg)
        try:
            yield
        finally:
            lock.release()

    def _opened(self) -> sqlite3.Connection:
        """The connection, made when there is none. The caller holds the lock."""
        if self._connection is None:
            self._process = os.getpid()
            self._connection = self._open()
        elif self._process != os.getpid():
            # SQLite cannot be used, nor safely opened anew, where another process's connection was inherited:
            # https://sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_
            msg = f"{self!r} was open during a fork that Python did not see: close() it before, or make it after"
            raise ConfigurationError(msg)
        return self._connection

    def _closed(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
            self._connection = None

    def before_fork(self) -> threading.Lock | None:
        """Close the file and keep the others out: a child must not inherit a connection. The lock to release after."""
        lock = self._lock()
        if not lock.acquire(timeout=_FORK_PATIENCE):  # as where a signal's handler forks: the child will not use it
            return None
        with suppress(sqlite3.Error):  # which would leave the lock held
            self._closed()
        return lock

    def __del__(self) -> None:
        """Close the file of a store that nobody has any more, but not during a fork, when SQLite's locks are unsafe."""
        with suppress(Exception):  # at the end of Python there is nothing left to ask
            connection, self._connection = self._connection, None
            if connection is not None:
                FORK.end(connection, self._process)

    def __enter__(self) -> Self:
        """Close the file at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


class _Fork:
    """What a fork stops, so that nobody is at a file meanwhile: every store there is, and the making of others."""

    def __init__(self) -> None:
        self.stores: WeakSet[SharedFile] = WeakSet()
        self.registering = threading.RLock()
        self.stopped: list[threading.Lock] = []
        self.ended: list[sqlite3.Connection] = []
        self.inherited: list[sqlite3.Connection] = []

    def add(self, store: SharedFile) -> None:
        """Know a store, before it is open."""
        with self.registering:
            self.stores.add(store)

    def end(self, connection: sqlite3.Connection, process: int) -> None:
        """Close a connection, now or when the next one ends: this comes with collected garbage, and may not wait."""
        (self.ended if process == os.getpid() else self.inherited).append(connection)
        if self.registering.acquire(blocking=False):
            try:
                while self.ended:
                    self.ended.pop().close()
            finally:
                self.registering.release()

    def before(self) -> None:
        """Stop them all."""
        self.registering.acquire()
        for store in self.stores:
            lock = store.before_fork()
            if lock is not None:
                self.stopped.append(lock)

    def after_in_parent(self) -> None:
        """Go on."""
        while self.stopped:
            self.stopped.pop().release()
        self.registering.release()

    def after_in_child(self) -> None:
        """Go on, with locks that nobody holds; those of the stores are new in every process."""
        self.stopped.clear()
        self.inherited += self.ended  # closing them is for the parent
        self.ended = []
        self.registering = threading.RLock()


FORK = _Fork()

with suppress(AttributeError):  # Windows cannot fork
    os.register_at_fork(before=FORK.before, after_in_parent=FORK.after_in_parent, after_in_child=FORK.after_in_child)

"""`SQLiteStore`: scores in a file, which threads and processes share and which survives a crash."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, repeat
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

from rerank_kit.arguments import named
from rerank_kit.cache.sqlite_file import check_path, open_file
from rerank_kit.cache.sqlite_rows import COLUMNS, digest, kept_in, row
from rerank_kit.cache.store import Kept, Key, LockOfProcess
from rerank_kit.caller import check_caller
from rerank_kit.checks import check_count, check_timeout
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import whole
from rerank_kit.sqlite_files import is_held
from rerank_kit.values import Deadline

T = TypeVar("T")

_INSERT = f"""
    INSERT INTO scores ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE
    SET score = excluded.score, logit = excluded.logit, why = excluded.why, start = excluded.start,
        stop = excluded.stop, judged = excluded.judged, checksum = excluded.checksum
"""  # noqa: S608 - a constant. A key is put when it was not found, or what was found was damaged
_EVICT = "DELETE FROM scores WHERE place <= (SELECT max(place) FROM scores) - ?"
_BATCH = 500  # keys in one statement; some builds of SQLite take no more than 999
_LONGEST = 86_400.0  # seconds
_SHARE = 0.25  # of the time that is left until the deadline: the rest is for scoring
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02)  # seconds between two attempts, as SQLite waits too; then the last again
_NEVER = Deadline()
_FORK_PATIENCE = 1.0  # seconds that a fork waits for a thread that is at the file


class SQLiteStore:
    """Keeps scores in a SQLite file: about 100 bytes each.

    Query and text are kept as a hash, reasons (`Hit.why`) as they are. Threads share one connection, and processes,
    forked or not, the file. A process that is killed loses at most what it was just writing. A row that is not as it
    was written is no score: it is computed anew.

    A new file is for its owner alone (mode 600); what you set with `chmod` stays. A file of an earlier
    release is taken over; one without checksums is made the owner's alone, and its scores are computed anew.

    Close it with `close()` or a `with` block. Using it again opens it again.

    Attributes:
        path: The file.
        timeout: Seconds to wait for other processes.
    """

    waits = True

    @named
    def __init__(
        self, path: str | bytes | os.PathLike[str], *, max_entries: int | None = None, timeout: float | None = 0.25
    ) -> None:
        """Open the file, or make it. One that another process holds is opened later.

        Args:
            path: The file. Beside it, two more whose names end in `-wal` and `-shm` come and go.
            max_entries: How many scores are kept at most, the newest; `None` is no limit.
            timeout: Seconds to wait for other processes that hold the file, and of the time until a deadline no more
                than a quarter; `None` is no limit. Threads wait side by side, and nobody waits any more for a file
                that was held for as long, until it has been let go.

        Raises:
            ConfigurationError: The file is not one of ours, is damaged or cannot be made, or an argument is wrong.
        """
        self.path: str = check_path(path)
        self.max_entries = check_count("max_entries", max_entries)
        seconds = check_timeout(timeout)
        self.timeout = _LONGEST if seconds is None else min(seconds, _LONGEST)
        self._lock = LockOfProcess()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._held: set[str] = set()
        _FORK.add(self)
        with suppress(sqlite3.OperationalError):  # another process holds it
            self._patiently("open", lambda _: None, _NEVER)

    def get(self, keys: Sequence[Key], /, *, deadline: Deadline = _NEVER) -> dict[Key, Kept]:
        """Look up keys.

        Raises:
            sqlite3.Error: The file cannot be read; `OperationalError` also where another process holds it.
            TimeoutError: Another thread takes too long.
            ConfigurationError: The file is not one of ours any more.
        """
        names = {digest(key): key for key in keys}
        rows = self._patiently("read", lambda connection: _select(connection, list(names)), deadline)
        found = ((names[each[0]], kept_in(each)) for each in rows if each[0] in names)
        return {key: kept for key, kept in found if kept is not None}

    def put(self, entries: Mapping[Key, Kept], /, *, deadline: Deadline = _NEVER) -> None:
        """Keep scores: all of them or, if it fails, none.

        Raises:
            sqlite3.Error: The file cannot be written; `OperationalError` also where another process holds it.
            TimeoutError: Another thread takes too long.
            ConfigurationError: The file is not one of ours any more.
            InvalidResponse: A score is no finite number.
        """
        rows = [row(key, kept) for key, kept in entries.items()]
        self._patiently("write", lambda connection: self._write(connection, rows), deadline)

    def _write(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        with connection:  # which commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows)
            if self.max_entries is not None:
                connection.execute(_EVICT, [self.max_entries])

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
            self._connection = open_file(self.path)
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
                _FORK.end(connection, self._process)

    def __enter__(self) -> Self:
        """Close the file at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles open the same file: a connection cannot travel."""
        return partial(type(self), max_entries=self.max_entries, timeout=self.timeout), (self.path,)

    @whole
    def __repr__(self) -> str:
        """Say which file this is."""
        return f"SQLiteStore({self.path!r})"


def _select(connection: sqlite3.Connection, digests: Sequence[bytes]) -> list[Any]:
    rows: list[Any] = []
    for begin in range(0, len(digests), _BATCH):
        batch = digests[begin : begin + _BATCH]
        marks = ",".join("?" * len(batch))
        rows += connection.execute(f"SELECT {COLUMNS} FROM scores WHERE key IN ({marks})", batch)  # noqa: S608 - only ?
    return rows


class _Fork:
    """What a fork stops, so that nobody is at a file meanwhile: every store there is, and the making of others."""

    def __init__(self) -> None:
        self.stores: WeakSet[SQLiteStore] = WeakSet()
        self.registering = threading.RLock()
        self.stopped: list[threading.Lock] = []
        self.ended: list[sqlite3.Connection] = []
        self.inherited: list[sqlite3.Connection] = []

    def add(self, store: SQLiteStore) -> None:
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


_FORK = _Fork()

with suppress(AttributeError):  # Windows cannot fork
    os.register_at_fork(before=_FORK.before, after_in_parent=_FORK.after_in_parent, after_in_child=_FORK.after_in_child)

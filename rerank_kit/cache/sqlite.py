"""`SQLiteStore`: scores in a file, which threads and processes share and which survives a crash."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from rerank_kit.cache.store import Kept, Key
from rerank_kit.checks import check_count, check_timeout
from rerank_kit.errors import ConfigurationError

_APPLICATION = int.from_bytes(b"rrkt", "big")  # marks the file as ours, see https://sqlite.org/pragma.html
_VERSION = 1  # of the table; raise it with every change to it, or to _digest
_IDENTITY = """
    SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version
"""
_TABLE = """
    CREATE TABLE scores (
        place INTEGER PRIMARY KEY,  -- rises with every entry, so the oldest come first
        key BLOB NOT NULL UNIQUE,
        score BLOB NOT NULL,        -- a float; in a REAL column -0.0 would come back as 0.0
        why TEXT,
        start INTEGER,
        stop INTEGER
    )
"""
_INSERT = "INSERT INTO scores (key, score, why, start, stop) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_EVICT = "DELETE FROM scores WHERE place <= (SELECT max(place) FROM scores) - ?"
_BATCH = 500  # keys in one statement; some builds of SQLite take no more than 999
_LONGEST = 86_400.0  # seconds; SQLite counts the milliseconds in 32 bits


class SQLiteStore:
    """Keeps scores in a SQLite file: about 90 bytes each.

    Query and text are kept as a hash, reasons (`Hit.why`) as they are. Threads share one connection, and processes,
    forked or not, the file. A process that is killed loses at most what it was just writing.

    Close it with `close()` or a `with` block. Using it again opens it again.

    Attributes:
        path: The file.
    """

    waits = True

    def __init__(
        self, path: str | os.PathLike[str], *, max_entries: int | None = None, timeout: float | None = 1.0
    ) -> None:
        """Open the file, or make it.

        Args:
            path: The file. Beside it, two more whose names end in `-wal` and `-shm` come and go.
            max_entries: How many scores are kept at most, the newest; `None` is no limit.
            timeout: Seconds to wait for other processes that write; `None` is no limit.

        Raises:
            ConfigurationError: The file is not one of ours, is damaged or cannot be written, or an argument is wrong.
        """
        self.path: str = os.path.abspath(os.fspath(path))  # noqa: PTH100 - a Path would make "~" and ":memory:" special
        self.max_entries = check_count("max_entries", max_entries)
        seconds = check_timeout(timeout)
        self.timeout = _LONGEST if seconds is None else min(seconds, _LONGEST)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        with self._lock:
            self._opened()
        _STORES.add(self)

    def get(self, keys: Sequence[Key], /) -> dict[Key, Kept]:
        """Look up keys."""
        names = {_digest(key): key for key in keys}
        digests = list(names)
        found: dict[Key, Kept] = {}
        with self._lock:
            connection = self._opened()
            for begin in range(0, len(digests), _BATCH):
                batch = digests[begin : begin + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, score, why, start, stop FROM scores WHERE key IN ({marks})"  # noqa: S608 - only ?
                for digest, score, why, start, stop in connection.execute(query, batch):
                    found[names[digest]] = Kept(score, why, None if start is None else (start, stop))
        return found

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep scores: all of them or, if it fails, none."""
        rows = [
            (_digest(key), float(kept.score), kept.why, *(kept.passage or (None, None)))
            for key, kept in entries.items()
        ]
        with self._lock, self._opened() as connection:  # the connection commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows)
            if self.max_entries is not None:
                connection.execute(_EVICT, [self.max_entries])

    def close(self) -> None:
        """Close the file. Nothing is lost without it; it folds the `-wal` file into the main one."""
        with self._lock:
            self._closed()

    def _opened(self) -> sqlite3.Connection:
        """The connection, made when there is none. The caller holds the lock."""
        if self._connection is None:
            self._process = os.getpid()
            self._connection = _open(self.path, self.timeout)
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

    def before_fork(self) -> None:
        """Close the file and keep the others out: a child must inherit neither a connection nor a held lock."""
        self._lock.acquire()
        self._closed()

    def after_fork(self) -> None:
        """Go on, on both sides of the fork."""
        self._lock.release()

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

    def __repr__(self) -> str:
        """Say which file this is."""
        return f"SQLiteStore({self.path!r})"


def _digest(key: Key) -> bytes:
    """A hash of the parts, each behind its length, so that no two keys are framed the same."""
    parts = [part.encode("utf-8", "surrogatepass") for part in key]  # any str is a text here, also a broken one
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return blake2b(framed, digest_size=16).digest()


def _open(path: str, timeout: float) -> sqlite3.Connection:
    """Open our file or make it; leave any other untouched."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
        application, version, _ = _identity(connection)
        if (application, version) != (_APPLICATION, _VERSION):
            raise sqlite3.DatabaseError(_strange(application, version))
        # Readers and a writer do not wait for each other then. It fails while another process opens the file too,
        # which then does it; until it is done all goes on, only slower.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the newest scores, never the file
        connection.execute("SELECT key, score, why, start, stop FROM scores LIMIT 1").fetchall()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        msg = (
            f"path={path!r} cannot be used as a score cache ({error}): pass a path in a folder that may be written, "
            "with no file or one that SQLiteStore made; a damaged one may be deleted, its scores are computed anew"
        )
        raise ConfigurationError(msg) from error
    return connection


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Whose file it is, its version and how many tables it has; a new file becomes ours."""
    found: tuple[int, int, int] = connection.execute(_IDENTITY).fetchone()
    if found == (0, 0, 0):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute(_IDENTITY).fetchone() == found:  # no other process was faster
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        found = connection.execute(_IDENTITY).fetchone()
    return found


def _strange(application: int, version: int) -> str:
    if application == _APPLICATION:
        return f"it is of version {version}, and this release of rerank-kit reads version {_VERSION}"
    return "it is another program's database"


_STORES: WeakSet[SQLiteStore] = WeakSet()


def _before_fork() -> None:
    for store in _STORES:
        store.before_fork()


def _after_fork() -> None:
    for store in _STORES:
        store.after_fork()


with suppress(AttributeError):  # Windows cannot fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)

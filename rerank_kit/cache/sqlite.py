"""`SQLiteStore`: scores in a file, which threads and processes share and which survives a crash."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.cache.shared_file import SharedFile
from rerank_kit.cache.sqlite_file import check_path, open_file
from rerank_kit.cache.sqlite_rows import COLUMNS, digest, kept_in, row
from rerank_kit.cache.store import Kept, Key
from rerank_kit.checks import check_count
from rerank_kit.quoting import whole
from rerank_kit.values import Deadline

_INSERT = f"""
    INSERT INTO scores ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE
    SET score = excluded.score, logit = excluded.logit, why = excluded.why, start = excluded.start,
        stop = excluded.stop, judged = excluded.judged, checksum = excluded.checksum
"""  # noqa: S608 - a constant. A key is put when it was not found, or what was found was damaged
_EVICT = "DELETE FROM scores WHERE place <= (SELECT max(place) FROM scores) - ?"
_BATCH = 500  # keys in one statement; some builds of SQLite take no more than 999
_NEVER = Deadline()


class SQLiteStore(SharedFile):
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
        self.max_entries = check_count("max_entries", max_entries)
        super().__init__(check_path(path), timeout)

    def _open(self) -> sqlite3.Connection:
        return open_file(self.path)

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

"""The file of a `Shadow`: runs in SQLite, of a bounded number, which several processes write side by side."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rerank_kit.combine.shadow_runs import ShadowRun
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.sqlite_files import decoded, identity, is_held, make_for_owner, names_file, strange

_APPLICATION = int.from_bytes(b"rrsh", "big")  # marks the file as ours, see https://sqlite.org/pragma.html
_VERSION = 1
_TABLES = (
    "CREATE TABLE runs (place INTEGER PRIMARY KEY, run TEXT NOT NULL)",  # rises, so the oldest come first
    "CREATE TABLE counts (name TEXT PRIMARY KEY, count REAL NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_EVICT = "DELETE FROM runs WHERE place <= (SELECT max(place) FROM runs) - ?"
_ADD = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count"
_COUNT = "SELECT count FROM counts WHERE name = ?"
_PATIENCE = 5.0  # seconds that the thread which writes waits for other processes
_FORK_PATIENCE = 1.0  # seconds that a fork waits for that thread


class ShadowFile:
    """Runs in a file.

    It is open only while it is written, so that nothing of it is inherited by a forked process.

    Attributes:
        path: Where it is.
        max_entries: How many runs are kept at most, the newest.
    """

    def __init__(self, path: object, max_entries: int) -> None:
        """Know the file; it is neither made nor opened yet.

        Raises:
            ConfigurationError: It is no path.
        """
        self.path = _checked(path)
        self.max_entries = max_entries

    def spent(self) -> float:
        """What all its runs cost, also those that are kept no more. Makes the file, if there is none.

        Raises:
            ConfigurationError: It cannot be used.
        """
        try:
            with _FORK.turn(), closing(self._opened()) as connection:
                return _counted(connection, "cost")
        except sqlite3.OperationalError as error:
            if is_held(error):  # by another process: it will be free when there is something to write
                return 0.0
            raise self._unusable(error) from error
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def write(self, runs: Sequence[ShadowRun], dropped: int) -> float:
        """Keep runs and how many there were none of, and say what all cost so far.

        Raises:
            sqlite3.Error: It cannot be written.
            OSError: The same.
        """
        rows = [(json.dumps(run.to_dict()),) for run in runs]
        cost = sum(run.candidate.cost or 0.0 for run in runs)
        with _FORK.turn(), closing(self._opened()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO runs (run) VALUES (?)", rows)
            connection.execute(_EVICT, [self.max_entries])
            connection.executemany(_ADD, [("dropped", dropped), ("cost", cost)])
            connection.execute("COMMIT")
            return _counted(connection, "cost")

    def _opened(self) -> sqlite3.Connection:
        make_for_owner(self.path)
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            if identity(connection) == (0, 0, 0):
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    for each in _TABLES if identity(connection) == (0, 0, 0) else ():  # no other process was faster
                        connection.execute(each)
            _check_ours(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _unusable(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"record={self.path!r} cannot be used for the runs of a Shadow ({error}): pass a path in a folder that may "
            "be written, with no file or one that a Shadow made"
        )


def read(path: object) -> tuple[list[ShadowRun], int]:
    """The runs in a file, the oldest first, and how many sampled calls the candidate was not asked for.

    Raises:
        ConfigurationError: There is no such file.
    """
    name = _to_read(path)
    try:
        with _FORK.turn(), closing(sqlite3.connect(f"{Path(name).as_uri()}?mode=ro", uri=True)) as connection:
            _check_ours(connection)
            rows = connection.execute("SELECT run FROM runs ORDER BY place").fetchall()
            dropped = _counted(connection, "dropped")
    except (sqlite3.Error, OSError) as error:
        msg = f"{name!r} is no file that a Shadow wrote ({error}): name the one that it was given to write to"
        if is_held(error):
            msg = f"{name!r} is held by another program: try again when that has finished"
        raise ConfigurationError(msg) from error
    runs: list[ShadowRun] = []
    for (row,) in rows:
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # not as it was written
            runs.append(ShadowRun.from_dict(json.loads(row)))
    return runs, int(dropped)


def _checked(path: object) -> str:
    try:
        text = decoded(path)
    except Exception as error:  # a path of a user's own class may raise anything
        msg = f"record must be a path, or an object with record(run), not {quoted(path)}"
        raise ConfigurationError(msg) from error
    if not names_file(text):
        msg = f"record={text!r} names no file: pass the name of one, or an object with record(run)"
        raise ConfigurationError(msg)
    return os.path.abspath(text)  # noqa: PTH100 - a Path would make "~" special


def _to_read(path: object) -> str:
    try:
        return _checked(path)
    except ConfigurationError as error:
        msg = f"{quoted(path)} names no file: name the one that a Shadow was given to write to"
        raise ConfigurationError(msg) from error


def _check_ours(connection: sqlite3.Connection) -> None:
    found = identity(connection)
    if found[:2] != (_APPLICATION, _VERSION):
        raise sqlite3.DatabaseError(strange(found, _APPLICATION, _VERSION))


def _counted(connection: sqlite3.Connection, name: str) -> float:
    found = connection.execute(_COUNT, [name]).fetchone()
    return 0.0 if found is None else float(found[0])


class _Fork:
    """Keeps forks and open files apart: SQLite cannot be carried into another process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forking: set[int] = set()

    @contextmanager
    def turn(self) -> Generator[None]:
        """Have a file open, one thread at a time."""
        with self.lock:
            yield

    def before(self) -> None:
        """Wait for who has one open."""
        if self.lock.acquire(timeout=_FORK_PATIENCE):  # or it is in the hands of who forks, as a signal's handler does
            self.forking.add(threading.get_ident())

    def after_in_parent(self) -> None:
        """Go on."""
        if threading.get_ident() in self.forking:
            self.forking.remove(threading.get_ident())
            self.lock.release()

    def after_in_child(self) -> None:
        """Go on, with a lock that nobody holds."""
        self.lock = threading.Lock()
        self.forking.clear()


_FORK = _Fork()

with suppress(AttributeError):  # Windows cannot fork
    os.register_at_fork(before=_FORK.before, after_in_parent=_FORK.after_in_parent, after_in_child=_FORK.after_in_child)

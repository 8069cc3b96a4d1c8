"""`SQLiteVectors`: vectors in a file, which threads and processes share and which survives a crash."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from rerank_kit.arguments import named
from rerank_kit.cache.shared_file import SharedFile
from rerank_kit.errors import ConfigurationError
from rerank_kit.late.vectors import Key, TokenVectors
from rerank_kit.quoting import quoted, whole
from rerank_kit.sqlite_files import claimed, decoded, is_held, make_for_owner, names_file, strange
from rerank_kit.values import Deadline

_APPLICATION = int.from_bytes(b"rrkv", "big")  # marks the file as ours, see https://sqlite.org/pragma.html
_VERSION = 1  # of the table; raise it with every change to it, or to how rows are made
_TABLE = """
    CREATE TABLE vectors (
        key BLOB PRIMARY KEY,       -- of fingerprint and text
        model BLOB NOT NULL,        -- of the fingerprint alone
        numbers BLOB NOT NULL,      -- float16, little-endian
        dimension INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        cut INTEGER NOT NULL,
        checksum BLOB NOT NULL      -- of all of them
    )
"""
_COLUMNS = "key, model, numbers, dimension, tokens, cut, checksum"
_INSERT = f"INSERT OR REPLACE INTO vectors ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_BATCH = 500  # keys in one statement; some builds of SQLite take no more than 999
_NEVER = Deadline()

T = TypeVar("T")
Row = tuple[Any, ...]


class SQLiteVectors(SharedFile):
    """Keeps token vectors in a SQLite file: two bytes for each number.

    Texts are kept as a hash. Threads share one connection, and processes, forked or not, the file. A process that is
    killed loses at most what it was just writing. A row that is not as it was written is none: its vectors are computed
    anew. Vectors of several models, and of several settings, may be in one file.

    A new file is for its owner alone (mode 600); what you set with `chmod` stays.

    Close it with `close()` or a `with` block. Using it again opens it again.

    Attributes:
        path: The file.
        timeout: Seconds to wait for other processes.
    """

    @named
    def __init__(self, path: str | bytes | os.PathLike[str], *, timeout: float | None = 5.0) -> None:
        """Open the file, or make it. One that another process holds is opened later.

        Args:
            path: The file. Beside it, two more whose names end in `-wal` and `-shm` come and go.
            timeout: Seconds to wait for other processes that hold the file, and of the time until a deadline no more
                than a quarter; `None` is no limit. Threads wait side by side, and nobody waits any more for a file
                that was held for as long, until it has been let go.

        Raises:
            ConfigurationError: The file is not one of ours, is damaged or cannot be made, or an argument is wrong.
        """
        super().__init__(_checked(path), timeout)

    def get(self, keys: Sequence[Key], /, *, deadline: Deadline = _NEVER) -> dict[Key, TokenVectors]:
        """Look up keys.

        Raises:
            sqlite3.Error: The file cannot be read; `OperationalError` also where another process holds it.
            TimeoutError: Another thread takes too long.
            ConfigurationError: The file is not one of ours any more.
        """
        names = {_digest(*key): key for key in keys}
        rows = self._patiently("read", lambda connection: list(_select(connection, list(names))), deadline)
        return {names[row[0]]: TokenVectors(row[2], row[3], row[4], bool(row[5])) for row in rows if _sound(row)}

    def put(self, entries: Mapping[Key, TokenVectors], /, *, deadline: Deadline = _NEVER) -> None:
        """Keep vectors: all of them or, if it fails, none.

        Raises:
            sqlite3.Error: The file cannot be written; `OperationalError` also where another process holds it.
            TimeoutError: Another thread takes too long.
            ConfigurationError: The file is not one of ours any more.
        """
        rows = [_row(key, vectors) for key, vectors in entries.items()]

        def write(connection: sqlite3.Connection) -> None:
            with connection:  # which commits, or rolls back
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_INSERT, rows)

        self._patiently("write", write, deadline)

    def counts(self, keys: Sequence[Key], /) -> dict[Key, int]:
        """How many vectors each text has whose vectors are kept.

        Raises:
            sqlite3.Error: As `get`.
            TimeoutError: As `get`.
            ConfigurationError: As `get`.
        """
        return {key: vectors.rows for each in _parts(keys) for key, vectors in self.get(each).items()}

    def remove(self, texts: Sequence[str], /, fingerprint: str) -> None:
        """Remove the vectors of texts that are gone. Their room in the file is used again.

        Args:
            texts: The texts.
            fingerprint: Of which model: `LateInteraction.vectors_fingerprint`.

        Raises:
            sqlite3.Error: As `put`.
            TimeoutError: As `put`.
            ConfigurationError: As `put`.
        """
        names = [(_digest(fingerprint, text),) for text in texts]
        self._patiently("write", lambda connection: _delete(connection, "key = ?", names), _NEVER)

    def keep_only(self, *fingerprints: str) -> int:
        """Remove the vectors of all other models and settings, and give their room back to the disk.

        Args:
            fingerprints: Of the models that stay: `LateInteraction.vectors_fingerprint`.

        Returns:
            How many texts were removed.

        Raises:
            sqlite3.Error: As `put`.
            TimeoutError: As `put`.
            ConfigurationError: As `put`.
        """
        stay = [_hash(16, each) for each in fingerprints]
        marks = ",".join("?" * len(stay))

        def prune(connection: sqlite3.Connection) -> int:
            count = _delete(connection, f"model NOT IN ({marks})", [stay])
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return count

        return self._patiently("write", prune, _NEVER)

    @property
    def size(self) -> int:
        """How much the file takes on the disk, in bytes, with what is beside it."""
        places = [Path(f"{self.path}{end}") for end in ("", "-wal")]
        return sum(each.stat().st_size for each in places if each.is_file())

    def __len__(self) -> int:
        """The number of texts whose vectors are kept, those of all models."""
        counted = "SELECT count(*) FROM vectors"
        found: int = self._patiently("read", lambda connection: connection.execute(counted).fetchone()[0], _NEVER)
        return found

    def _open(self) -> sqlite3.Connection:
        return _opened(self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles open the same file: a connection cannot travel."""
        return partial(type(self), timeout=self.timeout), (self.path,)

    @whole
    def __repr__(self) -> str:
        """Say which file this is."""
        return f"SQLiteVectors({self.path!r})"


def _checked(path: object) -> str:
    try:
        text = decoded(path)
    except Exception as error:  # a path of a user's own class may raise anything
        msg = f"path must be a path, not {quoted(path)}: pass the name of a file for the vectors"
        raise ConfigurationError(msg) from error
    if not names_file(text):
        msg = f"path={text!r} names no file: pass the name of one, or keep vectors in memory with MemoryVectors()"
        raise ConfigurationError(msg)
    return os.path.abspath(text)  # noqa: PTH100 - a Path would make "~" special


def _opened(path: str) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        make_for_owner(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        found = claimed(connection, _APPLICATION, _VERSION, _TABLE)
        if found[:2] != (_APPLICATION, _VERSION):
            raise sqlite3.DatabaseError(strange(found, _APPLICATION, _VERSION))
        with suppress(sqlite3.OperationalError):  # another process opens it too, which then does it
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the newest rows, never the file
        connection.execute(f"SELECT {_COLUMNS} FROM vectors LIMIT 1").fetchall()  # noqa: S608 - a constant
    except (sqlite3.Error, OSError, UnicodeError) as error:
        if connection is not None:
            connection.close()
        if is_held(error):
            raise
        msg = (
            f"path={path!r} cannot be used for token vectors ({error}): pass a path in a folder that may be written, "
            "with no file or one that SQLiteVectors made; a damaged one may be deleted, its vectors are computed anew"
        )
        raise ConfigurationError(msg) from error
    return connection


def _parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """So many at a time as one statement takes."""
    return (things[begin : begin + _BATCH] for begin in range(0, len(things), _BATCH))


def _select(connection: sqlite3.Connection, names: Sequence[bytes]) -> Iterator[Row]:
    for each in _parts(names):
        marks = ",".join("?" * len(each))
        yield from connection.execute(f"SELECT {_COLUMNS} FROM vectors WHERE key IN ({marks})", each)  # noqa: S608 - only ?


def _delete(connection: sqlite3.Connection, which: str, values: Sequence[Sequence[bytes]]) -> int:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        return connection.executemany(f"DELETE FROM vectors WHERE {which}", values).rowcount  # noqa: S608 - a constant


def _row(key: Key, vectors: TokenVectors) -> Row:
    row = (_digest(*key), _hash(16, key[0]), *vectors[:3], int(vectors.cut))
    return *row, _checksum(row)


def _sound(row: Row) -> bool:
    """Whether a row is as it was written, whatever has happened to it."""
    return isinstance(row[2], bytes) and row[6] == _checksum(row[:6])


def _checksum(row: Row) -> bytes:
    name, model, numbers, *others = row
    checksum = blake2b(repr((name, model, *others)).encode(), digest_size=8)
    checksum.update(numbers)
    return checksum.digest()


def _digest(fingerprint: str, text: str) -> bytes:
    return _hash(16, fingerprint, text)


def _hash(size: int, *texts: str) -> bytes:
    """A hash of texts, each behind its length, so that no two are framed the same."""
    parts = (str.encode(each, "utf-8", "surrogatepass") for each in texts)
    return blake2b(b"".join(len(each).to_bytes(8, "big") + each for each in parts), digest_size=size).digest()

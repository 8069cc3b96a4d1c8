"""The file of a `SQLiteStore`: opened, made so that nobody else can read it, or refused as not one of ours."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from rerank_kit.cache.sqlite_rows import COLUMNS
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.sqlite_files import (
    OWNER_ONLY,
    Identity,
    claimed,
    decoded,
    is_held,
    make_for_owner,
    names_file,
    strange,
)

_APPLICATION = int.from_bytes(b"rrkt", "big")  # marks the file as ours, see https://sqlite.org/pragma.html
_VERSION = 3  # of the table; raise it with every change to it, or to how rows are made
_WITHOUT_CHECKSUMS = 1
_ADDED = {1: ("logit", "checksum", "judged"), 2: ("judged",)}  # columns that earlier versions do not have
_TABLE = """
    CREATE TABLE scores (
        place INTEGER PRIMARY KEY,  -- rises with every entry, so the oldest come first
        key BLOB NOT NULL UNIQUE,
        score BLOB NOT NULL,        -- a float; in a REAL column -0.0 would come back as 0.0
        why BLOB,
        start INTEGER,
        stop INTEGER,
        logit BLOB,                 -- a float, as the score
        judged BLOB,                -- verdict, probabilities and how likely it answers, in JSON
        checksum BLOB               -- of all but the place
    )
"""


def check_path(path: object) -> str:
    """The path of a file, as absolute text.

    Raises:
        ConfigurationError: It is no path.
    """
    try:
        text = decoded(path)
    except Exception as error:  # a path of a user's own class may raise anything
        msg = f"path must be a path, not {quoted(path)}: pass the name of a file for the scores"
        raise ConfigurationError(msg) from error
    if not names_file(text):
        msg = f"path={text!r} names no file: pass the name of one, or keep scores in memory with MemoryStore()"
        raise ConfigurationError(msg)
    return os.path.abspath(text)  # noqa: PTH100 - a Path would make "~" special


def open_file(path: str) -> sqlite3.Connection:
    """Open our file or make it; leave any other untouched. Nothing waits: whoever finds it held may try again.

    Raises:
        ConfigurationError: It cannot be used.
        sqlite3.OperationalError: Another process holds it.
    """
    connection: sqlite3.Connection | None = None
    try:
        make_for_owner(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        connection.text_factory = bytes  # what is no UTF-8 is for us to refuse, row by row
        prepare(connection, path)
    except (sqlite3.Error, OSError, UnicodeError) as error:  # a message about damage may quote the damage
        if connection is not None:
            connection.close()
        if is_held(error):
            raise
        msg = (
            f"path={path!r} cannot be used as a score cache ({error}): pass a path in a folder that may be written, "
            "with no file or one that SQLiteStore made; a damaged one may be deleted, its scores are computed anew"
        )
        raise ConfigurationError(msg) from error
    return connection


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Make sure that the file is one of ours, of this version.

    Raises:
        sqlite3.Error: It is not, or another process holds it.
    """
    found = _identity(connection)
    if found[0] == _APPLICATION and found[1] in _ADDED:
        found = _take_over(connection, path, found[1])
    if found[:2] != (_APPLICATION, _VERSION):
        raise sqlite3.DatabaseError(strange(found, _APPLICATION, _VERSION))
    # Readers and a writer do not wait for each other then. It fails while another process opens the file too,
    # which then does it; until it is done all goes on, only slower.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the newest scores, never the file
    connection.execute(f"SELECT {COLUMNS} FROM scores LIMIT 1").fetchall()  # noqa: S608 - a constant


def _identity(connection: sqlite3.Connection) -> Identity:
    """Whose file it is, its version and how many tables it has; a new file becomes ours."""
    return claimed(connection, _APPLICATION, _VERSION, _TABLE)


def _take_over(connection: sqlite3.Connection, path: str, version: int) -> Identity:
    """Add to a file of an earlier version the columns that it does not have.

    In one of the first version, which everybody could read, rows take a checksum when they are computed anew.
    """
    for each in (path, f"{path}-wal", f"{path}-shm") if version == _WITHOUT_CHECKSUMS else ():
        with suppress(OSError):  # not there, or not ours
            os.chmod(each, os.stat(each).st_mode & OWNER_ONLY)  # noqa: PTH101, PTH116 - a path is a str here
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if _identity(connection)[1] == version:  # no other process was faster
            for column in _ADDED[version]:
                connection.execute(f"ALTER TABLE scores ADD COLUMN {column} BLOB")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    return _identity(connection)

"""What our SQLite files have in common: made for their owner alone, marked as ours, held by others at times."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import cast

_IDENTITY = """
    SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
    FROM pragma_application_id, pragma_user_version
"""
OWNER_ONLY = 0o600

Identity = tuple[int, int, int]
"""Whose a file is (https://sqlite.org/pragma.html), of which version, and how many tables it has."""


def decoded(path: object) -> str:
    """A path as text. One of a user's own class may raise anything."""
    text = os.fsdecode(cast("str | bytes | os.PathLike[str]", path))
    os.fsencode(text)
    return text


def names_file(text: str) -> bool:
    """Whether a path is that of a file, and none that means something else to SQLite."""
    return text not in ("", ":memory:") and "\0" not in text


def make_for_owner(path: str) -> None:
    """Make the file, if there is none, for its owner alone. SQLite gives its other files the same permissions.

    One that is there is not opened: closing it again would break the locks that this process has on it
    (https://sqlite.org/howtocorrupt.html, "Posix advisory locks canceled").
    """
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY))


def identity(connection: sqlite3.Connection) -> Identity:
    """Whose a file is; all zeros is a new one."""
    found: Identity = connection.execute(_IDENTITY).fetchone()
    return found


def claimed(connection: sqlite3.Connection, application: int, version: int, table: str) -> Identity:
    """Whose a file is; a new one becomes ours, with a table.

    Args:
        connection: The file, in autocommit.
        application: What marks it as ours.
        version: Of the table.
        table: The statement that makes it.
    """
    found = identity(connection)
    if found == (0, 0, 0):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if identity(connection) == found:  # no other process was faster
                connection.execute(table)
                connection.execute(f"PRAGMA application_id = {application}")
                connection.execute(f"PRAGMA user_version = {version}")
        found = identity(connection)
    return found


def strange(found: Identity, application: int, version: int) -> str:
    """Why a file is not one of ours, of this version."""
    if found[0] == application:
        return f"it is of version {found[1]}, and this release of rerank-kit reads version {version}"
    return "it is another program's database"


def is_held(error: Exception) -> bool:
    """Whether it says that another process, or another connection, is at the file."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # the rest of the code says how it came to it

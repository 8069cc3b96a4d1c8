"""What an evaluation has found out so far, in a file, so that nothing is computed or paid twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from rerank_kit.errors import ConfigurationError

K = TypeVar("K")

_PATIENCE = 60.0  # seconds
_AT_ONCE = 500  # keys in one statement; some builds of SQLite take no more than 999
_TABLE = "CREATE TABLE IF NOT EXISTS evaluation (key TEXT PRIMARY KEY, value TEXT NOT NULL)"


def key_of(*parts: object) -> str:
    """The key of what depends on these."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode("utf-8", "replace")).hexdigest()


def text_key(text: str) -> str:
    """A short name of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def row_of(kept: object, names: Iterable[str]) -> dict[str, Any] | None:
    """What was kept, if it is a row with all of these."""
    row = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
    return row if row.keys() >= set(names) else None


class RunStore:
    """Rows of JSON by keys, in memory or in an SQLite file, which several processes may share.

    Attributes:
        path: Where the file is; `None` is in memory.
    """

    def __init__(self, path: str | Path | None = None, *, read_only: bool = False, patience: float = _PATIENCE) -> None:
        """Open the file, or make it.

        Args:
            path: Where the file is; `None` is in memory.
            read_only: Whether nothing is to be written there.
            patience: Seconds that another program may hold it.

        Raises:
            ConfigurationError: It is no such file, or cannot be written.
        """
        self.path = None if path is None else Path(path)
        self._lock = threading.Lock()
        try:
            if self.path is not None and not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = "ro" if read_only else "rwc"
            place = ":memory:" if self.path is None else f"{self.path.resolve().as_uri()}?mode={mode}"
            self._connection = sqlite3.connect(
                place, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
            )
            if not read_only:
                with suppress(sqlite3.OperationalError):  # another process opens it too, and does that
                    self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the last rows
                self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            msg = f"store={str(path)!r} cannot be opened: {error}: name a file of an evaluation, or a new one"
            raise ConfigurationError(msg) from error

    def get(self, key: str) -> Any:
        """What stands under a key; `None` where nothing does, or what cannot be read."""
        return self.get_many({key: None}).get(None)

    def get_many(self, named: Mapping[str, K]) -> dict[K, Any]:
        """What stands under some keys, by other names of theirs, without those under which nothing does.

        Raises:
            ConfigurationError: The file cannot be read.
        """
        found: dict[K, Any] = {}
        names = list(named)
        for begin in range(0, len(names), _AT_ONCE):
            keys = names[begin : begin + _AT_ONCE]
            marks = ",".join("?" * len(keys))
            asked = f"SELECT key, value FROM evaluation WHERE key IN ({marks})"  # noqa: S608 - only ?
            with self._told("read"), self._lock:
                rows = self._connection.execute(asked, keys).fetchall()
                for key, value in rows:
                    with suppress(ValueError):
                        found[named[key]] = json.loads(value)
        return found

    def put(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Keep rows, all or none of them.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        written = [(key, json.dumps(value, ensure_ascii=False)) for key, value in rows]
        with self._told("written"), self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO evaluation VALUES (?, ?)", written)

    @contextmanager
    def _told(self, what: str) -> Generator[None]:
        """Say of which file an error is, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            if "no such table" in str(error):  # another program's file, where nothing may be written
                return
            msg = (
                f"store={str(self.path)!r} cannot be {what}: {error}: see that there is room and that no other program "
                "holds it, or name another file; what is in it stays"
            )
            raise ConfigurationError(msg) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

"""What an evaluation has found out so far, in a file, so that nothing is computed or paid twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError


def key_of(*parts: object) -> str:
    """The key of what depends on these."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode("utf-8", "replace")).hexdigest()


def text_key(text: str) -> str:
    """A short name of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class RunStore:
    """Rows of JSON by keys, in memory or in an SQLite file, which several processes may share.

    Attributes:
        path: Where the file is; `None` is in memory.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        """Open the file, or make it.

        Raises:
            ConfigurationError: It is no such file, or cannot be written.
        """
        self.path = None if path is None else Path(path)
        self._lock = threading.Lock()
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path or ":memory:", timeout=60, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS evaluation (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
            )
        except (OSError, sqlite3.Error) as error:
            msg = f"store={str(path)!r} cannot be opened: {error}: name a file of an evaluation, or a new one"
            raise ConfigurationError(msg) from error

    def get(self, key: str) -> Any:
        """What stands under a key; `None` where nothing does, or what cannot be read."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM evaluation WHERE key = ?", (key,)).fetchone()
        try:
            return None if row is None else json.loads(row[0])
        except ValueError:
            return None

    def put(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Keep rows, all or none of them."""
        written = [(key, json.dumps(value, ensure_ascii=False)) for key, value in rows]
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO evaluation VALUES (?, ?)", written)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

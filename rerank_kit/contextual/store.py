"""Where contexts are kept as soon as they are written, and who of several processes writes which."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.store import RunStore, key_of, row_of

_VERSION = 1  # of what is kept: raise it when its meaning changes
_CLAIMS = "CREATE TABLE IF NOT EXISTS claims (document TEXT PRIMARY KEY, owner TEXT NOT NULL)"


def key_of_context(model: str, prompt: str, document: str, text: str) -> str:
    """The key of a context: on what it depends.

    Args:
        model: The model's name.
        prompt: What it is asked.
        document: A hash of what it is shown of the document.
        text: What is put into context.
    """
    return key_of("context", _VERSION, model, prompt, document, text)


class ContextStore:
    """Contexts by their keys, in memory or in a file that several processes may share."""

    def __init__(self, path: str | Path | None, patience: float = 60.0) -> None:
        """Open the file, or make it; `None` is in memory.

        Args:
            path: Where it is.
            patience: Seconds that another program may hold it.

        Raises:
            ConfigurationError: It is no such file, or cannot be written.
        """
        self.rows = RunStore(path, patience=patience)
        self._claims = _Memory() if self.rows.path is None else _Claims(self.rows.path, patience)

    def contexts(self, keys: Iterable[str]) -> dict[str, str]:
        """Those that are there, by their keys."""
        found = self.rows.get_many({each: each for each in keys})
        return {key: str(row["text"]) for key, row in found.items() if row_of(row, ("text",))}

    def keep(self, contexts: Mapping[str, str]) -> None:
        """Keep contexts.

        Raises:
            ConfigurationError: The file cannot be written.
        """
        self.rows.put((key, {"text": text}) for key, text in contexts.items())

    def claim(self, document: str) -> bool:
        """Whether this store is now the one to write a document's contexts, and no other that is alive."""
        return self._claims.claim(document)

    def release(self, document: str) -> None:
        """Let others write them."""
        self._claims.release(document)

    def close(self) -> None:
        """Close the file, and let go of all that was claimed."""
        self._claims.close()
        self.rows.close()


def opened(store: str | Path | ContextStore | None, patience: float) -> ContextStore:
    """The store of a path, or the one that is open already. The arguments are those of `ContextStore`."""
    return ContextStore(store, patience) if store is None or isinstance(store, str | Path) else store


class _Memory:
    """Which documents are being written, where no other process can do it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = set[str]()

    def claim(self, document: str) -> bool:
        with self._lock:
            free = document not in self._held
            self._held.add(document)
        return free

    def release(self, document: str) -> None:
        with self._lock:
            self._held.discard(document)

    def close(self) -> None:
        """Nothing is left behind."""


class _Claims:
    """Which documents are being written, by owners that each hold a lock on a file of their own while they live.

    The operating system lets go of what a process held that was killed; its claims are then others' to take.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._owner = secrets.token_hex(8)
        try:
            self._alive = sqlite3.connect(
                self._file(self._owner), timeout=0, isolation_level=None, check_same_thread=False
            )
            self._alive.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            msg = f"store={str(path)!r}: no file can be made beside it: {error}: name a file in a folder of your own"
            raise ConfigurationError(msg) from error
        self._lock = threading.Lock()
        with self._told():
            self._rows = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
            self._rows.execute(_CLAIMS)

    def claim(self, document: str) -> bool:
        with self._told(), self._lock, self._rows:
            self._rows.execute("BEGIN IMMEDIATE")
            found = self._rows.execute("SELECT owner FROM claims WHERE document = ?", (document,)).fetchone()
            free = found is None or self._dead(found[0])
            if free:
                self._rows.execute("INSERT OR REPLACE INTO claims VALUES (?, ?)", (document, self._owner))
        return free

    def release(self, document: str) -> None:
        with self._told(), self._lock:
            self._rows.execute("DELETE FROM claims WHERE document = ? AND owner = ?", (document, self._owner))

    def close(self) -> None:
        with suppress(sqlite3.Error), closing(self._rows):
            self._rows.execute("DELETE FROM claims WHERE owner = ?", (self._owner,))
        self._alive.close()
        with suppress(OSError):
            self._file(self._owner).unlink()

    def _dead(self, owner: str) -> bool:
        """Whether nobody holds an owner's lock any more."""
        file = self._file(owner)
        if not file.exists():
            return True
        other = sqlite3.connect(file, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            return False
        finally:
            other.close()
        with suppress(OSError):
            file.unlink()
        return True

    def _file(self, owner: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{owner}.owner")

    @contextmanager
    def _told(self) -> Generator[None]:
        """Say of which file an error is, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            msg = f"store={str(self._path)!r} cannot be written: {error}: see that there is room, or name another file"
            raise ConfigurationError(msg) from error

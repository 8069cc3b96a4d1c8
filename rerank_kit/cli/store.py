"""Where evaluations are kept, and the report of the last one with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.store import RunStore
from rerank_kit.evaluate.text_files import STDIN, path_of, text_of

STORE = "rerank-kit.sqlite"
"""In the working folder, so that the same command finds it again."""
_KEY = "the last report"
_SQLITE = b"SQLite format 3\0"


def keep(store: str, report: Mapping[str, Any]) -> None:
    """Keep a report in the file of its evaluation, in place of the one before."""
    file = RunStore(store)
    try:
        file.put([(_KEY, report)])
    finally:
        file.close()


def kept(path: str) -> Mapping[str, Any]:
    """The report in a file of an evaluation, or in what `--json` wrote; `-` is standard input.

    Raises:
        ConfigurationError: There is none.
    """
    where = STDIN if path == "-" else path_of("STORE_OR_JSON", path)
    try:
        found = _in_store(where) if where is not STDIN and _is_store(where) else json.loads(text_of(where, "utf-8"))
    except (OSError, ValueError, RecursionError, sqlite3.Error) as error:
        msg = f"{where} is neither the file of an evaluation nor what rerank-kit eval --json wrote: {error}"
        raise ConfigurationError(msg) from error
    if not isinstance(found, dict) or "systems" not in found:
        msg = f"{where} has no report in it: run rerank-kit eval to its end, or name what rerank-kit eval --json wrote"
        raise ConfigurationError(msg)
    return cast("Mapping[str, Any]", found)


def _is_store(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _in_store(path: Path) -> Any:
    file = RunStore(path, read_only=True)
    try:
        return file.get(_KEY)
    finally:
        file.close()

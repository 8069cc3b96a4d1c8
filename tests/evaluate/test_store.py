"""The file in which an evaluation keeps what it found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.evaluate.store import RunStore, key_of


def test_rows_are_kept_in_a_file_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1" / "é.sqlite"
    store = RunStore(path)
    store.put([("a", {"b": 1.5}), ("c", None)])
    store.close()
    assert path.is_file()
    again = RunStore(path)
    assert (again.get("a"), again.get("c"), again.get("d")) == ({"b": 1.5}, None, None)
    again.close()


def test_what_is_only_read_is_not_written_to(tmp_path: Path) -> None:
    others = tmp_path / "others.db"
    with sqlite3.connect(others) as connection:
        connection.execute("CREATE TABLE mine (a TEXT)")
    before = others.read_bytes()
    store = RunStore(others, read_only=True)
    assert store.get("a") is None
    store.close()
    assert others.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["others.db"]
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        RunStore(tmp_path / "none.db", read_only=True)


def test_a_key_depends_on_every_part() -> None:
    keys = {key_of(), key_of("a"), key_of("a", "b"), key_of("ab"), key_of(["a"], "b"), key_of("a", None)}
    assert len(keys) == 6

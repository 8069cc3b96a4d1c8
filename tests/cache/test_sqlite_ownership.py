"""A store takes a file that is its own, makes it for its owner alone, and refuses any other."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Cached, ConfigurationError, SQLiteStore
from rerank_kit.cache.sqlite_file import prepare
from tests.cache.files import Telling, changed
from tests.cache.test_cached import TEXTS, keys


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="this system has other permissions")
def test_only_the_owner_can_read_what_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "scores")
        store.put(keys("a"))
        assert len(list(tmp_path.iterdir())) == 3
        assert modes(tmp_path) == {0o600}
        store.close()
        (tmp_path / "scores").chmod(0o640)
        store.put(keys("b"))
        assert modes(tmp_path) == {0o640}
        store.close()
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_leads_to_a_file_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    SQLiteStore(tmp_path / "link").close()
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600


OLD_TABLE = """
    CREATE TABLE scores (
        place INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, score BLOB NOT NULL, why TEXT, start INTEGER, stop INTEGER
    )
"""


@pytest.fixture
def old(path: Path) -> Path:
    """A file of the first version, in which scores are that nobody can check."""
    old = sqlite3.connect(path.with_name("old"), isolation_level=None)
    for statement in (
        OLD_TABLE,
        f"PRAGMA application_id = {int.from_bytes(b'rrkt', 'big')}",
        "PRAGMA user_version = 1",
    ):
        old.execute(statement)
    old.execute("ATTACH ? AS new", [str(path)])
    old.execute("INSERT INTO main.scores SELECT place, key, 0.125, why, start, stop FROM new.scores")
    old.close()
    path.with_name("old").chmod(0o644)
    return path.with_name("old")


def test_a_file_without_checksums_is_taken_over_and_its_scores_computed_anew(old: Path) -> None:
    for cached in (0, 3):
        with SQLiteStore(old) as store:
            ranking = Cached(Telling(), store).rerank("query", TEXTS)
        assert ranking.hits == Telling().rerank("query", TEXTS).hits
        assert ranking.usage.cached == cached
    assert os.name == "nt" or stat.S_IMODE(old.stat().st_mode) == 0o600


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A file of the second version, which had no place for what was decided."""
    path = tmp_path / "second"
    with SQLiteStore(path) as store:
        store.put(keys("a", "b"))
    changed(path, "ALTER TABLE scores DROP COLUMN judged")
    changed(path, "PRAGMA user_version = 2")
    return path


def test_a_file_of_the_version_before_is_taken_over_with_its_scores(second: Path) -> None:
    second.chmod(0o640)
    with SQLiteStore(second) as store:
        assert store.get([*keys("a", "b")]) == keys("a", "b")
        judged = {key: each._replace(verdict="yes") for key, each in keys("a").items()}
        store.put(judged)
        assert store.get([*judged]) == judged
    assert os.name == "nt" or stat.S_IMODE(second.stat().st_mode) == 0o640


class Overtaken(sqlite3.Connection):
    """Another process is faster, whenever this one is about to write."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement == "BEGIN IMMEDIATE":
            (path,) = [name for _, _, name in super().execute("PRAGMA database_list")]
            SQLiteStore(path).close()
        return super().execute(statement, *values)


@pytest.mark.parametrize("new", [False, True])
def test_what_another_process_has_made_of_a_file_meanwhile_stands(old: Path, new: bool) -> None:
    path = old.with_name("new") if new else old
    connection = sqlite3.connect(path, isolation_level=None, factory=Overtaken)
    prepare(connection, str(path))
    connection.close()
    with SQLiteStore(path) as store:
        store.put(keys("a"))
        assert store.get([*keys("a")]) == keys("a")


class Pathless:
    """Says it is a path, and gives none."""

    def __init__(self, path: object) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        if isinstance(self.path, Exception):
            raise self.path
        return self.path

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("path", [None, 3, "", ":memory:", b":memory:", "with\0nul", ["scores"], [10**5000]])
def test_what_names_no_file_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        SQLiteStore(path)


@pytest.mark.parametrize("gives", [None, 3, OSError(), "", ":memory:"], ids=repr)
def test_an_object_that_gives_no_path_is_refused(gives: object) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        SQLiteStore(Pathless(gives))


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    for name in ("half a pair \ud83d", "x" * 5000, "a/" * 5000):
        with pytest.raises(ConfigurationError, match="path"):
            SQLiteStore(tmp_path / name)


@pytest.mark.parametrize("name", ["C:\\cache\\scores", "~", "scores?mode=ro", "file:scores", "näme 雪", "a%20b"])
def test_any_name_of_a_file_is_that_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SQLiteStore(os.fsencode(name) if name.startswith("a") else name) as store:
        store.put(keys("a"))
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used as a score cache"):
        SQLiteStore(tmp_path)

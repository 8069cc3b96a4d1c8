"""The file of a Shadow is bounded, its owner's, and whatever becomes of it costs no answer."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Shadow, SQLiteStore
from rerank_kit.combine import shadow_report
from rerank_kit.combine.shadow_file import ShadowFile, read
from tests.conftest import Colour
from tests.doubles import Scripted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shadow.sqlite"


def recorded(path: Any, count: int = 1, **options: Any) -> Shadow:
    shadow = Shadow(Scripted(), Scripted(len), path, **options)
    for number in range(count):
        shadow.rerank(f"query {number}", ["a 1", "bb 0"])
        assert shadow.wait(60)
    return shadow


def test_the_newest_runs_are_kept(path: Path) -> None:
    recorded(path, 5, max_entries=3, keep_texts=True)
    assert [run.query for run in read(path)[0]] == ["query 2", "query 3", "query 4"]


def test_a_path_may_be_of_any_kind(path: Path) -> None:
    for given in (path, str(path), os.fsencode(path)):
        assert recorded(given).record == str(path)
        assert shadow_report(given).runs >= 1
    assert not path.stat().st_mode & 0o077


def test_a_file_of_anything_else_is_refused_and_left_alone(path: Path, tmp_path: Path) -> None:
    SQLiteStore(path).close()
    before = path.read_bytes()
    text = tmp_path / "text"
    text.write_text("no database, but long enough to be taken for one" * 40, "utf-8")
    for other in (path, text, tmp_path, tmp_path / "none" / "x"):
        with pytest.raises(ConfigurationError, match="cannot be used for the runs of a Shadow"):
            recorded(other)
        with pytest.raises(ConfigurationError, match="is no file that a Shadow wrote"):
            shadow_report(other)
    with pytest.raises(ConfigurationError, match="'' names no file: name the one that a Shadow was given to write to"):
        shadow_report("")
    assert path.read_bytes() == before


def test_a_file_of_a_later_release_is_refused(path: Path) -> None:
    recorded(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(ConfigurationError, match="it is of version 2, and this release of rerank-kit reads version 1"):
        recorded(path)


def test_rows_that_cannot_be_read_are_left_out(path: Path) -> None:
    recorded(path, 2)
    with closing(sqlite3.connect(path)) as connection, connection:
        for row in ("no JSON", "[]", "{}", '{"live": 3, "candidate": {}}'):
            connection.execute("INSERT INTO runs (run) VALUES (?)", [row])
    assert shadow_report(path).runs == 2


def test_a_file_that_goes_or_is_damaged_costs_no_answer(
    path: Path, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    shadow = recorded(path)
    path.write_bytes(b"damaged" * 1000)
    for _ in range(2):
        assert [hit.index for hit in colour(shadow, "rerank", "query", ["a 1", "bb 2"])] == [1, 0]
        assert shadow.wait(60)
    assert caplog.text.count("runs were lost") == 1
    path.unlink()
    assert len(colour(shadow, "rerank", "query", ["a 1"])) == 1
    assert shadow.wait(60)
    assert shadow.report().runs == 1  # it is made anew


def test_a_file_that_another_process_holds_is_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rerank_kit.combine.shadow_file._PATIENCE", 0.1)
    file = ShadowFile(path, 10)
    assert file.spent() == 0.0
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert Shadow(Scripted(), Scripted(), path).record == str(path)
        other.rollback()


def test_a_database_that_fails_is_told(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "none" / "there")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        ShadowFile(path, 10).spent()


def test_a_file_that_another_program_holds_is_said_to_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Held(sqlite3.OperationalError):
        sqlite_errorcode = sqlite3.SQLITE_BUSY

    def held(connection: object) -> None:
        raise Held

    (tmp_path / "runs.sqlite").write_bytes(b"")
    monkeypatch.setattr("rerank_kit.combine.shadow_file._check_ours", held)
    with pytest.raises(ConfigurationError, match="is held by another program: try again"):
        read(tmp_path / "runs.sqlite")

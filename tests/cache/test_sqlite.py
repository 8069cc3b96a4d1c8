"""Scores in a file: shared by threads and processes, there after a crash, and never mixed up with anything else."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Cached, ConfigurationError, InvalidResponse, SQLiteStore
from rerank_kit.cache.store import Kept, Key
from tests.cache.test_cached import TEXTS, Known, keys
from tests.processes import python

KEEP_GOING = """
import sys
from rerank_kit import SQLiteStore
from rerank_kit.cache import Kept
store = SQLiteStore(sys.argv[1], timeout=None)
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    store.put({("f", str(number), str(place)): Kept(float(number)) for place in range(20)})
    print(number, flush=True)
"""


def process(path: Path, start: int, stop: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KEEP_GOING, str(path), str(start), str(stop)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def batch(number: int) -> list[Key]:
    return [("f", str(number), str(place)) for place in range(20)]


def test_scores_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "scores") as store:
        Cached(Known(), store).rerank("query", TEXTS)
    with SQLiteStore(tmp_path / "scores") as store:
        assert Cached(Known(), store).rerank("query", TEXTS).usage.cached == 3
    assert [each.name for each in tmp_path.iterdir()] == ["scores"]


def test_a_closed_store_opens_again_when_it_is_used(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "scores")
    store.put(keys("a"))
    store.close()
    store.close()
    assert store.get([*keys("a")]) == keys("a")
    store.close()


def test_many_keys_are_found_in_one_call(tmp_path: Path) -> None:
    many = keys(*map(str, range(1201)))
    with SQLiteStore(tmp_path / "scores") as store:
        store.put(many)
        assert store.get([*many, *keys("none")]) == many


def test_what_is_there_stays_and_the_oldest_go_first(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "scores", max_entries=3) as store:
        store.put(keys("a", "b"))
        store.put({("fingerprint", "query", "a"): Kept(9.0)})
        store.put(keys("c", "d"))
        found = store.get([*keys("a", "b", "c", "d")])
    assert {text: kept.score for (_, _, text), kept in found.items()} == {"b": 1.0, "c": 0.0, "d": 1.0}


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), unique=True, max_size=20))
def test_no_key_is_taken_for_another(wanted: list[Key]) -> None:
    entries = {key: Kept(float(place)) for place, key in enumerate(wanted)}
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "scores")) as store:
        store.put(entries)
        assert store.get(wanted) == entries


def test_keys_that_read_the_same_in_a_row_are_different(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "scores") as store:
        store.put({("a", "bc", ""): Kept(1.0)})
        assert store.get([("ab", "c", ""), ("a", "b", "c"), ("a", "", "bc")]) == {}


def test_texts_that_are_not_proper_unicode_have_scores_too(tmp_path: Path) -> None:
    key = ("f", "query", "broken \ud800 half")
    with SQLiteStore(tmp_path / "scores") as store:
        store.put({key: Kept(0.5, "broken \udfff", (3, 4))})
        assert store.get([key]) == {key: Kept(0.5, "broken \udfff", (3, 4))}
        judged = Kept(0.5, None, None, -0.25, "broken \udfff", {"3": 0.1 + 0.2, "0": -0.0}, 0.5)
        store.put({key: judged})
        assert repr(store.get([key])) == repr({key: judged})


def test_of_several_scores_all_are_kept_or_none(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "scores") as store:
        for odd in (None, math.nan, math.inf):
            with pytest.raises(InvalidResponse):
                store.put({**keys("a"), ("f", "q", "b"): Kept(odd)})  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            store.put({**keys("a"), ("f", "q", "b"): Kept(1.0, ["no", "text"])})  # type: ignore[arg-type]
        assert store.get([*keys("a")]) == {}
        store.put(keys("a"))


# ── Processes ──


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    processes = [process(path, start, start + 15) for start in (0, 10, 20)]
    assert [each.communicate()[0].split()[-1] for each in processes] == ["14", "24", "34"]
    with SQLiteStore(path) as store:
        for number in range(35):
            assert set(store.get(batch(number)).values()) == {Kept(float(number))}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process at once")
def test_a_killed_process_loses_nothing_that_it_had_kept(tmp_path: Path) -> None:
    running = process(tmp_path / "scores", 0, 1_000_000)
    assert running.stdout is not None
    done = [int(running.stdout.readline()) for _ in range(20)]
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    with SQLiteStore(tmp_path / "scores") as store:
        assert all(len(store.get(batch(number))) == 20 for number in done)
        last = next(number for number in range(1_000_000) if not store.get(batch(number)))
        assert all(len(store.get(batch(number))) == 20 for number in range(last))
        store.put(dict.fromkeys(batch(last), Kept(1.0)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_and_its_parent_both_go_on(tmp_path: Path) -> None:
    code = """
import os, sys
from rerank_kit import SQLiteStore
from rerank_kit.cache import Kept
store = SQLiteStore(sys.argv[1])
store.put({("f", "q", "before"): Kept(1.0)})
child = os.fork()
own = "child" if child == 0 else "parent"
store.put({("f", "q", own): Kept(2.0)})
assert len(store.get([("f", "q", "before"), ("f", "q", own)])) == 2
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(len(store.get([("f", "q", name) for name in ("before", "parent", "child")])))
"""
    done = python("-W", "ignore", "-c", code, str(tmp_path / "scores"), measured=True)
    assert done.stdout == "3\n"


def test_a_fork_behind_pythons_back_is_an_error_not_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "scores")
    own = os.getpid()
    with monkeypatch.context() as context:
        context.setattr(os, "getpid", lambda: own + 1)
        with pytest.raises(ConfigurationError, match="open during a fork that Python did not see"):
            store.get([*keys("a")])
        store.close()  # which must not close what is the parent's
    assert store.get([*keys("a")]) == {}
    store.close()


def test_a_writer_that_takes_too_long_costs_the_score_not_the_ranking(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(tmp_path / "scores", timeout=0.01)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cached = Cached(Known(), store)
    assert len(cached.rerank("query", TEXTS)) == 3
    assert "database is locked" in caplog.text
    other.close()
    cached.rerank("query", TEXTS)
    assert cached.rerank("query", TEXTS).usage.cached == 3
    store.close()


def test_a_file_that_another_process_makes_meanwhile_is_used(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    SQLiteStore(tmp_path / "model").close()
    with sqlite3.connect(tmp_path / "model") as model:
        (table,) = model.execute("SELECT sql FROM sqlite_master WHERE name = 'scores'").fetchone()
        (application,), (version,) = (
            model.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
    model.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for statement in (table, f"PRAGMA application_id = {application}", f"PRAGMA user_version = {version}"):
        other.execute(statement)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(SQLiteStore, path, timeout=30)
        time.sleep(0.3)  # it sees an empty file, and waits for its turn to fill it
        other.execute("COMMIT")
        store = opening.result()
    other.close()
    store.put(keys("a"))
    assert store.get([*keys("a")]) == keys("a")
    store.close()


# ── Files that are not ours ──


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a database. " * 500)
    with pytest.raises(ConfigurationError, match="cannot be used as a score cache") as caught:
        SQLiteStore(path)
    assert repr(str(path)) in str(caught.value)
    assert path.read_text() == "Not a database. " * 500


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE precious (thing)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="another program's database"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    SQLiteStore(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(ConfigurationError, match="of version 99, and this release of rerank-kit reads version 3"):
        SQLiteStore(path)


def test_a_folder_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pass a path in a folder that may be written"):
        SQLiteStore(tmp_path / "none" / "scores")


@pytest.mark.parametrize("options", [{"max_entries": 0}, {"timeout": 0}, {"timeout": -1}, {"max_entries": True}])
def test_wrong_arguments_are_named(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        SQLiteStore(tmp_path / "scores", **options)
    assert not (tmp_path / "scores").exists()


def test_it_says_which_file_it_is(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "scores") as store:
        assert repr(store) == f"SQLiteStore({str(tmp_path / 'scores')!r})"

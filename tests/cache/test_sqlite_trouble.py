"""Whatever happens to the file, a ranking is as if there were none: it costs the score, or a short moment."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Cached, ConfigurationError, Deadline, Document, Hit, Ranking, Reranker, SQLiteStore
from rerank_kit.cache.sqlite_file import prepare
from rerank_kit.flow import Flow
from tests.cache.test_cached import TEXTS, keys
from tests.conftest import Colour
from tests.processes import python

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


class Telling(Reranker):
    """Has a score, a reason and a passage for each text."""

    @property
    def fingerprint(self) -> str:
        return "telling"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        hits = [Hit(place, len(text) / 3, text.upper(), (2, 3)) for place, text in enumerate(_.text for _ in documents)]
        return Ranking(tuple(sorted(hits, key=lambda hit: -hit.score)))


@contextmanager
def held(path: Path) -> Generator[None]:
    """The file, held by somebody else, so that it can be neither read nor written."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which three scores are."""
    with SQLiteStore(tmp_path / "scores") as store:
        Cached(Telling(), store).rerank("query", TEXTS)
    return tmp_path / "scores"


def changed(path: Path, statement: str, *values: object) -> None:
    other = sqlite3.connect(path)
    with other:
        other.execute(statement, values)
    other.close()


# ── A file that another process holds ──


def test_a_held_file_costs_scores_and_no_ranking_and_comes_back(path: Path, colour: Colour) -> None:
    store = SQLiteStore(path, timeout=0.01)
    cached = Cached(Telling(), store)
    with store:
        store.close()
        with held(path):
            ranking = colour(cached, "rerank", "query", TEXTS)
            assert (ranking.hits, ranking.usage.cached) == (Telling().rerank("query", TEXTS).hits, 0)
        assert colour(cached, "rerank", "query", TEXTS).usage.cached == 3


def test_a_store_can_be_made_while_its_file_is_held(path: Path, colour: Colour) -> None:
    with held(path):
        store = SQLiteStore(path, timeout=0.01)
        assert colour(Cached(Telling(), store), "rerank", "query", TEXTS).usage.cached == 0
    assert colour(Cached(Telling(), store), "rerank", "query", TEXTS).usage.cached == 3
    store.close()


def test_the_first_who_finds_it_held_waits_and_others_do_not(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.2)
    store.close()
    with held(path):
        waited: list[float] = []
        for _ in range(20):
            started = time.monotonic()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                store.get([*keys("a")])
            waited.append(time.monotonic() - started)
    assert waited[0] >= 0.2
    assert sum(waited[1:]) < 19 * 0.2 / 2
    store.get([*keys("a")])
    store.close()


def test_threads_wait_side_by_side(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.4)
    store.close()
    cached = Cached(Telling(), store)
    with held(path), ThreadPoolExecutor(16) as pool:
        started = time.monotonic()
        rankings = list(pool.map(lambda _: cached.rerank("query", TEXTS), range(16)))
        assert time.monotonic() - started < 16 * 0.4 / 2
    assert [each.usage.cached for each in rankings] == [0] * 16
    store.close()


def test_it_waits_for_no_more_than_a_quarter_of_the_time_that_is_left(path: Path, colour: Colour) -> None:
    store = SQLiteStore(path)
    store.close()
    store.timeout = 3600.0
    with held(path):
        ranking = colour(Cached(Telling(), store), "rerank", "query", TEXTS, timeout=0.4)
    assert len(ranking) == 3
    store.close()


def test_a_writer_that_holds_the_file_costs_each_ranking_no_more(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")  # which readers of a -wal file pass
    ranking = Cached(Telling(), store).rerank("query", [*TEXTS, "another"])
    assert (ranking.usage.cached, len(ranking)) == (3, 4)
    other.close()
    store.close()


def test_a_loop_goes_on_while_the_file_is_held(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.2)
    store.close()

    async def ranked_beside_a_clock() -> int:
        ranking = asyncio.create_task(Cached(Telling(), store).arerank("query", TEXTS))
        ticks = 0
        while not ranking.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await ranking
        return ticks

    with held(path):
        assert asyncio.run(ranked_beside_a_clock()) > 5
    store.close()


def test_a_thread_that_is_long_at_the_file_costs_others_the_score(path: Path, caplog: Any) -> None:
    store = SQLiteStore(path, timeout=0.01)
    with store._lock():
        ranking = Cached(Telling(), store).rerank("query", TEXTS)
    assert (len(ranking), ranking.usage.cached) == (3, 0)
    assert "another thread was at the file" in caplog.text
    store.close()


# ── Rows ──

ODD = [b"", b"blob", "0.5", "", "nan", None, math.inf, -math.inf, 1, 0, 2**62, 0.5000001, -0.0]


@pytest.mark.parametrize("column", ["score", "why", "start", "stop", "checksum"])
def test_a_row_that_is_not_as_it_was_written_is_a_miss_and_mended(path: Path, column: str) -> None:
    without_not_null(path)
    plain = Telling().rerank("query", TEXTS)
    with SQLiteStore(path) as store:
        cached = Cached(Telling(), store)
        for odd in ODD:
            changed(path, f"UPDATE scores SET {column} = ? WHERE place = 2", odd)  # noqa: S608
            for kept in (2, 3):
                ranking = cached.rerank("query", TEXTS)
                assert (odd, ranking.hits, ranking.usage.cached) == (odd, plain.hits, kept)


def without_not_null(path: Path) -> None:
    """Take out of the schema what keeps NULL out."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA writable_schema = ON")
    other.execute("UPDATE sqlite_master SET sql = replace(sql, 'score BLOB NOT NULL', 'score BLOB')")
    other.close()


def test_what_was_kept_for_another_text_is_a_miss(path: Path) -> None:
    columns = "score, why, start, stop, checksum"
    changed(path, f"UPDATE scores SET ({columns}) = (SELECT {columns} FROM scores WHERE place = 3) WHERE place = 1")  # noqa: S608
    with SQLiteStore(path) as store:
        ranking = Cached(Telling(), store).rerank("query", TEXTS)
    assert (ranking.hits, ranking.usage.cached) == (Telling().rerank("query", TEXTS).hits, 2)


def test_text_that_is_no_utf8_is_a_miss(path: Path) -> None:
    changed(path, "UPDATE scores SET why = CAST(x'c3ff' AS TEXT) WHERE place = 1")
    with SQLiteStore(path) as store:
        assert Cached(Telling(), store).rerank("query", TEXTS).usage.cached == 2


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clean") / "scores"
    with SQLiteStore(path) as store:
        Cached(Telling(), store).rerank("query", TEXTS)
    return path


@given(places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits_never_change_a_ranking(clean: Path, places: list[tuple[float, int]]) -> None:
    content = bytearray(clean.read_bytes())
    for place, bit in places:
        content[int(place * len(content))] ^= 1 << bit
    path = clean.with_name("flipped")
    path.write_bytes(content)
    try:
        with SQLiteStore(path, timeout=0.01) as store:
            ranking = Cached(Telling(), store).rerank("query", TEXTS)
        assert ranking.hits == Telling().rerank("query", TEXTS).hits
    except ConfigurationError as error:
        assert "cannot be used as a score cache" in str(error)  # noqa: PT017
    finally:
        for each in clean.parent.glob("flipped*"):
            each.unlink()


@given(length=st.integers(0, 40_000))
def test_a_file_that_was_cut_is_refused_or_costs_scores(clean: Path, length: int) -> None:
    path = clean.with_name("cut")
    path.write_bytes(clean.read_bytes()[:length])
    try:
        with SQLiteStore(path) as store:
            assert Cached(Telling(), store).rerank("query", TEXTS).hits == Telling().rerank("query", TEXTS).hits
    except ConfigurationError as error:
        assert "cannot be used as a score cache" in str(error)  # noqa: PT017
    finally:
        for each in clean.parent.glob("cut*"):
            each.unlink()


# ── What befalls the file of an open store ──


def fill(path: Path) -> None:
    changed(path, "CREATE TRIGGER full BEFORE INSERT ON scores BEGIN SELECT RAISE(ABORT, 'disk full'); END")


def other_table(path: Path) -> None:
    changed(path, "DROP TABLE scores")
    changed(path, "CREATE TABLE scores (place, key)")


def truncate(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"something else " * 5000)


def delete_all(path: Path) -> None:
    for each in list(path.parent.iterdir()):
        each.unlink()


def delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def folder_instead(path: Path) -> None:
    delete_all(path)
    path.mkdir()


def as_later_version(path: Path) -> None:
    changed(path, "PRAGMA user_version = 99")


EVENTS = [fill, other_table, truncate, overwrite, delete_all, delete_folder, folder_instead, as_later_version]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("closed", [False, True])
def test_what_befalls_the_file_costs_no_ranking(
    path: Path, event: Callable[[Path], None], closed: bool, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(path)
    store.get([])
    if closed:
        store.close()
    event(path)
    cached = Cached(Telling(), store)
    for texts in (TEXTS, [*TEXTS, "another"], TEXTS):
        assert colour(cached, "rerank", "query", texts).hits == Telling().rerank("query", texts).hits
    assert len(caplog.records) <= 1
    store.close()


def test_a_store_is_closed_while_others_use_it(path: Path) -> None:
    store = SQLiteStore(path)
    cached = Cached(Telling(), store)
    stop = threading.Event()

    def closing() -> None:
        while not stop.is_set():
            store.close()

    thread = threading.Thread(target=closing)
    thread.start()
    with ThreadPoolExecutor(4) as pool:
        rankings = list(pool.map(lambda _: cached.rerank("query", TEXTS), range(40)))
    stop.set()
    thread.join()
    assert [each.usage.cached for each in rankings] == [3] * 40
    store.close()


# ── Whose file it is ──


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


@pytest.mark.parametrize("path", [None, 3, "", ":memory:", b":memory:", "with\0nul", ["scores"]])
def test_what_names_no_file_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        SQLiteStore(path)


@pytest.mark.parametrize("name", ["C:\\cache\\scores", "~", "scores?mode=ro", "file:scores", "näme 雪", "a%20b"])
def test_any_name_of_a_file_is_that_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SQLiteStore(os.fsencode(name) if name.startswith("a") else name) as store:
        store.put(keys("a"))
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used as a score cache"):
        SQLiteStore(tmp_path)


# ── Forks ──

FORKING = """
import os, sys, threading
from rerank_kit import MemoryStore, SQLiteStore
from rerank_kit.cache import Kept
folder, stop = sys.argv[1], threading.Event()
stores = [SQLiteStore(f"{folder}/shared", timeout=30), MemoryStore()]
def writing(store, name):
    number = 0
    while not stop.is_set():
        number += 1
        store.put({("f", name, str(number)): Kept(1.0)})
        store.get([("f", name, str(number))])
def opening(name):
    while not stop.is_set():
        with SQLiteStore(f"{folder}/{name}", timeout=30) as store:
            store.put({("f", "q", "t"): Kept(1.0)})
threads = [threading.Thread(target=writing, args=(store, name)) for store in stores for name in "ab"]
threads += [threading.Thread(target=opening, args=(name,)) for name in "cd"]
for each in threads:
    each.start()
for turn in range(15):
    child = os.fork()
    if child == 0:
        for store in stores:
            store.put({("f", "child", str(turn)): Kept(2.0)})
            assert len(store.get([("f", "child", str(turn))])) == 1
        stores[0].close()
        with SQLiteStore(f"{folder}/of a child") as store:
            store.put({("f", "q", "t"): Kept(1.0)})
        os._exit(0)
    for _ in range(2000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        threading.Event().wait(0.005)
    else:
        os.kill(child, 9)
    assert (done, status) == (child, 0), (turn, done, status)
stop.set()
for each in threads:
    each.join(10)
    assert not each.is_alive()
print(len(stores[0].get([("f", "child", str(turn)) for turn in range(15)])))
"""


@FORK
def test_a_fork_while_others_write_and_open_stores_locks_nothing(tmp_path: Path) -> None:
    done = python("-W", "ignore::DeprecationWarning", "-c", FORKING, str(tmp_path))
    assert (done.stdout, done.stderr) == ("15\n", "")


HELD_FORK = """
import os, sys
from rerank_kit import SQLiteStore
from rerank_kit.cache import Kept
from rerank_kit.errors import ConfigurationError
store = SQLiteStore(sys.argv[1])
with store._lock():  # as where the handler of a signal forks
    child = os.fork()
    if child == 0:
        try:
            store.get([])
        except ConfigurationError as error:
            sys.exit(7 if "open during a fork" in str(error) else 8)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
store.put({("f", "q", "t"): Kept(1.0)})
print("on")
"""


@FORK
def test_a_fork_does_not_wait_for_ever_for_a_store(tmp_path: Path) -> None:
    done = python("-W", "ignore::DeprecationWarning", "-c", HELD_FORK, str(tmp_path / "scores"), measured=True)
    assert done.stdout == "on\n"

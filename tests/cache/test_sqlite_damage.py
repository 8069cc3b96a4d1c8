"""Whatever happens to the file, a ranking is as if there were none."""

from __future__ import annotations

import math
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rerank_kit import Cached, ConfigurationError, SQLiteStore
from tests.cache.files import Telling, changed
from tests.cache.test_cached import TEXTS
from tests.conftest import Colour

ODD = [b"", b"blob", "0.5", "", "nan", None, math.inf, -math.inf, 1, 0, 2**62, 0.5000001, -0.0]


@pytest.mark.parametrize("column", ["score", "why", "start", "stop", "judged", "checksum"])
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
@example(places=[(0.298828125, 7)])  # SQLite quotes what it cannot read, which is no UTF-8 then
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

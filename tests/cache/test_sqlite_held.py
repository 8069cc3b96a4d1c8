"""A file that somebody else holds costs the score, or a short moment, never a ranking."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from rerank_kit import Cached, Deadline, Document, Hedged, Ranking, SQLiteStore
from rerank_kit.cache import Kept, Key
from rerank_kit.errors import Abandoned
from rerank_kit.flow import Flow, blocking
from tests.cache.files import Telling
from tests.cache.test_cached import TEXTS, keys
from tests.conftest import Colour
from tests.core.test_cancelling import Way, cancelled, forgotten, sibling_failed, timed_out


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


def test_a_writer_that_holds_the_file_costs_one_ranking_a_moment_and_others_nothing(path: Path, colour: Colour) -> None:
    store = SQLiteStore(path, timeout=0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")  # which readers of a -wal file pass
    cached = Cached(Telling(), store)
    started = time.monotonic()
    for number in range(20):
        ranking = colour(cached, "rerank", "query", [*TEXTS, f"another {number}"])
        assert (ranking.usage.cached, len(ranking)) == (3, 4)
    assert time.monotonic() - started < 20 * 0.1 / 2
    other.close()
    for kept in (3, 4):
        assert colour(cached, "rerank", "query", [*TEXTS, "another"]).usage.cached == kept
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


class Watched(SQLiteStore):
    """Says when it has stopped looking, and how it came to that."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, timeout=None)
        self.looking = threading.Event()
        self.ended: SimpleQueue[type[BaseException]] = SimpleQueue()

    def get(self, keys: Sequence[Key], /, *, deadline: Deadline = Deadline()) -> dict[Key, Kept]:  # noqa: B008
        self.looking.set()
        try:
            return super().get(keys, deadline=deadline)
        except BaseException as error:
            self.ended.put(type(error))
            raise


@pytest.mark.parametrize("way", [cancelled, timed_out, sibling_failed, forgotten])
def test_nobody_waits_for_a_held_file_once_the_caller_has_gone(path: Path, way: Way) -> None:
    store = Watched(path)
    store.close()

    async def main() -> None:
        task = asyncio.create_task(Cached(Telling(), store).arerank("query", TEXTS))
        while not store.looking.is_set():  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        await way(task)

    with held(path):
        asyncio.run(main())
        assert store.ended.get(timeout=5) is Abandoned
    assert len(store.get([*keys(*TEXTS)], deadline=Deadline.after(60))) == 0
    assert Cached(Telling(), store).rerank("query", TEXTS).usage.cached == 3
    store.close()


def test_a_lost_race_stops_waiting_for_a_held_file(path: Path, colour: Colour) -> None:
    store = Watched(path)
    store.close()

    class Second(Telling):
        def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
            yield from blocking(store.looking.wait, 30)  # or the first may not have begun to look when it has lost
            return (yield from super().flow(query, documents, deadline))

    with held(path):
        hedged = Hedged(Cached(Telling(), store), after=0.01, other=Second())
        assert len(colour(hedged, "rerank", "query", TEXTS)) == 3
        assert store.ended.get(timeout=5) is Abandoned
    store.close()

"""Work is shared out between threads, and stops at the first failure."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest

from rerank_kit.local.workers import Workers


def numbers(count: int) -> Callable[[], int | None]:
    left = iter(range(count))
    return lambda: next(left, None)


def test_all_is_done_and_the_threads_do_it_side_by_side() -> None:
    meeting, done = threading.Barrier(2, timeout=30), list[int]()

    def work(number: int) -> None:
        meeting.wait()  # passes only while another thread works too
        done.append(number)

    Workers(2, "test").share(numbers(6), work)
    assert sorted(done) == [*range(6)]


def test_the_first_failure_is_raised_and_nothing_more_is_taken() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number == 3:
            raise KeyError(number)

    workers = Workers(1, "test")
    with pytest.raises(KeyError):
        workers.share(numbers(100), work)
    assert done == [0, 1, 2, 3]
    workers.share(numbers(2), done.append)
    assert done[4:] == [0, 1]


def test_each_thread_is_prepared_once() -> None:
    prepared: list[str] = []
    workers = Workers(1, "named", lambda: prepared.append(threading.current_thread().name))
    for _ in range(3):
        workers.share(numbers(4), lambda number: None)
    assert prepared == ["named_0"]


def test_a_forked_process_makes_its_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, threads = Workers(1, "test"), set[int]()
    workers.share(numbers(1), lambda number: threads.add(threading.get_ident()))
    own = os.getpid()
    monkeypatch.setattr(sys.modules["os"], "getpid", lambda: own + 1)
    workers.share(numbers(1), lambda number: threads.add(threading.get_ident()))
    assert len(threads) == 2

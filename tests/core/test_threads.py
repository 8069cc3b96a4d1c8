"""Threads of our own do what they are given, end with their pool, and are not needed where none can be had."""

from __future__ import annotations

import gc
import os
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from rerank_kit import Deadline, DeadlineExceeded
from rerank_kit.caller import Caller
from rerank_kit.errors import Abandoned
from rerank_kit.shutdown import DaemonThread
from rerank_kit.threads import Threads, as_done
from tests.servers import eventually


def alive(name: str) -> list[str]:
    return sorted(each.name for each in threading.enumerate() if each.name.startswith(name))


def test_jobs_are_done_by_at_most_so_many_daemon_threads_which_are_used_again() -> None:
    threads, meeting = Threads(2, "pool-a"), threading.Barrier(2, timeout=30)

    def work() -> tuple[bool, bool]:
        meeting.wait()  # passes only while another thread works too
        thread = threading.current_thread()
        return isinstance(thread, DaemonThread), thread.daemon

    futures = [threads.submit(work) for _ in range(6)]
    assert {future.result(30) for future in futures} == {(True, True)}
    assert alive("pool-a") == ["pool-a_0", "pool-a_1"]


def test_threads_end_with_their_pool_when_all_is_done() -> None:
    threads, gate = Threads(1, "pool-b"), threading.Event()
    first, second = threads.submit(lambda: gate.wait(30)), threads.submit(lambda: "done")
    del threads
    gc.collect()
    assert alive("pool-b")
    gate.set()
    assert (first.result(30), second.result(30)) == (True, "done")
    assert eventually(lambda: not alive("pool-b"))


def test_what_a_job_raises_is_raised_where_the_answer_is_asked_for() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    threads = Threads(1, "pool-c")
    with pytest.raises(KeyboardInterrupt):
        threads.submit(work).result(30)
    assert threads.submit(lambda: 1).result(30) == 1


def test_a_job_that_was_cancelled_is_not_begun() -> None:
    threads, gate, done = Threads(1, "pool-d"), threading.Event(), list[int]()
    first, second = threads.submit(lambda: gate.wait(30)), threads.submit(lambda: done.append(1))
    assert second.cancel()
    gate.set()
    assert first.result(30)
    assert threads.submit(lambda: 1).result(30) == 1
    with pytest.raises(CancelledError):
        second.result()
    assert done == []


def refuse(self: threading.Thread) -> None:
    msg = "can't create new thread at interpreter shutdown"
    raise RuntimeError(msg)


def test_where_no_thread_can_be_started_the_work_is_done_here_and_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse)
    future = Threads(2, "pool-e").submit(threading.get_ident)
    assert future.done()
    assert future.result() == threading.get_ident()


def test_where_no_more_threads_can_be_started_those_that_are_there_do_all(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, gate = Threads(2, "pool-f"), threading.Event()
    first = threads.submit(lambda: gate.wait(30))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    second = threads.submit(threading.get_ident)
    assert not second.done()
    gate.set()
    assert first.result(30)
    assert second.result(30) != threading.get_ident()


def test_a_forked_process_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads(1, "pool-g")
    parents = threads.submit(threading.get_ident).result(30)
    own = os.getpid()
    monkeypatch.setattr(sys.modules["os"], "getpid", lambda: own + 1)
    assert threads.submit(threading.get_ident).result(30) != parents


def test_answers_come_as_they_are_done() -> None:
    threads, gate = Threads(2, "pool-h"), threading.Event()
    late, early = threads.submit(lambda: gate.wait(30)), threads.submit(lambda: True)
    order = as_done([late, early], Deadline())
    assert next(order) is early
    gate.set()
    assert next(order) is late
    assert list(order) == []


def test_waiting_ends_at_the_deadline() -> None:
    gate = threading.Event()
    stuck = Threads(1, "pool-i").submit(lambda: gate.wait(30))
    with pytest.raises(DeadlineExceeded):
        next(as_done([stuck], Deadline.after(0.01)))
    gate.set()


def test_waiting_ends_when_the_caller_leaves() -> None:
    gate, caller = threading.Event(), Caller()
    stuck = Threads(1, "pool-j").submit(lambda: gate.wait(30))
    threading.Timer(0.01, caller.leave).start()
    with pytest.raises(Abandoned):
        caller.calling(lambda: next(as_done([stuck], Deadline())))()
    with pytest.raises(Abandoned):  # also for who begins to wait after that
        caller.calling(lambda: next(as_done([stuck], Deadline())))()
    gate.set()


def test_threads_of_a_block_end_with_it_though_an_error_remembers_them() -> None:
    def failing() -> None:
        with Threads(1, "pool-z") as threads:
            threads.submit(lambda: None).result(30)
            raise KeyError

    with pytest.raises(KeyError) as caught:
        failing()
    assert eventually(lambda: not alive("pool-z"))
    del caught
    with Threads(1, "pool-z"):
        assert alive("pool-z") == []

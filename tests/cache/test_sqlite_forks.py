"""A fork stops no store, in the parent or in the child."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from rerank_kit import SQLiteStore
from rerank_kit.cache.shared_file import FORK as _FORK
from tests.processes import python

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


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
def dropping(name):
    while not stop.is_set():
        SQLiteStore(f"{folder}/{name}", timeout=30).put({("f", "q", "t"): Kept(1.0)})
threads = [threading.Thread(target=writing, args=(store, name)) for store in stores for name in "ab"]
threads += [threading.Thread(target=work, args=(name,)) for work, name in ((opening, "c"), (dropping, "d"))]
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
from rerank_kit.cache.shared_file import FORK as _FORK
from rerank_kit.errors import ConfigurationError
store = SQLiteStore(sys.argv[1])
with store._lock():  # as where the handler of a signal forks
    child = os.fork()
    if child == 0:
        try:
            store.get([])
        except ConfigurationError as error:
            assert "open during a fork" in str(error)
            del error
        del store
        sys.exit(6 + len(_FORK.inherited))  # what was inherited is not closed here
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
store.put({("f", "q", "t"): Kept(1.0)})
print("on")
"""


@FORK
def test_a_fork_does_not_wait_for_ever_for_a_store(tmp_path: Path) -> None:
    done = python("-W", "ignore::DeprecationWarning", "-c", HELD_FORK, str(tmp_path / "scores"), measured=True)
    assert done.stdout == "on\n"


def test_what_nobody_has_any_more_is_closed_but_not_during_a_fork(tmp_path: Path) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with _FORK.registering:
            held.set()
            go_on.wait()

    forking = threading.Thread(target=hold)
    first, second = SQLiteStore(tmp_path / "first"), SQLiteStore(tmp_path / "second")
    connection = first._connection
    assert connection is not None
    forking.start()
    held.wait()
    del first
    assert len(_FORK.ended) == 1
    connection.execute("SELECT 1")
    go_on.set()
    forking.join()
    del second
    assert _FORK.ended == []
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")

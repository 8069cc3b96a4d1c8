"""Contexts are kept for other runs and processes: none is written twice, whoever is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.contextual import Contextualizer
from rerank_kit.contextual.store import ContextStore
from rerank_kit.testing import ChatServer, slow
from tests.contextual.texts import report
from tests.judge.conftest import KEY, openai

WRITE = """
import sys
from rerank_kit.contextual import Contextualizer
from rerank_kit.judge import OpenAICompatible
from tests.contextual.texts import report
model = OpenAICompatible(sys.argv[1], model="local", api_key=sys.argv[2])
made = Contextualizer(model, store=sys.argv[3], concurrency=2)
print("began", flush=True)
print(made.contextualize([report(name) for name in sys.argv[4:]]))
"""


def started(server: ChatServer, store: Path, *names: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, server.base_url("openai"), KEY, str(store), *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_two_processes_share_a_store_and_ask_for_nothing_twice(server: ChatServer, tmp_path: Path) -> None:
    server.fail(slow(0.05), times=6)
    names = [f"Report{number}" for number in range(6)]
    both = [started(server, tmp_path / "contexts.sqlite", *each) for each in (names, names[::-1])]
    told = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert all("24 contexts for 6 documents" in each for each in told)
    assert len(server.contexts) == 24
    assert not [each for each in tmp_path.iterdir() if each.name.endswith(".owner")]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_who_is_killed_leaves_what_was_written_and_nothing_held(server: ChatServer, tmp_path: Path) -> None:
    store = tmp_path / "contexts.sqlite"
    server.fail(slow(0.2), times=40)
    killed = started(server, store, "Ada", "Bob", "Cy")
    end = time.monotonic() + 60
    while len(server.contexts) < 4 and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert [each for each in tmp_path.iterdir() if each.name.endswith(".owner")]
    asked = len(server.contexts)
    with openai(server) as model:
        contexts = Contextualizer(model, store=store).contextualize([report(name) for name in ("Ada", "Bob", "Cy")])
    assert contexts.failures == ()
    assert contexts.reused >= asked - 3  # but for those that were under way
    assert contexts.usage.calls == 12 - contexts.reused
    assert not [each for each in tmp_path.iterdir() if each.name.endswith(".owner")]


def test_what_one_holds_another_waits_for(tmp_path: Path) -> None:
    first, second = (ContextStore(tmp_path / "contexts.sqlite") for _ in range(2))
    assert first.claim("a")
    assert not second.claim("a")
    assert not first.claim("a")
    assert second.claim("b")
    first.release("a")
    assert second.claim("a")
    first.close()
    third = ContextStore(tmp_path / "contexts.sqlite")
    assert not third.claim("a")
    second.close()
    assert third.claim("a")
    third.close()


def test_an_owner_whose_file_is_gone_holds_nothing(tmp_path: Path) -> None:
    first, second = (ContextStore(tmp_path / "contexts.sqlite") for _ in range(2))
    assert first.claim("a")
    for file in tmp_path.glob("*.owner"):
        file.unlink()
    assert second.claim("a")
    for each in (first, second):
        each.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path, server: ChatServer) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    with openai(server) as model, pytest.raises(ConfigurationError, match=r"store='.*notes\.txt' cannot be opened"):
        Contextualizer(model, store=tmp_path / "notes.txt").contextualize([report("Ada")])
    assert server.contexts == []


def test_a_folder_in_which_nothing_can_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "contexts.sqlite"
    ContextStore(store).close()
    monkeypatch.setattr("rerank_kit.contextual.store._Claims._file", lambda *_: tmp_path / "no" / "such" / "folder")
    with pytest.raises(ConfigurationError, match="no file can be made beside it"):
        ContextStore(store)


def test_a_claim_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "contexts.sqlite"
    store = ContextStore(path)
    with sqlite3.connect(path) as rows:
        rows.execute("DROP TABLE claims")
    with pytest.raises(ConfigurationError, match=r"contexts\.sqlite' cannot be written: no such table"):
        store.claim("a")
    store.close()

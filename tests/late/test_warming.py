"""A store is filled once, in bounded memory; whatever breaks it off, the same call goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Document
from rerank_kit.errors import DeadlineExceeded
from rerank_kit.late import LateInteraction, MemoryVectors, SQLiteVectors, Warmed
from tests.conftest import Colour
from tests.late.tiny_late import stanford_like

TEXTS = ["banana cherry , apple", "grape . fig", "word text ! date elder fig"]


@pytest.fixture
def made(tmp_path: Path) -> LateInteraction:
    stanford_like(tmp_path / "model")
    return LateInteraction(tmp_path / "model", store=tmp_path / "vectors", threads=2)


def test_it_computes_what_is_missing_and_says_what_it_did(made: LateInteraction, colour: Colour) -> None:
    given = [*TEXTS, TEXTS[0], " ", Document("apple " * 30)]
    first = colour(made, "warm", given)
    assert first == Warmed(texts=6, computed=4, found=1, blank=1, truncated=1, tokens=7 + 6 + 9 + 16)
    assert colour(made, "warm", given) == Warmed(texts=6, found=5, blank=1)
    assert made.rerank("apple", TEXTS).usage.cached == 3


def test_texts_may_come_one_after_the_other_without_end_in_sight(made: LateInteraction) -> None:
    alive, told = 0, list[Warmed]()

    def many() -> Iterator[str]:
        nonlocal alive
        for place in range(1000):
            alive = place
            yield f"apple {place % 500} fig"

    found = made.warm(many(), progress=told.append)
    assert (found.texts, found.computed + found.found, len(told)) == (1000, 1000, 16)
    assert told[-1] == found
    assert [each.texts for each in told] == [min(64 * (place + 1), 1000) for place in range(16)]
    assert alive == 999


def test_what_is_broken_off_is_gone_on_with(made: LateInteraction) -> None:
    def broken() -> Iterator[str]:
        yield from (f"apple {place}" for place in range(100))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.warm(broken())
    assert made.warm([f"apple {place}" for place in range(100)]).found == 64


def test_a_deadline_ends_it(made: LateInteraction) -> None:
    with pytest.raises(DeadlineExceeded):
        made.warm(TEXTS, timeout=1e-9)
    assert made.warm([], timeout=60) == Warmed()


KILLED = """
import sys, time
from rerank_kit.late import LateInteraction
made = LateInteraction(sys.argv[1], store=sys.argv[2])
def slowly(done):
    print(done.computed, flush=True)
    time.sleep(0.2)
made.warm((f"apple {place} fig" for place in range(100_000)), progress=slowly)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_costs_what_was_in_hand(tmp_path: Path) -> None:
    stanford_like(tmp_path / "model")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "model"), str(tmp_path / "vectors")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(3)]
        os.kill(process.pid, signal.SIGKILL)
    made = LateInteraction(tmp_path / "model", store=tmp_path / "vectors", threads=1)
    found = made.warm(f"apple {place} fig" for place in range(1000))
    assert told[-1] <= found.found < 1000
    assert found.computed == 1000 - found.found
    with sqlite3.connect(tmp_path / "vectors") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_two_processes_fill_one_file(tmp_path: Path) -> None:
    stanford_like(tmp_path / "model")
    code = (
        "import sys; from rerank_kit.late import LateInteraction; "
        "print(LateInteraction(sys.argv[1], store=sys.argv[2]).warm(f'apple {each}' for each in range(400)).computed)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model"), str(tmp_path / "vectors")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [int(each.communicate()[0]) for each in both]
    with SQLiteVectors(tmp_path / "vectors") as store:
        assert len(store) == 400
    assert 400 <= sum(told) <= 800


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("apple", "texts must be a list of texts, or give one after the other, not be 'apple'"),
        (5, "texts must be a list of texts"),
        (["apple", 7], r"texts\[1\] must be a text or a Document, not 7"),
    ],
)
def test_what_is_no_text_is_refused(texts: Any, told: str, made: LateInteraction) -> None:
    with pytest.raises(ConfigurationError, match=told):
        made.warm(texts)
    with pytest.raises(ConfigurationError, match="progress must be a function"):
        made.warm([], progress=5)  # type: ignore[arg-type]


def test_a_store_that_cannot_be_written_is_an_error_here(made: LateInteraction, tmp_path: Path) -> None:
    made = LateInteraction(tmp_path / "model", store=SQLiteVectors(tmp_path / "vectors", timeout=0.01), threads=1)
    holding = sqlite3.connect(tmp_path / "vectors")
    holding.execute("BEGIN IMMEDIATE")
    with pytest.raises(ConfigurationError, match=r"cannot be read or written: OperationalError: database is locked"):
        made.warm(TEXTS)
    holding.rollback()
    holding.close()
    assert made.warm(TEXTS).computed == 3


def test_memory_can_be_filled_too(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    made = LateInteraction(tmp_path, threads=1)
    made.warm(TEXTS)
    assert isinstance(made.store, MemoryVectors)
    assert len(made.store) == 3
    begun = time.perf_counter()
    assert made.warm(TEXTS).found == 3
    assert time.perf_counter() - begun < 10

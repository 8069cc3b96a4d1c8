"""A Shadow in several processes, in forks, and where Python ends: nothing waits for the candidate."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rerank_kit import Shadow
from rerank_kit.combine import shadow_report
from rerank_kit.combine.shadow_file import _FORK
from rerank_kit.managed import Endpoint
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.processes import python

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
IGNORED = ("-W", "ignore::DeprecationWarning")  # of forks beside threads

DOUBLES = """
import atexit, os, sys, threading, time
from rerank_kit import Reranker, Shadow
live = Reranker.of(lambda query, texts: [float(text[-1]) for text in texts], model="live")
candidate = Reranker.of(lambda query, texts: [-float(text[-1]) for text in texts], model="candidate")
hanging = Reranker.of(lambda query, texts: time.sleep(600))
path = sys.argv[1]
def best(shadow):
    return shadow.rerank("query", ["low 1", "high 3"])[0].index
"""

FORKING = (
    DOUBLES
    + """
shadow = Shadow(live, candidate, path, max_running=50)
for turn in range(10):
    assert best(shadow) == 1
    child = os.fork()
    if child == 0:
        assert best(shadow) == 1
        assert shadow.wait(60)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
assert shadow.wait(60)
report = shadow.report()
print(report.runs + report.dropped)
"""
)


@FORK
def test_forks_write_to_the_same_file(tmp_path: Path) -> None:
    done = python(*IGNORED, "-c", FORKING, str(tmp_path / "shadow.sqlite"), measured=True)
    assert (done.stdout, done.stderr) == ("20\n", "")


@FORK
def test_a_fork_that_comes_while_a_file_is_open_goes_on(tmp_path: Path) -> None:
    code = (
        DOUBLES
        + """
from rerank_kit.combine.shadow_file import _FORK
with _FORK.turn():  # as where a signal's handler forks
    child = os.fork()
    if child == 0:
        shadow = Shadow(live, candidate, path)
        os._exit(0 if best(shadow) == 1 and shadow.wait(60) else 1)
    print(os.waitpid(child, 0)[1], _FORK.lock.locked())
print(_FORK.lock.locked())
"""
    )
    done = python(*IGNORED, "-c", code, str(tmp_path / "shadow.sqlite"), measured=True)
    assert (done.stdout, done.stderr) == ("0 True\nFalse\n", "")


def test_who_forks_lets_go_of_the_files_in_both_processes() -> None:
    for after in (_FORK.after_in_parent, _FORK.after_in_child):
        _FORK.before()
        assert _FORK.lock.locked()
        after()
        assert not _FORK.lock.locked()
        assert _FORK.forking == set()


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shadow.sqlite"
    code = (
        DOUBLES
        + """
shadow = Shadow(live, candidate, path)
for _ in range(20):
    assert best(shadow) == 1
    assert shadow.wait(60)
"""
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [each.wait(120) for each in started] == [0, 0, 0]
    assert shadow_report(path).runs == 60


def test_the_end_of_python_waits_for_no_candidate(tmp_path: Path) -> None:
    code = DOUBLES + "print(best(Shadow(live, hanging, path)))"
    done = python("-c", code, str(tmp_path / "shadow.sqlite"))
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_where_python_ends_it_still_answers(tmp_path: Path) -> None:
    code = (
        DOUBLES
        + "shadow = Shadow(live, candidate, path); atexit.register(lambda: print(best(shadow), shadow.wait(60)))"
    )
    done = python("-c", code, str(tmp_path / "shadow.sqlite"), measured=True)
    assert (done.stdout, done.stderr) == ("1 True\n", "")
    code = DOUBLES + "import rerank_kit.shutdown\nshadow = Shadow(live, candidate, path)\n"
    code += "rerank_kit.shutdown._finish()\nprint(best(shadow), shadow.wait(60), shadow.report().runs)"
    done = python("-c", code, str(tmp_path / "other.sqlite"), measured=True)
    assert (done.stdout, done.stderr) == ("1 True 0\n", "")


DYING = """
import os, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.recv(1)
os._exit(1)
"""


@pytest.fixture
def dying() -> Iterator[str]:
    """The URL of a server that ends its process at the first request."""
    with subprocess.Popen([sys.executable, "-c", DYING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_a_candidate_in_a_process_of_its_own_may_kill_that(dying: str, tmp_path: Path, colour: Colour) -> None:
    candidate = Endpoint(dying, format="tei", max_retries=0)
    shadow = Shadow(Scripted(), candidate, tmp_path / "shadow.sqlite")
    for _ in range(2):
        assert [hit.index for hit in colour(shadow, "rerank", "query", ["low 1", "high 3"])] == [1, 0]
        assert shadow.wait(60)
    assert shadow.report().failures == {"ConnectionFailed": 2}
    candidate.close()

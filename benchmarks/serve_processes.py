"""Servers and who asks them, each in a process of its own that is ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

START = 180.0  # seconds for a server to load its model
LONGEST = 420.0  # seconds for what the process that asks is given to do
_GRACE = 5.0  # seconds to end of one's own will
_HERE = Path(__file__).parent


class DidNotStart(Exception):
    """A server ended before it listened, or took too long."""


@contextmanager
def serving(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str], cores: set[int]
) -> Generator[tuple[str, int]]:
    """Run a server on some cores, with a port that is free behind its command; its URL, and the id of its process.

    Raises:
        DidNotStart: With the end of its log.
    """
    port = _free_port()
    url, all_cores = f"http://127.0.0.1:{port}", os.sched_getaffinity(0)
    with log.open("wb") as written:
        os.sched_setaffinity(0, cores)  # what is started has the same
        try:
            process = subprocess.Popen(  # noqa: S603 - a server that the caller names
                [*command, str(port)],
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, all_cores)
    try:
        if not _listens(url, process):
            raise DidNotStart(log.read_text("utf-8", errors="replace")[-2000:])
        yield url, process.pid
    finally:
        _end(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _listens(url: str, process: subprocess.Popen[bytes]) -> bool:
    latest = monotonic() + START
    while process.poll() is None and monotonic() < latest:
        try:
            if httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success:
                return True
        except httpx.HTTPError:
            pass
        sleep(0.2)
    return False


def _end(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it has started."""
    for signaled in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signaled)
            process.wait(_GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


class Asker:
    """`serve_load.py` in a process of its own."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(_HERE / "serve_load.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, **job: Any) -> dict[str, Any]:
        """Have it do something.

        Raises:
            TimeoutError: It did not come to an end.
        """
        process = self._process
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        print(json.dumps(job), file=process.stdin, flush=True)
        too_long = threading.Timer(LONGEST, _end, [process])
        too_long.start()
        line = process.stdout.readline()
        too_long.cancel()
        if not line:
            raise TimeoutError
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        _end(self._process)


def memory(pid: int) -> tuple[float, float]:
    """Megabytes that a process holds, and the most that it has held."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines())
    now, most = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most

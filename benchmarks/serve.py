"""How our server does under load, and infinity on the same weights, in one run.

    make bench-serve            # writes the section of docs/serve.md, in 12 minutes at most on two cores
    make bench-serve QUICK=1    # one short round, which writes nothing

or, without make, and with a virtual environment for infinity alone, since it wants older packages:

    python -m venv .venv-infinity
    .venv-infinity/bin/pip install torch==2.13.0
    .venv-infinity/bin/pip install --group infinity
    python benchmarks/serve.py --infinity .venv-infinity

The servers run all the time and take turns, and so do the numbers of clients, which another process is. The texts are
passages of the standard library's documentation, drawn anew for each request, so that no cache helps.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from serve_processes import Asker, DidNotStart, memory, serving
from serve_report import INT8, ONE_CORE, OURS, TORCH, Beside, Load, Server, between, report
from speed_report import machine, versions
from weights import for_onnx, for_torch

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from passages import standard_library

DOCUMENTS, SMALL, LARGE = 50, 10, 1000
REQUESTS = {1: 6, 8: 3, 32: 2}  # of each client, by the number of clients
FEWER = {1: 3, 8: 2, 32: 2}
ROUNDS = 3
BESIDE = 20  # small requests beside a large one at most, and half as many alone
PACKAGES = ("onnxruntime", "tokenizers", "uvicorn", "starlette")
THEIRS = ("infinity-emb", "onnxruntime", "optimum", "torch", "transformers", "uvicorn")
_PATHS = {OURS: "/v1/rerank", ONE_CORE: "/v1/rerank"}
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
    "DO_NOT_TRACK": "1",
}
_TEXTS = [each.text for each in standard_library() if 250 <= len(each.text) < 600]  # noqa: PLR2004
_HEADING = """
### Measured, beside infinity

Written by `make bench-serve` on {date}: {machine}, {versions}; infinity with {theirs}.

Closed loops: each client sends one request of {documents} passages after the other, of 250 to 600 characters, all
different. The clients are a process of their own on the same cores. Servers, and numbers of clients, took turns in
{rounds} round{s}: cells are the median of the rounds' figures and the range. Requests that found nobody before them,
the first ones of many clients, are left out of p50 and p99. Both read one file, ms-marco-MiniLM-L-12-v2 in int8: ours
by `rerank-kit serve onnx:FOLDER --timeout 600`, infinity by `--engine optimum` with its defaults. Its engine on torch
has the same weights multiplied out, and was asked by one client alone. A small request has {small} passages, a large
one {large}.
"""


class Requests:
    """Bodies of requests, of which no two are alike; the same ones again for the same seed."""

    def __init__(self, seed: object) -> None:
        """Begin with a seed."""
        self._draw = random.Random(repr(seed))  # noqa: S311 - nothing is secret

    def body(self, documents: int) -> str:
        """The next one."""
        subject = self._draw.choice(_TEXTS).split("\n", 1)[0]
        query = f"What do I need {subject} for, case {self._draw.randrange(10**6)}?"
        return json.dumps({"query": query, "documents": self._draw.sample(_TEXTS, documents)})

    def bodies(self, count: int, documents: int) -> list[str]:
        """Some."""
        return [self.body(documents) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs."""

    url: str
    pid: int


def commands(folder: Path, infinity: Path) -> dict[str, tuple[list[str], Path]]:
    """How each server is started, but for the port, and in which folder."""
    ours = [sys.executable, "-m", "rerank_kit.cli", "serve", f"onnx:{folder / 'onnx'}", "--timeout", "600", "--port"]
    theirs = [str(infinity / "bin" / "infinity_emb"), "v2", "--host", "127.0.0.1", "--device", "cpu"]
    theirs += ["--no-vector-disk-cache", "--served-model-name", "same", "--model-id", "."]  # a path it does not take
    return {
        OURS: (ours, folder),
        INT8: ([*theirs, "--engine", "optimum", "--port"], folder / "onnx"),
        ONE_CORE: (ours, folder),
        TORCH: ([*theirs, "--engine", "torch", "--port"], folder / "torch"),
    }


def started(folder: Path, infinity: Path, stack: ExitStack) -> Iterator[tuple[str, Running]]:
    """The servers that there are, warm."""
    cores = os.sched_getaffinity(0)
    for name, (command, where) in commands(folder, infinity).items():
        if name in {INT8, TORCH} and not Path(command[0]).exists():
            _say(f"{name}: skipped, there is no {command[0]}")
            continue
        server = serving(
            command,
            folder=where,
            log=folder / f"{name}.log",
            environment={**_QUIET, "HF_HOME": str(folder / "hub")},
            cores={min(cores)} if name == ONE_CORE else cores,
        )
        try:
            url, pid = stack.enter_context(server)
        except DidNotStart as error:
            if name == OURS:
                raise
            _say(f"{name}: skipped, it did not start:\n{error}")
            continue
        _say(f"{name}: ready")
        yield name, Running(url + _PATHS.get(name, "/rerank"), pid)


def loaded(asker: Asker, server: Running, seed: object, clients: int, requests: int) -> Load:
    """What some clients see."""
    ready = Requests(seed)
    job = [ready.bodies(requests, DOCUMENTS) for _ in range(clients)]
    done = asker.ask(url=server.url, clients=job)
    rows: list[list[dict[str, Any]]] = done["clients"]
    counted = _seconds(each for row in rows for each in row[int(clients > 1) :])
    answers = [each for row in rows for each in row]
    return Load(done["seconds"], counted, len(answers), _errors(answers))


def small_ones(asker: Asker, server: Running, seed: object, large: int) -> Beside:
    """A small request alone, and beside a large one."""
    ready = Requests(seed)
    alone = asker.ask(url=server.url, clients=[ready.bodies(BESIDE // 2, SMALL)])["clients"][0]
    both = asker.ask(url=server.url, clients=[ready.bodies(BESIDE, SMALL)], large=ready.bodies(1, large))
    times = [_seconds(answers) for answers in (alone, both["small"], both["large"])]
    return Beside(times[0], times[1], times[2], _errors([*alone, *both["small"], *both["large"]]))


def _seconds(answers: Iterable[Mapping[str, Any]]) -> list[float]:
    """How long the good answers took; no end where there are none."""
    return [each["seconds"] for each in answers if each["status"] == httpx.codes.OK] or [math.inf]


def _errors(answers: Sequence[Mapping[str, Any]]) -> int:
    return sum(each["status"] != httpx.codes.OK for each in answers)


def ten_best(server: Running, body: str) -> set[int]:
    """Where the ten best documents of a request stand in it."""
    headers = {"content-type": "application/json"}
    answer = httpx.post(server.url, content=body, headers=headers, timeout=120, trust_env=False)
    rows = sorted(answer.raise_for_status().json()["results"], key=lambda row: -float(row["relevance_score"]))
    return {row["index"] for row in rows[:10]}


def measure(servers: Mapping[str, Running], *, quick: bool, latest: float) -> dict[str, Server]:
    """Round after round, as long as there is time for another."""
    seen = {name: Server() for name in servers}
    asker = Asker()
    try:
        for body in Requests("warm").bodies(3, DOCUMENTS):  # all are warm then
            best = {name: ten_best(server, body) for name, server in servers.items()}
            for name, found in best.items():
                seen[name].shared.append(len(found & best[OURS]))
        for number in range(1 if quick else ROUNDS):
            began = monotonic()
            _round(asker, servers, seen, number, quick=quick)
            if monotonic() + (monotonic() - began) > latest:
                break
    finally:
        asker.close()
    for name, server in servers.items():
        seen[name].memory = memory(server.pid)
    return seen


def _round(
    asker: Asker, servers: Mapping[str, Running], seen: Mapping[str, Server], number: int, *, quick: bool
) -> None:
    for clients, requests in (FEWER if quick else REQUESTS).items():
        for name, server in servers.items():
            if clients == 1 or name in {OURS, INT8}:
                load = loaded(asker, server, (number, clients), clients, requests)
                seen[name].loads.setdefault(clients, []).append(load)
                print(
                    f"  round {number + 1}, {name}, {clients} clients: {load.rate:.2f} a second, {load.errors} errors",
                    file=sys.stderr,
                    flush=True,
                )
    for name in (name for name in (OURS, INT8) if name in servers):
        found = small_ones(asker, servers[name], (number, "small"), LARGE // 4 if quick else LARGE)
        seen[name].small.append(found)
        _say(f"round {number + 1}, {name}, small: {found.times:.2f} times as long")


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def their_versions(infinity: Path) -> str:
    """What is installed beside infinity."""
    code = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {THEIRS!r}))"
    python = infinity / "bin" / "python"
    if not python.exists():
        return "nothing, as it is not installed"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    return done.stdout.strip()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round, with a large request of a quarter")
    parser.add_argument("--minutes", type=float, default=11.0, help="no round is begun that would end later")
    parser.add_argument("--infinity", type=Path, default=Path(".venv-infinity"), help="its virtual environment")
    parser.add_argument("--write", type=Path, help="write the section into this page too")
    arguments = parser.parse_args()
    latest, cores = monotonic() + 60 * arguments.minutes, len(os.sched_getaffinity(0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # the servers are ended too
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, infinity = Path(name), arguments.infinity.absolute()
        for_onnx(folder / "onnx")
        for_torch(folder / "torch")
        servers = dict(started(folder, infinity, stack))
        seen = measure(servers, quick=arguments.quick, latest=latest)
    rounds = len(seen[OURS].small)
    heading = _HEADING.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
        versions=versions(PACKAGES),
        theirs=their_versions(infinity),
        documents=DOCUMENTS,
        rounds=rounds,
        s="s" * (rounds > 1),
        small=SMALL,
        large=LARGE // 4 if arguments.quick else LARGE,
    )
    text = f"{heading}\n{report(seen, cores)}\n"
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(between(arguments.write.read_text("utf-8"), text), "utf-8")


if __name__ == "__main__":
    main()

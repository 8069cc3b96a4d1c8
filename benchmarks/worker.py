"""One system in a process of its own: it answers one line of JSON on stdin with one on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from systems import EMBEDDED, SIZED, SYSTEMS, ours


def main(name: str, weights: str, cores: str) -> None:
    """Load the system, then score what comes in until the input ends."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the libraries print goes elsewhere
    started = time.perf_counter()
    try:
        score = {**SYSTEMS, **SIZED, EMBEDDED: ours}[name](Path(weights))
        score("a query to warm up", ["a text"])
    except ImportError as error:
        print(json.dumps({"skipped": str(error)}), file=answers, flush=True)
        return
    print(json.dumps({"cold": time.perf_counter() - started, "peak": peak()}), file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        begin = time.perf_counter()
        if job["callers"] == 1:
            scores = [list(score(query, texts)) for query, texts in job["queries"]]
        else:
            with ThreadPoolExecutor(job["callers"]) as callers:
                scores = list(callers.map(lambda each: list(score(*each)), job["queries"]))
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "scores": scores, "peak": peak()}), file=answers, flush=True)


def peak() -> float:
    """The most memory this process has held, in MB; `getrusage` would begin with what its parent held."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])

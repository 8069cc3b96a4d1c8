"""What the worker processes of a server need in memory, and how late an event loop is beside a ranking.

    python benchmarks/workers.py

Linux only: memory is read from /proc, where what processes share counts in equal parts for each.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

CANDIDATES = 50
RETRIEVERS: list[Any] = []  # what is loaded before workers are forked


def texts() -> list[str]:
    """Passages of Python's documentation."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    from passages import standard_library

    return [each.text for each in standard_library()[:1000]]


def loaded() -> Any:
    """A retriever that reranks, as a server has one, and its first answer."""
    from langchain_rerank_kit import BM25Retriever, with_rerank
    from rerank_kit.local import OnnxCrossEncoder

    return with_rerank(BM25Retriever.from_texts(texts()), OnnxCrossEncoder(threads=1), recall=CANDIDATES)


def memory() -> tuple[float, float]:
    """Megabytes of this process: its share of what it holds together with others, and what is its own alone."""
    found: dict[str, float] = {}
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = found.get(name, 0.0) + float(rest.split()[0]) / 1024
    return found["Pss"], found["Private_Clean"] + found["Private_Dirty"]


def work(together: Barrier, answers: Any) -> None:
    """One worker: load if nothing was before the fork, answer, wait for the others, and tell."""
    retriever = RETRIEVERS[0] if RETRIEVERS else loaded()
    for number in range(3):
        retriever.invoke(f"How do I compare {number} files?")
    together.wait()
    found = memory()
    together.wait()  # nobody ends while another one measures
    answers.put(found)


def measured(way: str, workers: int) -> None:
    """Run workers and print what they told."""
    context: Any = multiprocessing.get_context("fork" if way == "fork" else "spawn")
    together, answers = context.Barrier(workers), context.Queue()
    running = [context.Process(target=work, args=(together, answers)) for _ in range(workers)]
    for each in running:
        each.start()
    told = [answers.get() for _ in running]
    for each in running:
        each.join()
    shares, own = zip(*told, strict=True)
    print(f"{way:6} {workers} workers: {sum(shares):5.0f} MB together, {max(own):4.0f} MB of one's own")


async def lateness() -> None:
    """How late an event loop is while a ranking runs."""
    retriever = loaded()
    await retriever.ainvoke("How do I remove a folder?")
    ranking = asyncio.ensure_future(retriever.ainvoke("How do I compare two files?"))
    late: list[float] = []
    while not ranking.done():
        started = time.perf_counter()
        await asyncio.sleep(0.01)
        late.append(time.perf_counter() - started - 0.01)
    print(
        f"a tick of 10 ms was {1000 * sorted(late)[len(late) // 2]:.1f} ms late in the median of {len(late)}, ", end=""
    )
    print(f"{1000 * max(late):.0f} ms at most")


def main() -> None:
    """Measure workers that load for themselves, and workers forked from one that has loaded."""
    for workers in (1, 2, 4):
        measured("spawn", workers)
    asyncio.run(lateness())
    RETRIEVERS.append(loaded())
    RETRIEVERS[0].invoke("How do I remove a folder?")  # a master that has answered, too
    for workers in (2, 4):
        measured("fork", workers)


if __name__ == "__main__":
    main()

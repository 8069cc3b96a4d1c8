"""How long 256 calls at once take against a server that answers after 200 ms, for each way to call.

The server runs in a process of its own. `python benchmarks/managed_load.py`
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from rerank_kit.managed import Cohere, ManagedReranker, Voyage
from rerank_kit.testing import RerankServer, slow

CALLS = 256
WAIT = 0.2  # seconds
DOCUMENTS = ["a text of no great length, as passages go"] * 20


def serve(pipe: Connection) -> None:
    """Serve until the pipe says otherwise."""
    with RerankServer() as server:
        server.fail(slow(WAIT), times=None)
        pipe.send({"voyage": server.base_url("voyage"), "cohere": server.base_url("cohere")})
        pipe.recv()


async def on_a_loop(reranker: ManagedReranker, calls: int) -> float:
    """Seconds for so many calls at once on one loop."""
    await reranker.arerank("warm up", DOCUMENTS)
    started = time.perf_counter()
    await asyncio.gather(*(reranker.arerank("a question", DOCUMENTS) for _ in range(calls)))
    return time.perf_counter() - started


def in_threads(reranker: ManagedReranker, calls: int) -> float:
    """Seconds for so many calls in as many threads."""
    with ThreadPoolExecutor(calls) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: reranker.rerank("a question", DOCUMENTS), range(calls)))
        return time.perf_counter() - started


def main() -> None:
    """Print a line for each."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    urls = here.recv()
    for reranker in (
        Voyage("rerank-2.5", api_key="key", base_url=urls["voyage"]),
        Cohere("rerank-v4.0-fast", api_key="key", base_url=urls["cohere"]),
    ):
        name = type(reranker).__name__
        print(f"{name}: {CALLS} async calls in {asyncio.run(on_a_loop(reranker, CALLS)):.2f} s")
        print(f"{name}: {CALLS} calls in threads in {in_threads(reranker, CALLS):.2f} s")
        reranker.close()
    here.send("enough")
    process.join()


if __name__ == "__main__":
    main()

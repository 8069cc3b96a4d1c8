"""Connections are pooled, belong to one loop or one process, and are closed in time."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from rerank_kit import ConnectionFailed, MissingExtra
from rerank_kit.api.client_pool import Pool
from rerank_kit.api.http import no_response
from rerank_kit.managed import Endpoint, Jina, Voyage
from rerank_kit.testing import RerankServer, slow
from tests.apis import DOCUMENTS, ORDER, QUERY, Make
from tests.processes import python
from tests.servers import eventually


def test_connections_are_kept_for_the_next_request(server: RerankServer, make: Make) -> None:
    reranker = make(server)
    for _ in range(5):
        reranker.rerank(QUERY, DOCUMENTS)
    assert server.connections == 1


def test_each_running_loop_has_a_client_of_its_own_which_ends_with_it(server: RerankServer, make: Make) -> None:
    reranker = make(server)

    async def twice() -> int:
        await reranker.arerank(QUERY, DOCUMENTS)
        await reranker.arerank(QUERY, DOCUMENTS)
        return server.connections

    for _ in range(3):
        assert asyncio.run(twice()) == 1
        assert eventually(lambda: server.connections == 0)


def test_loops_in_threads_share_a_reranker(server: RerankServer, make: Make) -> None:
    reranker = make(server)

    async def ask() -> list[int]:
        return [hit.index for hit in await reranker.arerank(QUERY, DOCUMENTS)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: asyncio.run(ask()), range(12))) == [ORDER] * 12


def test_a_with_block_closes_and_a_closed_reranker_opens_again(server: RerankServer, make: Make) -> None:
    with make(server) as reranker:
        reranker.rerank(QUERY, DOCUMENTS)
    assert eventually(lambda: server.connections == 0)
    assert len(reranker.rerank(QUERY, DOCUMENTS)) == len(DOCUMENTS)


def test_an_async_with_block_closes_both_kinds(server: RerankServer, make: Make) -> None:
    async def block() -> bool:
        async with make(server) as reranker:
            reranker.rerank(QUERY, DOCUMENTS)
            await reranker.arerank(QUERY, DOCUMENTS)
        return await asyncio.to_thread(eventually, lambda: server.connections == 0)

    assert asyncio.run(block())


def test_a_forgotten_reranker_is_closed(server: RerankServer) -> None:
    Voyage("rerank-3", api_key="key", base_url=server.base_url("voyage")).rerank(QUERY, DOCUMENTS)
    gc.collect()
    assert eventually(lambda: server.connections == 0)


def test_copies_have_connections_of_their_own(server: RerankServer, make: Make) -> None:
    reranker = make(server)
    reranker.rerank(QUERY, DOCUMENTS)
    other = copy.copy(reranker)
    other.rerank(QUERY, DOCUMENTS)
    assert server.connections == 2
    other.close()
    assert eventually(lambda: server.connections == 1)


def test_closing_what_was_never_opened_does_nothing(server: RerankServer, make: Make) -> None:
    reranker = make(server)
    reranker.close()
    asyncio.run(reranker.aclose())


def _in_a_child(url: str, reranker: Any, answers: Any) -> None:
    answers.put([hit.index for hit in reranker.rerank(QUERY, DOCUMENTS)])
    reranker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_makes_connections_of_its_own(server: RerankServer) -> None:
    reranker = Jina("jina-reranker-m0", api_key="key", base_url=server.base_url("jina"))
    reranker.rerank(QUERY, DOCUMENTS)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(server.url, reranker, answers))
    child.start()
    assert answers.get(timeout=30) == ORDER
    child.join()
    assert [hit.index for hit in reranker.rerank(QUERY, DOCUMENTS)] == ORDER
    reranker.close()


def test_a_client_of_a_loop_that_was_dropped_is_forgotten() -> None:
    made: list[int] = []
    closed: list[int] = []

    async def close() -> None:
        closed.append(1)

    def amake() -> tuple[int, Any]:
        made.append(1)
        return len(made), close

    pool = Pool[None, int](lambda: (None, lambda: None), amake)

    async def use() -> None:
        async with pool.aclient():
            pass

    for _ in range(2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(use())
        loop.close()  # not the way of asyncio.run, which would have closed the client first
    assert len(made) == 2
    assert len(pool._loops) == 1


@pytest.mark.unmeasured  # many times the same lines
def test_many_async_calls_are_in_flight_at_once(server: RerankServer, make: Make) -> None:
    server.fail(slow(0.5), times=None)
    threads = threading.active_count()
    seen: list[int] = []

    async def all_of_them() -> int:
        reranker = make(server)
        tasks = [asyncio.create_task(reranker.arerank(QUERY, DOCUMENTS)) for _ in range(256)]
        while server.most_at_once < 100:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.005)
        seen.append(threading.active_count())
        return len(await asyncio.gather(*tasks))

    assert asyncio.run(all_of_them()) == 256
    assert server.most_at_once >= 100
    assert seen[0] - threads <= server.most_at_once + 256  # one for each connection of the server, none of ours


def test_an_async_client_carries_no_more_than_its_share() -> None:
    made: list[int] = []

    async def close() -> None:
        made.pop()

    def amake() -> tuple[int, Any]:
        made.append(1)
        return len(made), close

    pool = Pool[None, int](lambda: (None, lambda: None), amake)

    async def use(go: asyncio.Event) -> int:
        async with pool.aclient() as client:
            await go.wait()
        return client

    async def crowd(size: int) -> list[int]:
        go = asyncio.Event()
        tasks = [asyncio.create_task(use(go)) for _ in range(size)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*tasks)

    async def crowds() -> None:
        for _ in range(2):  # the second time nothing has to be made
            used = await crowd(40)
            assert [used.count(client) for client in (1, 2, 3)] == [16, 16, 8]
        assert await crowd(1) == [1]

    asyncio.run(crowds())
    assert made == []


def test_importing_and_making_a_reranker_loads_no_http_client() -> None:
    code = (
        "import sys; from rerank_kit.managed import Voyage, Endpoint; import rerank_kit.testing;"
        "Voyage('rerank-3', api_key='key'); Endpoint('http://host'); print(*sys.modules)"
    )
    done = python("-c", code)
    assert {"httpx", "cohere", "pydantic"}.isdisjoint(done.stdout.split())


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[http\]"'):
        Endpoint("http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "cohere", None)
    from rerank_kit.managed import Cohere

    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[cohere\]"'):
        Cohere("rerank-v3.5", api_key="key")


def test_an_error_without_words_is_named_by_its_class() -> None:
    error = no_response(httpx.ReadError(""), "http://host", 1.0)
    assert isinstance(error, ConnectionFailed)
    assert str(error) == "http://host: ReadError"

"""The server for tests is itself a promise: users test their own fallbacks with it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpx
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.managed import Voyage
from rerank_kit.testing import (
    ChatServer,
    DecisionServer,
    Fault,
    RerankServer,
    cut_connection,
    slow,
    status,
    too_many_requests,
    unsorted,
    words_in_common,
)
from tests import apis
from tests.apis import DOCUMENTS, QUERY
from tests.doubles import Scripted
from tests.servers import eventually, server

__all__ = ["server"]


def test_it_scores_with_any_reranker_or_function() -> None:
    with RerankServer(Scripted()) as server, apis.voyage(server) as reranker:
        assert [hit.score for hit in reranker.rerank(QUERY, ["low 1", "high 3", "middle 2"])] == [3.0, 2.0, 1.0]
    with RerankServer(lambda query, text: len(text) / 100) as server, apis.voyage(server) as reranker:
        assert [hit.index for hit in reranker.rerank(QUERY, ["a", "abc", "ab"])] == [1, 2, 0]


def test_by_default_it_counts_words_in_common() -> None:
    assert words_in_common("a b c d", "d e A") == 0.5


def test_faults_come_in_the_order_given_and_then_it_recovers(server: RerankServer) -> None:
    reranker = apis.voyage(server)
    server.fail(status(503))
    server.fail(cut_connection(), times=2)
    server.fail(status(500), times=None)
    assert _statuses(server, reranker, 4) == [503, 0, 0, 500]
    server.recover()
    assert _statuses(server, reranker, 1) == [200]


@pytest.mark.parametrize("kind", [RerankServer, ChatServer, DecisionServer])
def test_what_is_no_fault_is_refused_with_the_right_way(kind: type[RerankServer]) -> None:
    told = {"429": r"status\(429\)", 503: r"status\(503\)", too_many_requests: r"too_many_requests\(\)"}
    with kind() as server:
        for given, right in told.items():
            wrong: Any = given
            with pytest.raises(ConfigurationError, match=rf"^fault must be a Fault, not .*server\.fail\({right}\)"):
                server.fail(wrong)
            with pytest.raises(ConfigurationError, match=r"^fault must be a Fault"):
                server.fail_at_random([slow(0), wrong], chance=1)
            if isinstance(server, ChatServer | DecisionServer):
                with pytest.raises(ConfigurationError, match=r"^fault must be a Fault"):
                    server.on("a text", wrong)
        assert server.begin().name == "none"
        server.end()


def _statuses(server: RerankServer, reranker: Voyage, count: int) -> list[int]:
    from contextlib import suppress

    from rerank_kit import RerankError

    reranker.max_retries = 0
    before = len(server.received)
    for _ in range(count):
        with suppress(RerankError):
            reranker.rerank(QUERY, DOCUMENTS)
    return [each.status for each in server.received[before:]]


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    seen: list[list[int]] = []
    for _ in range(2):
        with RerankServer() as server, apis.voyage(server) as reranker:
            server.fail_at_random([status(500), status(503), unsorted()], chance=0.5, seed=3)
            seen.append(_statuses(server, reranker, 30))
    assert seen[0] == seen[1]
    assert set(seen[0]) == {200, 500, 503}


def test_requests_are_kept_as_they_came(server: RerankServer) -> None:
    apis.voyage(server).rerank(QUERY, DOCUMENTS)
    (received,) = server.received
    assert (received.format, received.path, received.status) == ("voyage", "/v1/rerank", 200)
    assert received.body["documents"] == DOCUMENTS
    assert received.headers["authorization"] == f"Bearer {apis.KEY}"


@pytest.mark.parametrize(
    ("path", "body", "code", "told"),
    [
        ("/cohere/v2/rerank", {"query": " ", "documents": ["a"]}, 400, "query must not be empty"),
        ("/cohere/v2/rerank", {"query": "a", "documents": []}, 400, "must be a list that is not empty"),
        ("/cohere/v2/rerank", {"query": "a", "documents": ["a", " "]}, 400, "document at index 1 cannot be empty"),
        ("/tei/rerank", {"query": "a", "texts": ["a"] * 33}, 422, "batch size 33 > maximum allowed batch size 32"),
        ("/cohere/v1/rerank", {"query": "a"}, 404, "Not Found"),
        ("/nobody/rerank", {"query": "a"}, 404, "Not Found"),
        ("/vllm/v1/models", None, 200, "vllm"),
        ("/vllm/info", None, 404, "Not Found"),
    ],
)
def test_it_is_as_strict_as_the_real_ones(
    server: RerankServer, path: str, body: dict[str, object] | None, code: int, told: str
) -> None:
    with httpx.Client(base_url=server.url) as client:
        answer = client.get(path) if body is None else client.post(path, json=body)
    assert answer.status_code == code
    assert told in answer.text


def test_top_n_is_honoured(server: RerankServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        body = {"query": "a", "documents": ["a", "b"], "top_n": 1}
        assert len(client.post("/cohere/v2/rerank", json=body).json()["results"]) == 1


def test_a_format_that_it_does_not_speak_is_an_error(server: RerankServer) -> None:
    with pytest.raises(ConfigurationError, match="format must be one of cohere"):
        server.base_url("gopher")


def test_closing_ends_requests_that_are_under_way() -> None:
    before = threading.active_count()
    with RerankServer() as server:
        server.fail(slow(3600), times=None)
        server.fail(Fault("drips", pause=3600), times=1)
        rerankers = [apis.voyage(server, max_retries=0) for _ in range(2)]
        threads = [threading.Thread(target=_asked, args=(each,)) for each in rerankers]
        for thread in threads:
            thread.start()
        assert eventually(lambda: server.most_at_once == 2)
    for thread in threads:
        thread.join()
    for each in rerankers:
        each.close()
    assert server.connections == 0
    assert threading.active_count() == before


def _asked(reranker: Voyage) -> None:
    from contextlib import suppress

    from rerank_kit import RerankError

    with suppress(RerankError):
        reranker.rerank(QUERY, DOCUMENTS)


def refused(*_: object, **__: object) -> socket.socket:
    raise ConnectionRefusedError


def blocked(*_: object, **__: object) -> socket.socket:
    msg = "no sockets in tests"
    raise RuntimeError(msg)


@pytest.mark.parametrize("patched", [refused, blocked])
def test_it_closes_also_where_nothing_can_connect(monkeypatch: pytest.MonkeyPatch, patched: Any) -> None:
    server = RerankServer()
    monkeypatch.setattr(socket, "create_connection", patched)
    server.close()
    assert not server._server.thread.is_alive()


def test_it_closes_also_when_its_socket_is_closed_already() -> None:
    server = RerankServer()
    server._server.socket.close()
    server.close()
    assert not server._server.thread.is_alive()


def test_closing_twice_and_closing_is_seen_by_nobody(server: RerankServer) -> None:
    server.close()
    server.close()
    assert (server.received, server.most_at_once, server.connections) == ([], 0, 0)

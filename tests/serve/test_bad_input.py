"""Whatever comes over the network costs its sender an error, and nobody else anything."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from rerank_kit import Reranker
from rerank_kit.managed import Limits
from rerank_kit.serve import rerank_app
from rerank_kit.serve.wanted import PATHS
from tests.doubles import Gated, Scripted
from tests.serve.conftest import Serving, counts
from tests.serve.talking import answer, becomes, connected, head, ranking

PRIVATE = "a text that is nobody else's business"
BODY = json.dumps({"query": "q", "documents": ["x 0.5"]}).encode()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"\xff\xfe", b'{"query": "q"', b"[" * 100_000, b'"' + PRIVATE.encode(), b"\x00" * 9]
)
def test_what_is_no_json_is_a_400(serving: Serving, path: str, body: bytes) -> None:
    client = serving(Scripted())
    refused = client.post(path, content=body)
    assert refused.status_code == 400
    assert PRIVATE not in refused.text
    assert ranking(client, ["x 0.5"], path).status_code == 200


def test_ten_thousand_documents_are_refused_unranked(serving: Serving) -> None:
    reranker = Scripted()
    client = serving(reranker)
    refused = ranking(client, ["x 0.5"] * 10_000)
    assert refused.status_code == 400
    assert "maximum allowed batch size 1000" in refused.json()["detail"]
    assert reranker.sent == []
    assert counts(client)['refused_total{reason="invalid"}'] == 1


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 1_000_000


@pytest.mark.parametrize("length", ["said", "unsaid"])
def test_a_body_of_50_megabytes_is_refused_before_it_is_read(serving: Serving, length: str) -> None:
    client = serving(Scripted())
    refused = client.post("/v2/rerank", content=b" " * 50_000_000 if length == "said" else pieces(50))
    assert refused.status_code == 413
    assert refused.json() == {"message": "the body has more than 10000000 bytes: send fewer or shorter documents"}
    assert becomes(client, held_bytes=0)
    assert ranking(client, ["x 0.5"]).status_code == 200


def test_a_length_that_is_said_is_refused_without_waiting_for_the_rest(serving: Serving) -> None:
    client = serving(Scripted())
    with connected(client) as connection:
        connection.sendall(head("/rerank", "content-length: 99999999999"))
        assert answer(connection).startswith(b"HTTP/1.1 413 ")


def test_who_sends_slowly_is_told_so_and_holds_up_nobody(serving: Serving) -> None:
    client = serving(Scripted(), in_flight=1, queue=0, body_timeout=3.0)
    slow = [connected(client) for _ in range(10)]
    for each in slow:
        each.sendall(head("/v2/rerank", f"content-length: {len(BODY)}") + BODY[:9])
    assert becomes(client, held_bytes=10 * 9)
    assert ranking(client, ["x 0.5"]).status_code == 200
    for each in slow:
        assert b'{"message":"the body did not come within 3 s"}' in answer(each)
        each.close()
    assert becomes(client, held_bytes=0)
    assert counts(client)['refused_total{reason="slow"}'] == 10


def test_no_more_is_held_of_all_bodies_together_than_of_those_that_may_wait(serving: Serving) -> None:
    client = serving(Scripted(), in_flight=1, queue=0, limits=Limits(bytes=1000))
    with connected(client) as first, connected(client) as second:
        first.sendall(head("/v2/rerank", "content-length: 999") + b" " * 600)
        assert becomes(client, held_bytes=600)
        second.sendall(head("/v2/rerank", "content-length: 999") + b" " * 600)
        assert answer(second).startswith(b"HTTP/1.1 429 ")
    assert becomes(client, held_bytes=0, gone_total=1)


def test_hundreds_of_idle_connections_keep_nobody_out(serving: Serving) -> None:
    client = serving(Scripted())
    idle = [connected(client) for _ in range(300)]
    for place, each in enumerate(idle):
        each.sendall(head("/v2/rerank", "content-length: 9")[: place % 60])
    assert ranking(client, ["x 0.5"]).status_code == 200
    for each in idle:
        each.close()
    assert ranking(client, ["x 0.5"]).status_code == 200


def test_a_connection_on_which_no_head_comes_is_closed(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rerank_kit.serve.listening._HEAD", 0.5)
    client = serving(Scripted())
    answered = head("/rerank", f"content-length: {len(BODY)}") + BODY
    for begun in (b"", answered[:20], answered):
        with connected(client) as connection:
            connection.sendall(begun)
            if begun == answered:
                assert answer(connection).startswith(b"HTTP/1.1 200 ")
                connection.sendall(answered[:20])
            assert connection.recv(100) == b""


def test_a_head_that_came_in_time_gives_its_request_all_the_time_it_needs(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rerank_kit.serve.listening._HEAD", 0.5)
    reranker = Gated()
    client = serving(reranker)
    threading.Timer(1.2, reranker.gate.set).start()
    assert ranking(client, ["x 0.5"]).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_half_a_character_is_ranked_and_sent_back_as_something_that_can_be(serving: Serving, path: str) -> None:
    body = b'{"query": "q \\ud83d", "documents": ["x \\ud83d 0.5"], "return_documents": true}'
    told = serving(Scripted()).post(path, content=body)
    assert (told.status_code, len(told.json()["results"])) == (200, 1)


@pytest.mark.parametrize("sent", [head("/rerank")[:20], head("/rerank", f"content-length: {len(BODY)}") + BODY[:5]])
def test_a_connection_that_ends_in_the_middle_is_forgotten(serving: Serving, sent: bytes) -> None:
    reranker = Scripted()
    client = serving(reranker)
    with connected(client) as connection:
        connection.sendall(sent)
    assert becomes(client, held_bytes=0, queue_depth=0)
    assert ranking(client, ["x 0.5"]).status_code == 200
    assert len(reranker.sent) == 1


def test_who_closes_one_half_has_gone(serving: Serving) -> None:
    reranker = Gated()
    client = serving(reranker)
    try:
        with connected(client) as connection:
            connection.sendall(head("/rerank", f"content-length: {len(BODY)}") + BODY)
            assert becomes(client, in_flight=1)
            connection.shutdown(socket.SHUT_WR)
            assert becomes(client, in_flight=0, gone_total=1)
    finally:
        reranker.gate.set()


@pytest.mark.parametrize(
    "headers",
    [
        ("content-length: 5", "content-length: 6"),
        ("content-length: 5, 6",),
        ("content-length: -1",),
        ("content-length: five",),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_or_none_is_a_400(serving: Serving, headers: tuple[str, ...]) -> None:
    reranker = Scripted()
    client = serving(reranker)
    with connected(client) as connection:
        connection.sendall(head("/rerank", *headers) + BODY)
        assert answer(connection).startswith(b"HTTP/1.1 400 ")
    assert reranker.sent == []
    assert ranking(client, ["x 0.5"]).status_code == 200


def test_a_head_without_end_is_cut_off(serving: Serving) -> None:
    reranker = Scripted()
    client = serving(reranker)
    with connected(client) as connection, suppress(ConnectionResetError):
        connection.sendall(head("/rerank", "x: " + "x" * 200_000) + BODY)
        assert answer(connection).startswith(b"HTTP/1.1 400 ")
    assert reranker.sent == []
    assert ranking(client, ["x 0.5"]).status_code == 200


def test_no_text_is_logged_whatever_happens(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    def fails(text: str) -> float:
        raise ValueError(text)

    client = serving({"right": Scripted(lambda text: 0.5), "wrong": Scripted(fails)})
    with caplog.at_level(logging.INFO):
        for model, path, status in [("right", "/rerank", 200), ("wrong", "/v2/rerank", 500), ("none", "/rerank", 404)]:
            told = client.post(path, json={"query": PRIVATE, "documents": [PRIVATE], "model": model, PRIVATE: PRIVATE})
            assert told.status_code == status
            assert PRIVATE not in told.text
        client.post(f"/rerank?{PRIVATE}", content=PRIVATE)
    logged = [record for record in caplog.records if record.name != "httpx"]
    assert len([each for each in logged if each.name == "rerank_kit.serve"]) == 5
    assert not [each for each in logged if PRIVATE in each.getMessage() or each.exc_info]


@pytest.mark.parametrize("name", ["mine-1:2.3_4", "", "two words", "x" * 200, "a\x7f"])
def test_a_request_goes_by_the_name_that_it_comes_with_if_that_is_one(
    serving: Serving, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.INFO, "rerank_kit.serve"):
        told = ranking(serving(Scripted()), ["x 0.5"], headers={"x-request-id": name})
    assert (told.headers["x-request-id"] == name) == name.startswith("mine")
    assert told.json()["id"] == told.headers["x-request-id"]
    (record,) = (each for each in caplog.records if each.name == "rerank_kit.serve")
    assert record.getMessage().startswith(f"{told.headers['x-request-id']} jina 200: 1 documents in ")


def test_the_app_takes_part_in_another_one(serving: Serving) -> None:
    outer = Starlette(routes=[Mount("/ranked", rerank_app(Scripted()))])
    with TestClient(outer) as client:
        told = client.post("/ranked/rerank", json={"query": "q", "texts": ["x 0.5"]})
        assert told.json() == [{"index": 0, "score": 0.5, "text": None}]
        told = client.post("/ranked/v2/rerank", json={"query": "q"})
        assert set(told.json()) == {"message"}
        assert set(client.post("/ranked/v2/rerank", content=b"x" * 10_000_001).json()) == {"message"}
        assert client.post("/ranked/v2/nothing").status_code == 404


def test_a_server_may_say_more_than_once_that_the_body_is_over() -> None:
    sent: list[Any] = []

    async def asked() -> None:
        messages = iter([{"type": "http.request", "body": BODY}, {"type": "http.request"}, {"type": "http.request"}])

        async def receive() -> Any:
            try:
                return next(messages)
            except StopIteration:
                await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/rerank",
            "query_string": b"",
            "headers": [],
        }
        await rerank_app(Reranker.of(slowly))(scope, receive, send)

    async def slowly(query: str, texts: list[str]) -> list[float]:
        await asyncio.sleep(0.05)
        return [0.5 for _ in texts]

    asyncio.run(asked())
    assert sent[0]["status"] == 200


def test_an_app_that_fails_says_what_kind_of_error(serving: Serving) -> None:
    client = serving(Scripted(lambda text: 1 / 0))
    assert ranking(client, ["x"]).json()["detail"] == "the reranker failed (ZeroDivisionError)"
    assert isinstance(client, httpx.Client)

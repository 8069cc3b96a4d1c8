"""Paths and heads as clients and proxies make them."""

from __future__ import annotations

import gzip
import json

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from rerank_kit.serve import rerank_app
from tests.doubles import Scripted
from tests.serve.conftest import Serving, counts
from tests.serve.talking import answer, connected, head

BODY = {"query": "q", "documents": ["x 0.5"]}
PATHS = ["/v2/rerank/", "//v2/rerank", "//v1//rerank/", "/rerank/"]


@pytest.mark.parametrize("path", PATHS)
def test_a_slash_too_many_is_none(serving: Serving, path: str) -> None:
    client = serving(Scripted())
    told = client.post(f"{client.base_url}{path}", json=BODY)
    assert (told.status_code, len(told.json()["results"])) == (200, 1)
    assert ("usage" in told.json()) == ("v2" not in path)
    assert sum(number for name, number in counts(client).items() if name.startswith("requests_total")) == 1


@pytest.mark.parametrize("path", [*PATHS, "/health/", "/v1//models"])
def test_a_slash_too_many_is_none_below_another_app(path: str) -> None:
    with TestClient(Starlette(routes=[Mount("/ranked", rerank_app(Scripted()))])) as client:
        told = client.get(f"/ranked{path}") if "rerank" not in path else client.post(f"/ranked{path}", json=BODY)
        assert told.status_code == 200


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "/rerank", "POST"), ("PUT", "/health", "GET, HEAD")])
def test_a_wrong_method_is_told_the_right_one(serving: Serving, method: str, path: str, allowed: str) -> None:
    refused = serving(Scripted()).request(method, path)
    assert refused.status_code == 405
    assert ", ".join(sorted(refused.headers["allow"].split(", "))) == allowed


def test_a_compressed_body_is_refused_with_the_remedy(serving: Serving) -> None:
    client = serving(Scripted())
    body = gzip.compress(json.dumps(BODY).encode())
    refused = client.post("/v2/rerank", content=body, headers={"content-encoding": "gzip"})
    assert refused.status_code == 415
    assert refused.json() == {"message": "the body is compressed: send it as it is, without Content-Encoding"}
    plain = client.post("/v2/rerank", json=BODY, headers={"content-encoding": "Identity"})
    assert plain.status_code == 200


def test_documents_that_are_null_are_not_there(serving: Serving) -> None:
    told = serving(Scripted()).post("/rerank", json={"query": "q", "documents": None, "texts": ["x 0.5"]})
    assert told.json() == [{"index": 0, "score": 0.5, "text": None}]


@pytest.mark.parametrize("path", ["/rerank", "/health"])
def test_two_ways_to_say_where_a_body_ends_are_a_400_and_the_end(serving: Serving, path: str) -> None:
    reranker = Scripted()
    client = serving(reranker)
    sent = json.dumps(BODY).encode()
    smuggled = head("/rerank", f"content-length: {len(sent)}") + sent
    with connected(client) as connection:
        connection.sendall(head(path, "content-length: 5", "transfer-encoding: chunked") + b"0\r\n\r\n" + smuggled)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 400 ")
    assert (received.count(b"HTTP/1.1"), reranker.sent) == (1, [])
    with connected(client) as connection:
        connection.sendall(smuggled)
        assert answer(connection).startswith(b"HTTP/1.1 200 ")

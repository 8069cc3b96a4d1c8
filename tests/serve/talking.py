"""Requests that no client would send, and clients that come and go as a test says."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from tests.serve.conftest import counts
from tests.servers import eventually


def connected(client: httpx.Client) -> socket.socket:
    """A connection to the server of a client, for bytes of any kind."""
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=10)


def head(path: str, *headers: str) -> bytes:
    """The head of a request."""
    lines = [f"POST {path} HTTP/1.1", "host: h", "content-type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode()


@contextmanager
def asking(client: httpx.Client, documents: list[str]) -> Generator[None]:
    """Ask for a ranking, and go at the end of the block."""
    body = json.dumps({"query": "which?", "documents": documents}).encode()
    with connected(client) as connection:
        connection.sendall(head("/v1/rerank", f"content-length: {len(body)}") + body)
        yield


def answer(connection: socket.socket) -> bytes:
    """What comes until the server closes, or a whole answer is there."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
        start, _, body = received.partition(b"\r\n\r\n")
        lengths = [line[16:] for line in start.split(b"\r\n") if line.startswith(b"content-length: ")]
        if lengths and len(body) >= int(lengths[0]):
            break
    return received


def beside(call: Callable[[], httpx.Response]) -> Future[httpx.Response]:
    """Have another thread ask."""
    threads = ThreadPoolExecutor(1)
    future = threads.submit(call)
    threads.shutdown(wait=False)
    return future


def becomes(client: httpx.Client, **gauges: int) -> bool:
    """Whether the metrics come to show these numbers."""

    def seen() -> bool:
        now = counts(client)
        return all(now[name] == value for name, value in gauges.items())

    return eventually(seen)


def ranking(client: httpx.Client, documents: list[str], path: str = "/v1/rerank", **more: Any) -> httpx.Response:
    """Ask for a ranking."""
    return client.post(path, json={"query": "which?", "documents": documents}, **more)

"""Looking a host up and connecting to it count, too, and every address that it has is tried."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConnectionFailed, DeadlineExceeded, RerankError
from tests.api.clients import CLIENTS
from tests.api.dribbling import DRIBBLES, dribbling
from tests.api.leaks import saying
from tests.api.tls_in_tls import answering, proxying
from tests.conftest import Colour

Make = Callable[..., Any]
BOTH = {name: CLIENTS[name] for name in ("Voyage", "Anthropic")}
"""One on each of the two libraries."""

_look_up = socket.getaddrinfo


def answer(_: bytes) -> bytes:
    return b"HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], list[str]]]:
    """What names there are, and which addresses they have."""
    known: dict[str, Callable[[], list[str]]] = {}

    def look_up(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        if host not in known:
            return _look_up(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in known[host]()]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_the_addresses_of_a_host_are_tried_one_after_the_other(
    make: Make, colour: Colour, hosts: dict[str, Callable[[], list[str]]]
) -> None:
    hosts["several.test"] = lambda: ["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"]
    hosts["last.test"] = lambda: ["127.0.0.2", "127.0.0.1"]
    hosts["none.test"] = lambda: ["127.0.0.2", "127.0.0.3"]
    with saying(answer) as url:
        for name in ("several.test", "last.test"):
            with pytest.raises(AuthenticationError):
                colour(make(url.replace("127.0.0.1", name)), "rerank", "q", ["a"])
        with pytest.raises(ConnectionFailed):
            colour(make(url.replace("127.0.0.1", "none.test")), "rerank", "q", ["a"])


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_a_host_that_is_not_known_is_a_failed_connection(
    make: Make, colour: Colour, hosts: dict[str, Callable[[], list[str]]]
) -> None:
    def unknown() -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    hosts["unknown.test"] = unknown
    with pytest.raises(ConnectionFailed, match="not known"):
        colour(make("http://unknown.test"), "rerank", "q", ["a"])


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_a_lookup_that_hangs_costs_no_more_than_the_time_allowed(
    make: Make, colour: Colour, hosts: dict[str, Callable[[], list[str]]]
) -> None:
    over = threading.Event()

    def hang() -> list[str]:
        over.wait(20)
        return ["127.0.0.1"]

    hosts["hangs.test"] = hang
    with pytest.raises(DeadlineExceeded):
        colour(make("http://hangs.test"), "rerank", "q", ["a"], timeout=0.05)
    assert not over.is_set()
    over.set()


def half_a_record() -> Iterator[bytes]:
    """The head of a record of TLS, and single bytes of the rest."""
    yield b"\x16\x03\x03\x40\x00"
    while True:
        yield b"\x02"


@pytest.mark.parametrize("pieces", [DRIBBLES["nothing"], half_a_record], ids=["nothing", "half a record"])
@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_shaking_hands_counts(make: Make, pieces: Callable[[], Iterator[bytes]], colour: Colour) -> None:
    with dribbling(pieces) as url, pytest.raises(RerankError) as caught:
        colour(make(url.replace("http:", "https:")), "rerank", "q", ["a"], timeout=0.1)
    assert isinstance(caught.value, DeadlineExceeded)


REFUSAL = (
    b"HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\nx: " + bytes(9000).replace(b"\0", b"x") + b"\r\n\r\n"
)


def piece_by_piece(outer: ssl.SSLSocket, data: bytes) -> None:
    """So slowly that it lasts, and never so long that a read would time out."""
    for at in range(400):
        outer.sendall(data[at : at + 1])
        time.sleep(0.01)


INSIDE: dict[str, tuple[type[RerankError], Callable[[ssl.SSLSocket], None]]] = {
    "an answer": (AuthenticationError, lambda outer: answering(outer, REFUSAL, outer.sendall)),
    "an answer, piece by piece": (
        DeadlineExceeded,
        lambda outer: answering(outer, REFUSAL, lambda data: piece_by_piece(outer, data)),
    ),
    "shaking hands, piece by piece": (DeadlineExceeded, lambda outer: piece_by_piece(outer, b"\x16\x03\x03\x40" * 100)),
    "no TLS": (ConnectionFailed, lambda outer: outer.sendall(REFUSAL)),
    "an end": (ConnectionFailed, lambda outer: None),
    "an answer that is none": (
        ConnectionFailed,
        lambda outer: answering(outer, REFUSAL, lambda data: outer.sendall(data[:5] + bytes(len(data) - 5))),
    ),
}


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_tls_inside_tls_is_spoken_and_counts(
    name: str, make: Make, colour: Colour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, inside = INSIDE[name]
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    started = time.monotonic()
    with proxying(inside, tmp_path) as (proxy, trusted):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        with pytest.raises(RerankError) as caught:
            colour(make("https://localhost:9"), "rerank", "q", ["a"], timeout=0.5 if kind is DeadlineExceeded else 10)
    assert type(caught.value) is kind
    assert time.monotonic() - started < 3

"""A server that answers for ever, a little at a time, so that no single read of a client takes long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import repeat

from tests.api.listening import accepting

LONGEST = 10.0  # seconds: a client that waits for as long is not bounded

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def _byte_by_byte(before: bytes, forever: bytes) -> Iterator[bytes]:
    yield before
    yield from repeat(forever)


DRIBBLES: dict[str, Callable[[], Iterator[bytes]]] = {
    "nothing": lambda: repeat(b""),
    "bytes of the status": lambda: _byte_by_byte(b"HTTP/1.1 200 ", b"O"),
    "bytes of a header": lambda: _byte_by_byte(_HEAD + b"x-slow: ", b"x"),
    "headers": lambda: _byte_by_byte(_HEAD, b"x: y\r\n"),
    "100 Continue": lambda: repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "digits of a chunk's size": lambda: _byte_by_byte(_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"0"),
    "chunks": lambda: _byte_by_byte(_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "trailers": lambda: _byte_by_byte(_HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"a: b\r\n"),
    "a body that stalls": lambda: _byte_by_byte(_HEAD + b"content-length: 999\r\n\r\n{", b""),
    "bytes of a body": lambda: _byte_by_byte(_HEAD + b"content-length: 999999\r\n\r\n", b" "),
    "a body without an end": lambda: _byte_by_byte(_HEAD + b"\r\n", b" "),
    "the body of an error": lambda: _byte_by_byte(b"HTTP/1.1 500 No\r\ncontent-length: 999999\r\n\r\n", b" "),
}


@contextmanager
def dribbling(pieces: Callable[[], Iterator[bytes]], pause: float = 0.005) -> Generator[str]:
    """A server that answers every request so, with so many seconds between two pieces: its address."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        for _, piece in zip(range(int(LONGEST / pause)), pieces(), strict=False):
            connection.sendall(piece)
            if over.wait(pause):
                return

    with accepting(answer) as place:
        yield f"http://{place}"
        over.set()

"""A server that says whatever it is told to, and a search of all that can be seen of an error."""

from __future__ import annotations

import pickle
import socket
import traceback
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

from tests.api.listening import accepting

Answer = Callable[[bytes], bytes]
"""What a server answers to the head of a request; nothing at all cuts the connection."""


@contextmanager
def saying(answer: Answer) -> Generator[str]:
    """A server that gives every request that answer, then closes the connection: its address."""
    with accepting(lambda connection: _exchange(connection, answer)) as place:
        yield f"http://{place}"


def _exchange(connection: socket.socket, answer: Answer) -> None:
    connection.settimeout(5)
    read = b""
    while b"\r\n\r\n" not in read:
        read += _more(connection)
    head, _, body = read.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        body += _more(connection)
    connection.sendall(answer(head))


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionResetError
    return piece


def seen_of(error: BaseException) -> Iterator[str]:
    """All that can be seen of an error and of every other in its chain: texts, attributes, frames, pickles."""
    waiting, known = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        waiting += [other for other in (*each.args, *vars(each).values()) if isinstance(other, BaseException)]
        yield f"{each} {each!r} {each.args!r} {vars(each)!r}"
        yield "".join(traceback.TracebackException.from_exception(each, capture_locals=True).format())
        with suppress(Exception):
            yield repr(pickle.dumps(each))


def leaked(text: str, *keys: str) -> list[str]:
    """Which large pieces of the keys are in a text, however they are written down."""
    low = text.lower()
    return [each for key in keys for each in _pieces_of(key) if each in low]


@lru_cache
def _pieces_of(key: str) -> list[str]:
    return [each for form in _forms(key) for each in _pieces(form.lower())]


def _forms(key: str) -> list[str]:
    raw = key.encode()
    percent = "".join(f"%{each:02x}" for each in raw)
    escaped = "".join(f"\\u{each:04x}" for each in raw)
    shifted = [b64encode(b"x" * before + raw).decode().rstrip("=")[4:] for before in range(3)]
    return [key, raw.hex(), percent, escaped, *shifted]


def _pieces(form: str) -> Iterator[str]:
    step = 3 if form[0] == "%" else 6 if form[0] == "\\" else 1
    size = 8 * step
    pieces = (form[at : at + size] for at in range(0, len(form) - size + 1, step))
    return (each for each in pieces if not each.isdigit())  # which clocks and addresses write by chance

"""A server made of what it does with a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress


@contextmanager
def accepting(answer: Callable[[socket.socket], None]) -> Generator[str]:
    """Have a thread of its own deal with each connection, and close it then: where to connect to, as host and port."""

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=deal, args=(connection,), daemon=True).start()

    def deal(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)

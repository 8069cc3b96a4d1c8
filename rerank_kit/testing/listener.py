"""What listens for a server for tests: threads that keep no process alive, and sockets that end with their owner."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any
from weakref import WeakSet, proxy


class Listener(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, and answers with a handler, in a thread for each connection.

    Attributes:
        owner: Whose server it is. Once it is forgotten, requests fail.
        lock: The owner's, which is new in a forked process, since nobody there would release the old one.
        closing: Set from when it closes.
        connections: Those that are open.
        patience: Seconds that closing waits for a thread that does not end, as where a scorer hangs.
    """

    request_queue_size = 1024
    daemon_threads = True
    timeout = 0.05  # seconds until it is seen that it is closing, where no connection can tell
    patience = 5.0

    def __init__(self, owner: object, handler: type[BaseHTTPRequestHandler]) -> None:
        """Listen, and begin to serve.

        Raises:
            OSError: There is no port.
            RuntimeError: There are too many threads.
        """
        self.owner: Any = proxy(owner)  # which is not kept alive by being served
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()
        self._requests: WeakSet[threading.Thread] = WeakSet()
        self.thread = threading.Thread(target=self._serve, name="rerank-server", daemon=True)
        super().__init__(("127.0.0.1", 0), handler)
        try:
            self.thread.start()
        except RuntimeError:
            self.server_close()
            raise
        _LISTENERS.add(self)

    def close(self) -> None:
        """Stop listening, cut what is open, and wait until every thread has ended."""
        self.let_go()
        if self.thread.is_alive():  # not in a forked process, which has no thread
            self._wake()
        self.thread.join()
        self.cut()
        for each in list(self._requests):
            each.join(self.patience)
        self.server_close()

    def let_go(self) -> None:
        """Close, without waiting for anybody."""
        self.cut()  # first, so that no request that waits for the closing is answered
        self.closing.set()
        self.cut()

    def cut(self) -> None:
        """Cut every connection."""
        for each in list(self.connections):
            with suppress(OSError):  # the other side may have been first
                each.shutdown(socket.SHUT_RDWR)

    def after_fork(self) -> None:
        """Let go of what is the parent's, in a child, without a word to the other side."""
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.closing.set()
        for each in (self.socket, *self.connections):
            if each.fileno() >= 0:
                os.close(each.detach())
        self.connections.clear()

    def _serve(self) -> None:
        with suppress(OSError, ValueError):  # of a socket that is closed
            while not self.closing.is_set():
                self.handle_request()
        self.server_close()

    def _wake(self) -> None:
        """Make a connection, so that it is seen at once that it is closing."""
        with suppress(Exception):  # tests may have patched connecting, or used up all descriptors
            socket.create_connection(self.socket.getsockname(), timeout=1).close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the connection is served."""
        return not self.closing.is_set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own."""
        self.connections.add(request)
        work = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        work.start()
        self._requests.add(work)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to print, nor an owner that does."""


_LISTENERS: WeakSet[Listener] = WeakSet()


def _after_fork() -> None:
    for each in _LISTENERS:
        each.after_fork()


def _at_exit() -> None:
    for each in list(_LISTENERS):
        each.let_go()


with suppress(AttributeError):  # Windows cannot fork
    os.register_at_fork(after_in_child=_after_fork)

# Functions of atexit are called when all threads have ended, and a thread of a user's may wait for an answer from here.
# concurrent.futures has the same need, and no public way either. It waits for its threads: what is registered last is
# called first.
import_module("concurrent.futures.thread")
getattr(threading, "_register_atexit", atexit.register)(_at_exit)

"""Listening: an app that runs until it is told to end, and ends what it has begun."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from rerank_kit.arguments import named
from rerank_kit.checks import check_seconds, check_text, check_whole
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.serve.outermost import Outermost

_WAITING = 2048  # connections that are not taken yet
_HEAD = 10.0  # seconds within which the head of a request has to come, or something of an answer to be read
_LAST_PORT = 65535


@named
def run(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    shutdown_timeout: float = 30.0,
    told: Callable[[str], object] | None = None,
) -> None:
    """Serve an app until SIGTERM or Ctrl-C. No new connection is taken then, and what is in hand is answered.

    Args:
        app: What `rerank_app` makes, with whatever is around it.
        host: The address to listen at: 127.0.0.1 is for this machine alone.
        port: 0 is one that is free.
        shutdown_timeout: Seconds for what is in hand, before it is cut off.
        told: Called with the URL, once there is somebody who listens.

    Raises:
        OSError: The address is taken, or none of this machine.
        BackendError: The app did not start.
    """
    with _listening(host, port) as listener:
        server = _Server(app, shutdown_timeout)
        if told is not None:
            told(_url(listener))
        _serve(server, listener)


@contextmanager
def running(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, shutdown_timeout: float = 5.0) -> Generator[str]:
    """Serve an app in a thread of its own while this is open: for tests and notebooks.

    Args:
        app: What `rerank_app` makes, with whatever is around it.
        host: The address to listen at.
        port: 0 is one that is free.
        shutdown_timeout: Seconds for what is in hand at the end, before it is cut off.

    Returns:
        Its URL.

    Raises:
        OSError: The address is taken, or none of this machine.
        BackendError: The app did not start.
    """
    failed: list[BaseException] = []
    with _listening(host, port) as listener:
        url, server = _url(listener), _Server(app, shutdown_timeout)
        ready = threading.Event()

        def work() -> None:
            try:
                _serve(server, listener, ready)
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
                failed.append(error)
            finally:
                listener.close()  # or clients would wait for nobody
                ready.set()

        thread = threading.Thread(target=work, name="rerank-kit-serve", daemon=True)
        thread.start()
        try:
            ready.wait()
            if not failed:
                yield url
        finally:
            server.should_exit = True
            thread.join()
        if failed:
            raise failed[0]


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in check_text("host", host) else socket.AF_INET
    if check_whole("port", port, least=0) > _LAST_PORT:
        msg = f"port must be a whole number of at most {_LAST_PORT}, not {port}"
        raise ConfigurationError(msg)
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=_WAITING, dualstack_ipv6=both)
    except OSError as error:
        told = f"port {port} of {host} is in use: take another one, or 0 for one that is free"
        error.strerror = told if error.errno == errno.EADDRINUSE else error.strerror
        raise


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Protocol(H11Protocol):
    """A connection, closed when the head of a request does not come, and cut off when nobody reads the answer."""

    _late: asyncio.TimerHandle
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        self._await_reader(None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._await_reader(self.transport.get_write_buffer_size())
        super().pause_writing()

    def resume_writing(self) -> None:
        self._await_reader(None)
        super().resume_writing()

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._late.cancel()

    def on_response_complete(self) -> None:
        self._await_head()
        super().on_response_complete()

    def _await_head(self) -> None:
        self._late = self.loop.call_later(_HEAD, self._close)

    def _close(self) -> None:
        self.transport.close()
        self._await_reader(self.transport.get_write_buffer_size())

    def _await_reader(self, left: int | None) -> None:
        """See again later whether less is left to be read; `None` is no need."""
        if self._unread is not None:
            self._unread.cancel()
        self._unread = None if left is None else self.loop.call_later(_HEAD, self._read_since, left)

    def _read_since(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._await_reader(now)
        else:
            self.transport.abort()


class _Server(uvicorn.Server):
    """One that says when it has begun, and for which a signal to end is a reason to end, and no failure."""

    ready: threading.Event | None = None

    def __init__(self, app: ASGIApp, shutdown_timeout: float) -> None:
        self.app = Outermost(app, lambda: self.should_exit)
        super().__init__(
            uvicorn.Config(
                self.app,
                http=_Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # it would hold the queries of URLs
                server_header=False,
                timeout_graceful_shutdown=max(1, round(check_seconds("shutdown_timeout", shutdown_timeout))),
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # or they would be raised once more

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.ready is not None:
            self.ready.set()


def _serve(server: _Server, listener: socket.socket, ready: threading.Event | None = None) -> None:
    server.ready = ready
    try:
        server.run(sockets=[listener])
    except SystemExit as error:  # of the app or, from uvicorn 0.50 on, where it does not start
        if server.started:
            msg = f"the app ended by itself: {error!r}"
            raise BackendError(msg) from error
    if not (server.started or server.app.left):
        msg = f"the app did not start: {server.app.reason or 'it does not say why'}"
        raise BackendError(msg)

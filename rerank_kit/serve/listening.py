"""Listening: an app that runs until it is told to end, and ends what it has begun."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from rerank_kit.arguments import named
from rerank_kit.checks import check_seconds, check_text, check_whole
from rerank_kit.errors import BackendError

_WAITING = 2048  # connections that are not taken yet
_HEAD = 10.0  # seconds within which the head of a request has to come


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
        BackendError: The app did not start; what is wrong is in the log of `uvicorn.error`.
    """
    with _listening(host, port) as listener:
        server = _server(app, shutdown_timeout)
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
        server = _server(app, shutdown_timeout)
        ready = threading.Event()

        def work() -> None:
            try:
                _serve(server, listener, ready)
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
                failed.append(error)
            finally:
                ready.set()

        thread = threading.Thread(target=work, name="rerank-kit-serve", daemon=True)
        thread.start()
        ready.wait()
        try:
            if failed:
                raise failed[0]
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in check_text("host", host) else socket.AF_INET
    return socket.create_server((host, check_whole("port", port, least=0)), family=family, backlog=_WAITING)


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Protocol(H11Protocol):
    """A connection, closed when the head of a request does not come. h11 refuses what can be read in two ways."""

    _late: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._late.cancel()

    def on_response_complete(self) -> None:
        self._await_head()
        super().on_response_complete()

    def _await_head(self) -> None:
        self._late = self.loop.call_later(_HEAD, self.transport.close)


class _Server(uvicorn.Server):
    """One that says when it has begun, and for which a signal to end is a reason to end, and no failure."""

    ready: threading.Event | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # or they would be raised once more

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.ready is not None:
            self.ready.set()


def _server(app: ASGIApp, shutdown_timeout: float) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,  # it would hold the queries of URLs
            server_header=False,
            timeout_graceful_shutdown=max(1, round(check_seconds("shutdown_timeout", shutdown_timeout))),
        )
    )


def _serve(server: _Server, listener: socket.socket, ready: threading.Event | None = None) -> None:
    server.ready = ready
    with suppress(SystemExit):  # from uvicorn 0.50 on, where the app does not start; before, it returns
        server.run(sockets=[listener])
    if not server.started:
        msg = "the app did not start: the log of uvicorn.error says why"
        raise BackendError(msg)

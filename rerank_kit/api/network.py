"""Connections of httpx on which no step outlives its request: its own timeouts are for each piece that is read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rerank_kit.api.request_timeout import Until, in_time
from rerank_kit.loop_threads import in_a_thread

T = TypeVar("T")

_PIECE = 16_384  # bytes that are sent at once: the time is looked at between two, however slowly a server reads
_PATIENCE = 2.0  # seconds for an address of a host that has others


class Network:
    """A network backend of httpcore, made of its own, for blocking clients.

    Timeouts are `Until`s, for `whole` makes them so: https://www.encode.io/httpcore/network-backends/
    """

    def __init__(self, inner: Any, core: Any) -> None:
        """Connect nothing yet.

        Args:
            inner: The backend that does the work.
            core: Its module, httpcore or httpcore2.
        """
        self._inner = inner
        self._core = core

    def connect_tcp(self, host: str, port: int, timeout: Until, **options: Any) -> Stream:
        """Connect to the first of the host's addresses that answers. Looking them up counts, too.

        Raises:
            TimeoutError: The time is over.
        """
        try:
            *others, last = [host] if _numeric(host) else in_time(lambda: _addresses(host, port), timeout.left())
        except (socket.gaierror, UnicodeError) as error:
            raise self._core.ConnectError(str(error)) from error
        for address in others:
            try:
                return Stream(self._inner.connect_tcp(address, port, _share(timeout), **options), timeout, self._core)
            except (self._core.ConnectError, self._core.ConnectTimeout):
                continue
        return Stream(self._inner.connect_tcp(last, port, timeout.left(), **options), timeout, self._core)


class Stream:
    """A connection of httpcore's. Each step is given what is left of the request's time."""

    def __init__(self, inner: Any, until: Until, core: Any) -> None:
        """Wrap a connection.

        Args:
            inner: The connection.
            until: The time of the request that it was made for, which holds where httpcore names none: it shakes hands
                with SOCKS proxies without.
            core: The module httpcore or httpcore2.
        """
        self._inner = inner
        self._until = until
        self._core = core
        self.close = inner.close
        self.get_extra_info = inner.get_extra_info

    def read(self, max_bytes: int, timeout: Until | None = None) -> bytes:
        """Wait for bytes."""
        read: bytes = self._inner.read(max_bytes, self._left(timeout))
        return read

    def write(self, buffer: bytes, timeout: Until | None = None) -> None:
        """Send bytes, piece by piece."""
        for piece in _pieces(buffer):
            self._inner.write(piece, self._left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None, timeout: Until) -> Stream | TlsInside:
        """Shake hands. Python's timeout for that is for the whole of it, but not for one inside another."""
        if self.get_extra_info("ssl_object") is not None:
            return TlsInside(self, ssl_context, server_hostname, timeout, self._core)
        return Stream(self._inner.start_tls(ssl_context, server_hostname, timeout.left()), timeout, self._core)

    def _left(self, timeout: Until | None) -> float:
        return (self._until if timeout is None else timeout).left()


class TlsInside:
    """TLS on a connection that has TLS, as on the way to an https:// server by an https:// proxy.

    httpcore's own gives every piece of a record a timeout of its own.
    """

    def __init__(self, outer: Stream, context: Any, host: str | None, timeout: Until, core: Any) -> None:
        """Shake hands; when that fails, close the connection."""
        self._outer = outer
        self._core = core
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.close = outer.close
        try:
            self._done(self._tls.do_handshake, timeout, core.ConnectError)
        except BaseException:
            self.close()
            raise

    def read(self, max_bytes: int, timeout: Until | None = None) -> bytes:
        """Wait for bytes."""
        return self._done(lambda: self._tls.read(max_bytes), timeout, self._core.ReadError)

    def write(self, buffer: bytes, timeout: Until | None = None) -> None:
        """Send bytes, piece by piece, each of which becomes a record."""
        for piece in _pieces(buffer):
            self._done(lambda piece=piece: self._tls.write(piece), timeout, self._core.WriteError)  # type: ignore[misc]

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._tls if info == "ssl_object" else self._outer.get_extra_info(info)

    def _done(self, work: Callable[[], T], timeout: Until | None, failed: type[Exception]) -> T:
        """Do it as often as it takes, with all that goes to and fro for it."""
        while True:
            try:
                result = work()
            except ssl.SSLWantReadError:
                self._outer.write(self._outgoing.read(), timeout)
                read = self._outer.read(_PIECE, timeout)
                self._incoming.write(read) if read else self._incoming.write_eof()
            except ssl.SSLError as error:
                raise failed(str(error)) from error
            else:
                self._outer.write(self._outgoing.read(), timeout)
                return result


class AsyncNetwork:
    """The same for async clients. Their requests are cancelled in time, so that only looking up addresses is ours.

    A lookup cannot be broken off, and a loop that ends waits for the threads of asyncio's own lookups.
    """

    def __init__(self, inner: Any, core: Any) -> None:
        """Connect nothing yet; as with `Network`."""
        self._inner = inner
        self._core = core

    async def connect_tcp(self, host: str, port: int, timeout: Until, **options: Any) -> AsyncStream:
        """Connect to the first of the host's addresses that answers."""
        try:
            *others, last = [host] if _numeric(host) else await in_a_thread(lambda: _addresses(host, port))
        except (socket.gaierror, UnicodeError) as error:
            raise self._core.ConnectError(str(error)) from error
        for address in others:
            try:
                return AsyncStream(await self._inner.connect_tcp(address, port, _share(timeout), **options))
            except (self._core.ConnectError, self._core.ConnectTimeout):
                continue
        return AsyncStream(await self._inner.connect_tcp(last, port, timeout.left(), **options))


class AsyncStream:
    """A connection of httpcore's that is closed when shaking hands is cancelled, which httpcore leaves open."""

    def __init__(self, inner: Any) -> None:
        """Wrap a connection."""
        self._inner = inner
        self.read = inner.read
        self.write = inner.write
        self.aclose = inner.aclose
        self.get_extra_info = inner.get_extra_info

    async def start_tls(self, *args: Any, **options: Any) -> Any:
        """Shake hands."""
        try:
            return await self._inner.start_tls(*args, **options)
        except BaseException:
            await self.aclose()
            raise


def _numeric(host: str) -> bool:
    """Whether it is an address, which need not be looked up."""
    return any(_is(family, host) for family in (socket.AF_INET, socket.AF_INET6))


def _is(family: int, host: str) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _share(timeout: Until) -> float:
    return min(_PATIENCE, timeout.left())


def _pieces(buffer: bytes) -> Iterator[bytes]:
    return (buffer[start : start + _PIECE] for start in range(0, len(buffer), _PIECE))

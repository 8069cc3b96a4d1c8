"""httpx's clients as APIs need them, and those of httpx2, which newer SDKs use."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from typing import Any

from rerank_kit.api.answer_size import aask, ashorten, ask, shorten
from rerank_kit.api.environment import PORTS, Proxy, certificates, proxy_for
from rerank_kit.api.network import AsyncNetwork, Network
from rerank_kit.api.request_timeout import whole
from rerank_kit.api.secrets_sent import aadd_headers, add_headers, astay_on_host, stay_on_host


def blocking_client(library: Any) -> Any:
    """A client for threads. Like httpx's own, it follows no redirect.

    Args:
        library: The module httpx or httpx2.
    """
    hooks: dict[str, list[Any]] = {"request": [ask, add_headers], "response": [stay_on_host, shorten]}
    return library.Client(transport=_Transport(library), event_hooks=hooks, cookies=_no_cookies())


def async_client(library: Any) -> Any:
    """A client for one loop. Like httpx's own, it follows no redirect. As with `blocking_client`."""
    hooks: dict[str, list[Any]] = {"request": [aask, aadd_headers], "response": [astay_on_host, ashorten]}
    return library.AsyncClient(transport=_AsyncTransport(library), event_hooks=hooks, cookies=_no_cookies())


def _no_cookies() -> CookieJar:
    """A jar that takes none: no API needs one, and what a server has put into one could not be sent back."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


class _Ways:
    """httpx's own transports, one for each proxy. For a server that needs none, none has to be one."""

    def __init__(self, make: Callable[..., Any], network: Callable[[Any, Any], Any], library: Any) -> None:
        limits = library.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30)
        self._options = {"trust_env": False, "limits": limits}
        self._library = library
        self._make = make
        self._network = network
        self._core = import_module(library.__name__.replace("httpx", "httpcore"))
        self._lock = threading.Lock()
        self._to: dict[tuple[str, str, int], Any] = {}
        self._by: dict[tuple[Proxy | None, bool], Any] = {}

    def to(self, request: Any) -> Any:
        """What carries a request to its server, by the time that the whole of it may take.

        Raises:
            ConfigurationError: It needs certificates or a proxy, and what the environment names is none.
        """
        whole(request)
        scheme, host = request.url.scheme, request.url.raw_host.decode("ascii")
        server = scheme, host, request.url.port or PORTS[scheme]
        with self._lock:
            if server not in self._to:
                proxy = proxy_for(*server)
                secure = scheme == "https" or (proxy is not None and proxy.url.lower().startswith("https://"))
                if (proxy, secure) not in self._by:
                    # without TLS nobody needs to be trusted, and nobody is
                    trust = certificates(self._library) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    make = partial(self._made, trust)
                    self._by[proxy, secure] = make() if proxy is None else proxy.reached(make)
                self._to[server] = self._by[proxy, secure]
            return self._to[server]

    def _made(self, trust: ssl.SSLContext, proxy: str | None = None) -> Any:
        """A transport on connections of ours. httpx has no other way to give it those."""
        transport = self._make(**self._options, verify=trust, proxy=proxy)
        pool = transport._pool  # noqa: SLF001 - see above; a release that renames it fails every test
        pool._network_backend = self._network(pool._network_backend, self._core)  # noqa: SLF001
        return transport

    def all(self) -> list[Any]:
        """All of them."""
        return list(self._by.values())


class _Transport:
    """A transport for a blocking client."""

    def __init__(self, library: Any) -> None:
        self._ways = _Ways(library.HTTPTransport, Network, library)

    def handle_request(self, request: Any) -> Any:
        return self._ways.to(request).handle_request(request)

    def close(self) -> None:
        for each in self._ways.all():
            each.close()


class _AsyncTransport:
    """A transport for an async client."""

    def __init__(self, library: Any) -> None:
        self._ways = _Ways(library.AsyncHTTPTransport, AsyncNetwork, library)

    async def handle_async_request(self, request: Any) -> Any:
        return await self._ways.to(request).handle_async_request(request)

    async def aclose(self) -> None:
        for each in self._ways.all():
            await each.aclose()

"""What the environment says about the way to a server, proxies and certificates, and which variable says it wrongly."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from rerank_kit.api.base_url import wrong_with
from rerank_kit.errors import ConfigurationError

T = TypeVar("T")

PORTS = {"http": 80, "https": 443}
_PROXIES = ("http", "https", "socks5", "socks5h")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        url: Its address, which may have a password in it.
        variable: The environment variable that it comes from.
    """

    url: str = field(repr=False)
    variable: str

    def reached(self, make: Callable[[str], T]) -> T:
        """What is made of its address.

        Raises:
            ConfigurationError: It is none. It is not shown, for it may have a password in it.
        """
        scheme, _, rest = self.url.partition("://")
        problem = "is no address of a proxy, such as http://proxy.example:3128: mend it or unset it"
        if wrong_with(f"{scheme}://{rest.rpartition('@')[2]}", _PROXIES) is None:
            try:
                return make(self.url)
            except ImportError:
                problem = 'names a SOCKS proxy, which needs one more package: pip install "httpx[socks]"'
            except Exception:  # noqa: BLE001, S110 - whatever it is, it may show the password
                pass
        msg = f"the environment variable {self.variable} {problem}. Hosts that need no proxy belong in NO_PROXY"
        raise ConfigurationError(msg)


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy on the way to a server; `None` where there is none.

    It is that of `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`, also in small letters, or that of the system's settings.
    """
    settings = getproxies()
    kind = next((each for each in (scheme, "all") if settings.get(each)), None)
    if kind is None or any(_names(each, host, port) for each in settings.get("no", "").split(",")):
        return None
    url = settings[kind].strip()
    called = (name for name in os.environ if name.lower() == f"{kind}_proxy" and os.environ[name].strip() == url)
    return Proxy(url if "://" in url else f"http://{url}", next(called, f"{kind.upper()}_PROXY"))


def through(url: str) -> str:
    """What is to be said of the way to an address: which variable names the proxy on it, if there is one."""
    split = urlsplit(url)
    proxy = proxy_for(split.scheme, split.hostname or "", split.port or PORTS[split.scheme])
    return "" if proxy is None else f" (through the proxy in {proxy.variable})"


def _names(entry: str, host: str, port: int) -> bool:
    """Whether an entry of `NO_PROXY` names a server.

    It may be a domain, for all that is below it too, an IP address, a network such as `10.0.0.0/8`, or `*`; with or
    without a scheme before and a port behind.
    """
    name = entry.strip().lower().rpartition("://")[2]
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(name.strip("[]"), strict=False)
    try:
        split = urlsplit(f"//{name}")
        here = split.port in {None, port}
    except ValueError:
        return False
    domain = (split.hostname or "").removeprefix("*").strip(".")
    return here and (split.hostname == "*" or (domain != "" and f".{host.strip('.')}".endswith(f".{domain}")))


def certificates(library: Any) -> ssl.SSLContext:
    """Whom to trust, as the environment says it or else as httpx does.

    Args:
        library: The module httpx or httpx2.

    Raises:
        ConfigurationError: It cannot be read.
    """
    return _certificates(library, *(os.environ.get(name) or None for name in _CERTIFICATES))


@lru_cache(maxsize=8)
def _certificates(library: Any, file: str | None, folder: str | None, log: str | None) -> ssl.SSLContext:
    """Reading them takes longer than a request, so it is done once for each setting of the variables."""
    try:
        if folder is not None and file is None and not any(Path(each).is_dir() for each in folder.split(os.pathsep)):
            raise FileNotFoundError(folder)
        context: ssl.SSLContext = library.create_ssl_context()
    except OSError as error:
        given = {name: value for name, value in zip(_CERTIFICATES, (file, folder, log), strict=True) if value}
        told = " or ".join(f"{name}={value!r}" for name, value in given.items())
        msg = f"the environment variable {told} cannot be used ({type(error).__name__}): mend it or unset it"
        raise ConfigurationError(msg) from None
    return context

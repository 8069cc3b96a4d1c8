"""Why a server was not reached, as what to look at."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit


def remedy(error: BaseException, url: str, way: str = "") -> str:
    """What to look at where no connection came about; empty where nothing is known.

    Args:
        error: What was raised, with what it came from.
        url: Who was to be asked.
        way: What is to be said of the way there, if there is a proxy on it.
    """
    split = urlsplit(url)
    server = f"{split.scheme}://{split.netloc}"
    for each in _with_causes(error):
        if isinstance(each, socket.gaierror):
            if way:
                return "is the host of the proxy right, and is there a network?"
            return f"is the host in base_url right, {split.hostname!r}, and is there a network?"
        if isinstance(each, ssl.SSLCertVerificationError):
            return (
                "its certificate is signed by nobody that is trusted here: set the environment variable SSL_CERT_FILE "
                "to the certificate of who signed it"
            )
        if isinstance(each, ssl.SSLError) and split.scheme == "https":
            return f"does the server speak https? If not, base_url begins with http://{split.netloc}"
        if isinstance(each, ConnectionRefusedError) or type(each).__name__ == "ConnectTimeout":
            return "is the proxy running?" if way else f"is the server running at {server}, and reachable from here?"
    return ""


def _with_causes(error: BaseException | None, seen: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    """An error and all that it came from, the innermost first."""
    if error is None or id(error) in seen:
        return
    seen |= {id(error)}
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for each in (error.__cause__, error.__context__, *inside):
        yield from _with_causes(each, seen)
    yield error

"""A proxy that speaks TLS, and inside of that is any server, with TLS of its own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.api.listening import accepting

TESTS_ALONE = """\
-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUTmbwKiDonbTpqK9zQaeQcsJvwsUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjE1MDI1OVoYDzIxMjYxMTAy
MTUwMjU5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT1vZhVezONwuP1zegHBREb60mH2TyuOTU7NBmBt/fCbgWZtplw7RZf
pINsFQNQlhiNER4Pma8T0Yqt3I9V/Dz9o28wbTAdBgNVHQ4EFgQUYmE1Y11vP3x8
lg4KgkMr1NGQVqIwHwYDVR0jBBgwFoAUYmE1Y11vP3x8lg4KgkMr1NGQVqIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAMc3z0CvEasG8iNQM7OqUMdlv3wxwXYZTqMRqJ+9LsbbAiEA
8TGvH/+eMr3HPDOWqskChFDgkBR03uKwLHLBGtp77cI=
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIDHGR1qQUo09NRuO
1RNlgUqT73RHi66fc7qraHRt0qmhRANCAAT1vZhVezONwuP1zegHBREb60mH2Tyu
OTU7NBmBt/fCbgWZtplw7RZfpINsFQNQlhiNER4Pma8T0Yqt3I9V/Dz9
-----END PRIVATE KEY-----
"""
"""A certificate for localhost, with its key, which nobody but tests trusts."""

Inside = Callable[[ssl.SSLSocket], None]
"""What happens on the connection once the client believes that it reaches its server."""


@contextmanager
def proxying(inside: Inside, folder: Path) -> Generator[tuple[str, str]]:
    """A proxy: its address, and the file of certificates to trust."""
    trusted = folder / "localhost.pem"
    trusted.write_text(TESTS_ALONE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)

    def answer(connection: socket.socket) -> None:
        connection.settimeout(5)
        with context.wrap_socket(connection, server_side=True) as outer:
            head = b""
            while b"\r\n\r\n" not in head:
                head += outer.recv(65536)
            outer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            inside(outer)

    with accepting(answer) as place:
        yield f"https://{place}", str(trusted)


def answering(outer: ssl.SSLSocket, answer: bytes, send: Callable[[bytes], None]) -> None:
    """Shake hands inside, read a request, and answer it.

    Args:
        outer: The connection.
        answer: What to answer, as plain bytes.
        send: Sends the bytes of its record.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = outer.context.wrap_bio(incoming, outgoing, server_side=True)
    for step in (inner.do_handshake, lambda: inner.read(65536)):
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                outer.sendall(outgoing.read())
                incoming.write(outer.recv(65536))
            else:
                outer.sendall(outgoing.read())
                break
    inner.write(answer)
    send(outgoing.read())
    while outer.recv(65536):  # who closes before all was read resets the connection
        pass

"""A server that is not there: the error asks what a person would."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rerank_kit import ConnectionFailed
from rerank_kit.api.http import no_response
from rerank_kit.api.unreachable import remedy
from rerank_kit.judge import LLMJudge, OpenAICompatible
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from tests.api.listening import accepting
from tests.conftest import Colour

ONCE: dict[str, Any] = {"max_retries": 0}
KEYED: dict[str, Any] = {"api_key": "k", **ONCE}
MAKE: dict[str, Callable[[str], Any]] = {
    "Endpoint": lambda url: Endpoint(url, **ONCE),
    "Endpoint with a format": lambda url: Endpoint(url, format="vllm", **ONCE),
    "Voyage": lambda url: Voyage("m", base_url=url, **KEYED),
    "Jina": lambda url: Jina("m", base_url=url, **KEYED),
    "Cohere": lambda url: Cohere("m", base_url=url, **KEYED),
    "a judge": lambda url: LLMJudge(OpenAICompatible(url, model="m", **ONCE), on_error="raise"),
}


def refused(reranker: Any, colour: Colour) -> str:
    with pytest.raises(ConnectionFailed) as caught:
        colour(reranker, "rerank", "query", ["a", "b"])
    return str(caught.value)


@pytest.mark.parametrize("name", MAKE)
def test_a_server_that_is_down_is_asked_after(name: str, colour: Colour) -> None:
    told = refused(MAKE[name]("http://127.0.0.1:9"), colour)
    assert told.endswith("is the server running at http://127.0.0.1:9, and reachable from here?")


def test_a_server_that_does_not_speak_https_is_told_of(colour: Colour) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with accepting(answer) as server:
        with Endpoint(f"https://{server}", **ONCE) as reranker:
            told = refused(reranker, colour)
        assert told.endswith(f"does the server speak https? If not, base_url begins with http://{server}")


def raised(cause: BaseException) -> httpx.ConnectError:
    """What httpx makes of something."""
    error = httpx.ConnectError("it failed")
    error.__cause__ = ExceptionGroup("several", [OSError("one"), cause]) if isinstance(cause, Exception) else cause
    cause.__context__ = error  # as where errors go round in a circle
    return error


URL = "https://api.example:8443/v1/rerank"


@pytest.mark.parametrize(
    ("cause", "way", "told"),
    [
        (ConnectionRefusedError(), "", "is the server running at https://api.example:8443, and reachable from here?"),
        (ConnectionRefusedError(), " (through the proxy in ALL_PROXY)", "is the proxy running?"),
        (httpx.ConnectTimeout(""), "", "is the server running at https://api.example:8443, and reachable from here?"),
        (socket.gaierror(-2, "?"), "", "is the host in base_url right, 'api.example', and is there a network?"),
        (socket.gaierror(-2, "?"), " (through …)", "is the host of the proxy right, and is there a network?"),
        (ssl.SSLCertVerificationError(), "", "SSL_CERT_FILE"),
        (ssl.SSLError(), "", "does the server speak https? If not, base_url begins with http://api.example:8443"),
        (ConnectionResetError(), "", ""),
    ],
)
def test_the_remedy_is_that_of_the_cause(cause: Exception, way: str, told: str) -> None:
    assert told in remedy(raised(cause), URL, way)
    assert bool(told) == bool(remedy(raised(cause), URL, way))
    error = no_response(raised(cause), URL, 1.0, way=way)
    assert str(error).startswith(f"{URL}{way}: ConnectError: it failed")
    assert told in str(error)


def test_the_way_of_a_client_of_the_users_is_not_known() -> None:
    error = no_response(raised(ConnectionRefusedError()), URL, 1.0, way=None)
    assert str(error) == f"{URL}: ConnectError: it failed"

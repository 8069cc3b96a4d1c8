"""What is wrong with an address, a proxy or a file of certificates is said by its name, and hidden by nobody."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, ConnectionFailed, Document, Fallback, Ranking, Reranker
from rerank_kit.api.base_url import base_url_or, check_url
from rerank_kit.api.environment import certificates, proxy_for
from rerank_kit.api.httpx_clients import blocking_client
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic
from rerank_kit.managed import Cohere, Endpoint
from rerank_kit.values import Deadline
from tests.api.clients import CLIENTS, httpx2
from tests.api.leaks import saying
from tests.conftest import Colour

OURS = {name: make for name, make in CLIENTS.items() if "of mine" not in name}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests counts."""
    for name in (*PROXIES, "ssl_cert_file", "ssl_cert_dir", "sslkeylogfile"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Never(Reranker):
    """Is not to be asked."""

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        raise AssertionError


def refused(reranker: Any, colour: Colour) -> str:
    """What a ranking says must be mended, also where there is something to fall back on."""
    with pytest.raises(ConfigurationError) as caught:
        colour(Fallback(reranker, Never()), "rerank", "q", ["a"])
    return str(caught.value)


def answer(_: bytes) -> bytes:
    """An error that nothing but the right server gives."""
    body = json.dumps({"message": "reached"}).encode()
    head = f"HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
def test_a_proxy_that_needs_a_package_is_named_with_its_remedy(
    make: Make, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://me:hidden-password@127.0.0.1:1")
    told = refused(make("http://example.com"), colour)
    assert "environment variable ALL_PROXY" in told
    assert 'pip install "httpx[socks]"' in told
    assert "NO_PROXY" in told
    assert "hidden-password" not in told


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
def test_a_server_that_needs_no_proxy_is_reached_without(
    make: Make, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
    with saying(answer) as url:
        assert "reached" in refused(make(url), colour)


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(
    variable: str, make: Make, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere/at all.pem")
    assert f"environment variable {variable}='/nowhere/at all.pem'" in refused(make("https://example.com"), colour)
    with saying(answer) as url:
        assert "reached" in refused(make(url), colour)
    monkeypatch.setenv("HTTP_PROXY", "https://127.0.0.1:9")
    assert f"environment variable {variable}='/nowhere/at all.pem'" in refused(make("http://example.com"), colour)


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [("SSL_CERT_FILE", "/nowhere", "https://example.com"), ("HTTP_PROXY", "ftp://host", "http://example.com")],
)
def test_a_server_is_not_said_to_say_nothing_when_it_was_never_asked(
    variable: str, value: str, url: str, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    told = refused(Endpoint(url), colour)
    assert f"the environment variable {variable}" in told
    assert "format=" not in told


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_does_not_answer_is_named(
    variable: str, make: Make, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://user:hidden-password@127.0.0.1:9")
    with pytest.raises(ConnectionFailed) as caught:
        colour(make("http://example.com"), "rerank", "q", ["a"])
    assert f"(through the proxy in {variable}): ConnectError" in str(caught.value)
    assert str(caught.value).endswith("is the proxy running?")
    assert "hidden-password" not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ConnectionFailed) as caught:
        colour(make("http://127.0.0.1:9"), "rerank", "q", ["a"])
    assert "proxy" not in str(caught.value)
    assert "is the server running at http://127.0.0.1:9," in str(caught.value)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_whatever_cannot_be_read_as_certificates_is_named(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.pem").write_text("no certificate")
    for path in (tmp_path / "odd.pem", tmp_path):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(ConfigurationError, match="environment variable SSL_CERT_FILE="):
            certificates(library)
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert certificates(library) is certificates(library)


def test_a_log_of_keys_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no folder" / "log"))
    with pytest.raises(ConfigurationError, match="environment variable SSLKEYLOGFILE="):
        certificates(httpx)


@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://host",
        "http://",
        "http://host:port",
        "http://ho st",
        "http://host:99999",
        "://",
        "http://\u00a1",
        "http://[::",
    ],
)
def test_a_proxy_that_is_none_is_named_and_not_shown(
    proxy: str, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.replace("://", "://me:hidden-password@"))
    told = refused(OURS["Voyage"]("http://example.com"), colour)
    assert "http_proxy" in told
    assert "hidden-password" not in told


@pytest.mark.parametrize(
    ("entries", "proxied"),
    [
        ("", True),
        ("other.com", True),
        ("example.com", False),
        (".example.com", False),
        ("*.example.com", False),
        ("EXAMPLE.com.", False),
        ("example.com:443", True),
        ("example.com:80", False),
        ("http://example.com", False),
        ("ample.com", True),
        ("a, *", False),
        ("[odd", True),
        ("example.com:port", True),
    ],
)
def test_hosts_that_need_no_proxy_are_known_as_others_know_them(
    entries: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", entries)
    found = proxy_for("http", "api.example.com", 80)
    assert (found is not None) is proxied
    if found is not None:
        assert (found.url, found.variable) == ("http://proxy.example:3128", "HTTP_PROXY")
    assert proxy_for("https", "api.example.com", 443) is None


@pytest.mark.parametrize(("entry", "proxied"), [("10.0.0.0/8", False), ("[::1]", True), ("10.1.2.3", False)])
def test_networks_need_no_proxy_either(entry: str, proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", entry)
    assert (proxy_for("http", "10.1.2.3", 80) is not None) is proxied


WRONG = [
    *("http://host\n", "http://ho st", " http://host", "http://host/a b", "http://host/\t", "http://host:port"),
    *("http://host:0", "http://host:99999", "http://", "host", "ftp://host", "http://[::1", "http://ho\x00st", ""),
    *(
        "http://host\r\nx: y",
        "http://\u200bhost",
        "http://999.1.1.1",
        "http://a..b",
        "http://host/\u2028",
        "x" * 10_000,
    ),
    *(
        "x" * 10_000,
        "http://" + "a" * 64,
        "http:host",
        "//host",
        "http:///path",
        "http://host\\path",
        None,
        5,
        b"http://host",
    ),
]


@pytest.mark.parametrize("name", OURS)
def test_a_base_url_that_is_none_is_refused_at_once(name: str) -> None:
    for url in WRONG:
        if url is None and name not in {"Endpoint", "OpenAICompatible"}:
            continue
        with pytest.raises(ConfigurationError, match="base_url") as caught:
            OURS[name](url)
        assert len(str(caught.value)) < 1000


@given(
    st.one_of(
        st.text(max_size=40),
        st.text(max_size=30).map("http://{}".format),
        st.text(max_size=30).map("https://a/{}".format),
    )
)
def test_any_text_is_a_base_url_that_can_be_asked_or_none(text: str) -> None:
    try:
        url = check_url(text)
    except ConfigurationError:
        return
    for library in (httpx, httpx2):
        try:
            assert library.Request("GET", url + "/v1/rerank").url.host
        except library.InvalidURL as error:  # a name that no host can have; who asks it is told, see below
            told = str(error)
        else:
            told = "IDNA"
        assert "IDNA" in told


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
@pytest.mark.parametrize("url", ["http://\u00a1", "http://a\u0301\u0301-\u2044b.example"])
def test_a_host_that_there_cannot_be_is_refused_when_it_is_asked(make: Make, url: str, colour: Colour) -> None:
    assert "base_url" in refused(make(url), colour)


@pytest.mark.parametrize("name", ["Voyage", "Cohere"])  # httpx2 looks it up
def test_a_host_that_decodes_to_none_is_refused_too(name: str, colour: Colour) -> None:
    assert "base_url" in refused(OURS[name]("http://xn--zzzzzzzzzzz"), colour)


@pytest.mark.parametrize(("variable", "make"), [("CO_API_URL", Cohere), ("ANTHROPIC_BASE_URL", Anthropic)])
def test_a_base_url_of_the_environment_is_named(variable: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://host/a b")
    with pytest.raises(ConfigurationError, match=f"environment variable {variable} must be a URL"):
        make("m", api_key="k")
    monkeypatch.setenv(variable, "")
    assert make("m", api_key="k").base_url.startswith("https://api.")
    monkeypatch.setenv(variable, "http://host/")
    assert base_url_or(None, variable, "http://other") == "http://host"
    assert base_url_or("http://given", variable, "http://other") == "http://given"


def test_servers_that_need_no_proxy_share_connections(colour: Colour) -> None:
    with saying(answer) as one, saying(answer) as another:
        reranker = Endpoint([one, another], format="vllm", max_retries=0)
        assert "reached" in refused(reranker, colour)
        assert "reached" in refused(reranker, colour)


def test_a_client_of_ours_by_itself_sends_nothing_of_anybody() -> None:
    asked: list[bytes] = []

    def noting(head: bytes) -> bytes:
        asked.append(head.lower())
        return answer(head)

    client = blocking_client(httpx)
    with saying(noting) as url:
        assert client.get(url).status_code == 401
    client.close()
    assert b"authorization" not in asked[0]


@pytest.mark.parametrize(
    "value", ["X A: b", "x-ok: 1\nx\x00y: hidden-value", ": b", "x-a: hidden\x01value", "\u00e4: 1"]
)
def test_headers_of_the_environment_that_cannot_be_sent_are_named_and_not_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "ANTHROPIC_CUSTOM_HEADERS": value})
    with pytest.raises(ConfigurationError, match="environment variable ANTHROPIC_CUSTOM_HEADERS") as caught:
        Anthropic(api_key="k")
    assert "hidden" not in str(caught.value)


def test_headers_of_the_environment_are_read_as_the_sdk_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "no colon\n\n x-a : 1:2 \nx-empty:\n")
    assert "1:2" in list(Anthropic(api_key="k").secrets())


@pytest.mark.parametrize("name", OURS)
def test_headers_that_cannot_be_sent_are_refused_at_once_and_not_shown(name: str) -> None:
    for wrong in ("\u00e4", "x a", "", "x:hidden", "x\ny", 1, None, b"x", "content-length", "Transfer-Encoding"):
        with pytest.raises(ConfigurationError, match=r"^headers") as caught:
            OURS[name]("http://host", headers={"x-fine": "1", wrong: "hidden"})
        assert "hidden" not in str(caught.value)
    for odd in ([("x-secret", "hidden")], "hidden", {"x": b"hidden"}, {"x": 5}, 7):
        with pytest.raises(ConfigurationError, match=r"^headers.* must be a") as caught:
            OURS[name]("http://host", headers=odd)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
@pytest.mark.parametrize("cookie", ["a=\xff", "a=\x01b", "\xe4=b", "a=b; domain=\xff", "a=b"])
def test_no_cookie_is_kept(make: Make, cookie: str, colour: Colour) -> None:
    asked: list[bytes] = []

    def baking(head: bytes) -> bytes:
        asked.append(head.lower())
        return answer(head).replace(b"\r\n", f"\r\nset-cookie: {cookie}\r\n".encode("latin-1"), 1)

    with saying(baking) as url:
        reranker = make(url)
        for _ in range(2):
            assert "reached" in refused(reranker, colour)
    assert len(asked) == 2
    assert b"cookie" not in asked[1]

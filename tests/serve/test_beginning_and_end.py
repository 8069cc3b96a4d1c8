"""Servers that begin, end, are cut off, and clients that never read."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from rerank_kit import BackendError, ConfigurationError, Reranker
from rerank_kit.errors import ConnectionFailed
from rerank_kit.managed import Limits
from rerank_kit.serve import listening, rerank_app, run, running
from rerank_kit.serve.outermost import Outermost
from tests.doubles import Failing, Gated, Scripted
from tests.serve.conftest import Serving
from tests.serve.talking import beside, connected, head, ranking
from tests.servers import eventually


@pytest.mark.parametrize(
    ("error", "traceback"), [(ConnectionFailed("nobody at home"), False), (ZeroDivisionError("nobody at home"), True)]
)
def test_an_app_that_does_not_start_says_why_in_a_line(
    error: Exception, caplog: pytest.LogCaptureFixture, *, traceback: bool
) -> None:
    why = f"the app did not start: {type(error).__name__}: nobody at home"
    with pytest.raises(BackendError, match=why) as caught, running(rerank_app(Failing(error))):
        pass
    assert "Traceback" not in str(caught.value)
    assert any(each.exc_info for each in caplog.records) == traceback


async def says_no(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "closed on Sundays"})


async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed"})
    await receive()


async def knows_no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http", "no such scope"


@pytest.mark.parametrize(
    ("app", "why"),
    [
        (says_no, "closed on Sundays"),
        (says_nothing, "it does not say why"),
        (knows_no_lifespan, "AssertionError: no such scope"),
        (5, "TypeError: 'int' object is not callable"),
    ],
)
def test_so_does_an_app_of_others(app: Any, why: str) -> None:
    with pytest.raises(BackendError, match=f"the app did not start: {why}"), running(app):
        pass


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_end_before_it_has_begun_ends(sent: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(
        "import time\nfrom rerank_kit import Reranker\n"
        "def waits(query, texts):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "reranker = Reranker.of(waits)\n",
        "utf-8",
    )
    command = [sys.executable, "-m", "rerank_kit.cli", "serve", "stuck:reranker", "--port", "0"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(command, cwd=tmp_path, env=unmeasured, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("stuck:reranker at ")
        assert process.stdout.readline() == "begun\n"
        process.send_signal(sent)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in told, told


def test_an_app_that_is_told_to_end_before_it_has_begun_is_broken_off_and_did_not_fail() -> None:
    sent: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    async def tell(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    outermost = Outermost(app, lambda: True)
    asyncio.run(outermost({"type": "lifespan"}, receive, tell))
    assert sent == [{"type": "lifespan.startup.failed"}]
    assert (outermost.left, outermost.reason) == (True, "")


def test_what_is_cut_off_at_the_end_is_told_so_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    gated = Gated()
    try:
        with running(rerank_app(gated, warm_up=False), shutdown_timeout=1) as url:
            body = {"query": "q", "documents": ["x 0.5"]}
            future = beside(lambda: httpx.post(f"{url}/v2/rerank", json=body, trust_env=False, timeout=20))
            assert eventually(lambda: len(gated.begun) == 1)
        refused = future.result(20)
    finally:
        gated.gate.set()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["message"] == "the server ends, and did not wait for this any longer"
    assert not [each for each in caplog.records if each.exc_info]


def test_what_had_begun_to_answer_is_cut_off_without_a_second_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    with running(app, shutdown_timeout=1) as url:
        address = httpx.URL(url)
        connection = socket.create_connection((address.host, address.port), timeout=20)
        connection.sendall(head("/"))
        assert connection.recv(12) == b"HTTP/1.1 200"
    received = b""
    while piece := connection.recv(65536):
        received += piece
    connection.close()
    assert received.endswith(b"half")


@pytest.mark.parametrize("requests", [1, 3])
def test_who_never_reads_the_answer_is_cut_off(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    monkeypatch.setattr("rerank_kit.serve.listening._HEAD", 0.5)
    client = serving(Reranker.of(lambda query, texts: [0.5] * len(texts)))
    text = "x" * 2_900_000
    body = b'{"query": "q", "documents": ["%b"], "return_documents": true}' % text.encode()
    with connected(client) as connection:
        for _ in range(requests):
            connection.sendall(head("/v1/rerank", f"content-length: {len(body)}") + body)
        assert eventually(lambda: not _is_open(connection), 20)


def _is_open(connection: socket.socket) -> bool:
    """Whether the other side is still there, seen by what is sent to it."""
    try:
        connection.sendall(b"\r\n")
    except OSError:
        return False
    time.sleep(0.05)
    return True


def test_who_reads_slowly_has_all_the_time_it_needs(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rerank_kit.serve.listening._HEAD", 0.5)
    client = serving(Reranker.of(lambda query, texts: [0.5] * len(texts)), limits=Limits())
    text = "x" * 12_000_000
    body = b'{"query": "q", "documents": ["%b"], "return_documents": true}' % text.encode()
    address = (client.base_url.host, client.base_url.port)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(20)
        connection.connect(address)
        connection.sendall(head("/v1/rerank", f"content-length: {len(body)}", "connection: close") + body)
        received = 0
        while piece := connection.recv(200_000):
            received += len(piece)
            time.sleep(0.02)
    assert received > len(text)


@pytest.mark.parametrize("port", [65536, 10**9])
def test_a_port_that_there_is_not_is_refused_by_name(port: int) -> None:
    with pytest.raises(ConfigurationError, match="port must be a whole number of at most 65535"):
        run(rerank_app(Scripted()), port=port)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system keeps both kinds of addresses apart")
def test_all_addresses_of_the_newer_kind_are_all_of_the_older_too() -> None:
    with running(rerank_app(Scripted(), warm_up=False), host="::") as url:
        for host in ("127.0.0.1", "[::1]"):
            told = httpx.get(f"http://{host}:{httpx.URL(url).port}/health", trust_env=False)
            assert told.status_code == 200


def test_nothing_is_left_of_a_server_that_was_closed(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            app = rerank_app(Scripted(), warm_up=False)
            with running(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
                assert ranking(client, ["x 0.5"]).status_code == 200
    assert eventually(lambda: threading.active_count() <= before)
    assert caplog.records == []


def test_an_app_that_has_begun_and_exits_ended_by_itself() -> None:
    class Ended:
        started, ready = True, None

        def run(self, sockets: list[Any]) -> None:
            raise SystemExit(3)

    ended: Any = Ended()
    nobody: Any = None
    with pytest.raises(BackendError, match=r"the app ended by itself: SystemExit\(3\)"):
        listening._serve(ended, nobody)  # pyright: ignore[reportPrivateUsage]

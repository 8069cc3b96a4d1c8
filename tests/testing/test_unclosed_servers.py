"""A server that nobody closes keeps nothing alive: not Python, not a request, not a port."""

from __future__ import annotations

import gc
import os
import socket
import threading
from contextlib import suppress

import httpx
import pytest

from rerank_kit.testing import ChatServer, RerankServer, slow
from tests.processes import python
from tests.servers import eventually

SERVERS = pytest.mark.parametrize("kind", [RerankServer, ChatServer])
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

FAILING = """
import sys, threading, urllib.request
from concurrent.futures import ThreadPoolExecutor
from rerank_kit.testing import ChatServer, RerankServer, dripping, slow
server = {"RerankServer": RerankServer, "ChatServer": ChatServer}[sys.argv[1]]()
server.fail({"slow": slow, "dripping": dripping}[sys.argv[2]](3600), times=None)
path = {"RerankServer": "/vllm/v1/models", "ChatServer": "/openai/v1/models"}[sys.argv[1]]
def ask():
    urllib.request.urlopen(server.url + path).read()
if sys.argv[3] == "pool":
    pool = ThreadPoolExecutor()
    pool.submit(ask)
else:
    threading.Thread(target=ask, daemon=sys.argv[3] == "daemon").start()
while server.most_at_once == 0:
    pass
raise SystemExit("the test has failed")
"""


@pytest.mark.parametrize(
    ("kind", "fault", "thread"),
    [
        ("RerankServer", "slow", "daemon"),
        ("RerankServer", "slow", "pool"),
        ("RerankServer", "dripping", "plain"),
        ("ChatServer", "slow", "plain"),
    ],
)
def test_python_ends_though_a_server_is_open_and_holds_a_request(kind: str, fault: str, thread: str) -> None:
    done = python("-c", FAILING, kind, fault, thread, check=False)
    assert done.returncode == 1
    assert "the test has failed" in done.stderr


@SERVERS
def test_a_server_that_is_forgotten_closes_itself_and_warns(kind: type[RerankServer]) -> None:
    forgotten = [kind()]
    forgotten[0].fail(slow(3600), times=None)
    address, serving = ("127.0.0.1", int(forgotten[0].url.rpartition(":")[2])), forgotten[0]._server.thread
    held = threading.Thread(target=cut_off, args=(f"{forgotten[0].url}/cohere/v2/rerank", {}))
    held.start()
    assert eventually(lambda: forgotten[0].most_at_once == 1)
    with socket.create_connection(address) as idle:
        with pytest.warns(ResourceWarning, match=f"unclosed {kind.__name__}.*with"):
            forgotten.clear()
        held.join()
        with suppress(ConnectionResetError):  # the server had not taken it yet
            assert idle.recv(1) == b""
    assert eventually(lambda: not serving.is_alive())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def cut_off(url: str, body: object) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.post(url, json=body, timeout=60)


def test_a_server_that_is_closed_is_forgotten_without_a_word() -> None:
    server = RerankServer()
    server.close()
    del server
    gc.collect()


def test_a_server_that_cannot_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thread: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with monkeypatch.context() as context:
        context.setattr(threading.Thread, "start", full)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            RerankServer()
    gc.collect()  # which would warn of a socket that is open


def test_closing_does_not_wait_for_ever_for_a_scorer_that_hangs() -> None:
    hanging, begun = threading.Event(), threading.Event()

    def score(query: str, text: str) -> float:
        begun.set()
        hanging.wait()
        return 1.0

    with RerankServer(score) as server:
        server._server.patience = 0.01
        asked = threading.Thread(target=cut_off, args=(f"{server.url}/tei/rerank", {"query": "a", "texts": ["a"]}))
        asked.start()
        begun.wait()
    hanging.set()
    asked.join()


FORKED = """
import os, signal, socket, sys, time
from http.client import HTTPConnection
from rerank_kit.testing import RerankServer, slow
server, closed = RerankServer(), RerankServer()
closed.close()
connection = HTTPConnection(server.url.removeprefix("http://"))
def models():
    connection.request("GET", "/vllm/v1/models")
    return connection.getresponse().read()
models()
with server._lock:  # which another thread may have at that moment
    child = os.fork()
if child == 0:
    assert server.connections == 0 and server.received and server.url
    server.fail(slow(1))
    server.close()
    connection.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert server.connections == 1
assert b"data" in models()  # by the same connection
second = os.fork()
if second == 0:
    time.sleep(3600)
port = int(server.url.rpartition(":")[2])
server.close()
connection.close()
try:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as other:
        other.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        closed = bool(other.recv(1))  # a server of somebody else's, who was given the port; who is held says nothing
except ConnectionError:
    closed = True
if closed:
    print("closed")
os.kill(second, signal.SIGKILL)
os.waitpid(second, 0)
"""


@FORK
def test_a_forked_process_neither_holds_nor_cuts_what_its_parent_serves() -> None:
    done = python("-W", "ignore::DeprecationWarning", "-W", "error::ResourceWarning", "-c", FORKED, measured=True)
    assert (done.stdout, done.stderr) == ("closed\n", "")

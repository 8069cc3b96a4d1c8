"""`RerankServer`: a real HTTP server on this machine that speaks every wire format, and fails when told to."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, ClassVar, Self, cast

from rerank_kit.api.json_values import read_json
from rerank_kit.errors import ConfigurationError, more_about
from rerank_kit.managed.served_formats import SERVED_FORMATS, Refused, ServedFormat
from rerank_kit.reranker import Reranker
from rerank_kit.testing.faults import Fault, Scores, check_fault
from rerank_kit.testing.listener import Listener
from rerank_kit.testing.served_formats import PAGES, read

Scorer = Callable[[str, str], float]


def words_in_common(query: str, text: str) -> float:
    """The part of the query's words that are in the text: a scorer for tests."""
    words = set(query.lower().split())
    return len(words & set(text.lower().split())) / len(words)


@dataclass(frozen=True, slots=True)
class Received:
    """A request that reached the server.

    Attributes:
        format: The wire format.
        path: The path below that format's base URL.
        headers: Its headers, with names in lower case.
        body: Its JSON; `None` for a GET.
        status: What it was answered with; 0 where the connection was cut.
    """

    format: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int


class RerankServer:
    """Speaks every wire format on 127.0.0.1, ranks with any reranker, and fails when told to.

    Use it in a `with` block, or call `close()`. One that is forgotten closes itself, with a `ResourceWarning`, and one
    that is open when Python ends does not keep it from ending. It belongs to the process that made it: a forked one may
    send it requests, and has no other part in it.

    Attributes:
        received: The requests, in the order in which they were answered.
        most_at_once: The most requests that were in flight at the same time.
    """

    _roots: ClassVar[Mapping[str, str]] = {name: wire.root for name, wire in SERVED_FORMATS.items()}

    def __init__(self, scorer: Reranker | Scorer = words_in_common, *, api_key: str | None = None) -> None:
        """Start listening on a free port.

        Args:
            scorer: What scores documents: any reranker, or a function of query and text.
            api_key: The only key that is let in; `None` lets everyone in.
        """
        self.received: list[Received] = []
        self.most_at_once = 0
        self._scorer = scorer
        self._api_key = api_key
        self._faults: deque[Fault] = deque()
        self._always: Fault | None = None
        self._dice: tuple[random.Random, Sequence[Fault], float] | None = None
        self._now = 0
        self._server = Listener(self, _Handler)

    @property
    def url(self) -> str:
        """Where the server is. Each format has a base URL of its own below."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def base_url(self, format: str) -> str:  # noqa: A002 - what users call it
        """The base URL at which a format is spoken, to pass to its reranker.

        Raises:
            ConfigurationError: There is no such format.
        """
        if format not in self._roots:
            msg = f"format must be one of {', '.join(self._roots)}, not {format!r}"
            raise ConfigurationError(msg)
        return f"{self.url}/{format}{self._roots[format]}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.connections)

    @property
    def closing(self) -> threading.Event:
        """Set from when it is being closed: whoever holds a request waits for it."""
        return self._server.closing

    @property
    def _lock(self) -> threading.Lock:
        return self._server.lock

    def fail(self, fault: Fault, *, times: int | None = 1) -> None:
        """Fail that way the next few times; `None` is from then on, once those before are through.

        Raises:
            ConfigurationError: It is no fault.
        """
        check_fault(fault)
        with self._lock:
            if times is None:
                self._always = fault
            else:
                self._faults.extend([fault] * times)

    def fail_at_random(self, faults: Sequence[Fault], *, chance: float, seed: int = 0) -> None:
        """Fail in one of these ways, with that chance for every request, the same for the same seed.

        Raises:
            ConfigurationError: One of them is no fault.
        """
        for each in faults:
            check_fault(each)
        with self._lock:
            self._dice = random.Random(seed), faults, chance  # noqa: S311 - reproducible, not secret

    def recover(self) -> None:
        """Fail no longer."""
        with self._lock:
            self._faults.clear()
            self._always = self._dice = None

    def close(self) -> None:
        """Stop listening, cut what is open, and wait until every thread has ended."""
        self._server.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _more: str = more_about(ResourceWarning)) -> None:
        """Close a server that was forgotten. Any thread may find it, so nothing is waited for."""
        server: Listener | None = getattr(self, "_server", None)  # there is none where it could not start
        if server is not None and not server.closing.is_set():
            server.let_go()
            told = f"unclosed {type(self).__name__} at {self.url}: use it in a with block. {_more}"
            _warn(told, ResourceWarning, source=self)

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def begin(self) -> Fault:
        """A request has come: what to do to it."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            if self._faults:
                return self._faults.popleft()
            if self._dice is not None and self._dice[0].random() < self._dice[2]:
                return self._dice[0].choice(self._dice[1])
            return Fault("none") if self._always is None else self._always

    def note(self, received: Received) -> None:
        """A request is about to be answered."""
        with self._lock:
            self.received.append(received)

    def end(self) -> None:
        """A request was answered, or its connection has ended."""
        with self._lock:
            self._now -= 1

    def answer(self, name: str, path: str, headers: Mapping[str, str], body: Any, fault: Fault) -> tuple[int, str]:
        """The status and the body for a request."""
        wire = SERVED_FORMATS.get(name)
        if wire is None or (body is None and (name, path) not in PAGES) or (body is not None and path != wire.path):
            return 404, json.dumps({"detail": "Not Found"})
        try:
            return 200, self._right_answer(wire, PAGES.get((name, path)), headers, body, fault)
        except Refused as refused:
            told = json.dumps(wire.complaint(refused.status, str(refused)))
            return refused.status, told if fault.text is None else fault.text

    def _right_answer(self, wire: ServedFormat, page: Any, headers: Mapping[str, str], body: Any, fault: Fault) -> str:
        self._let_in(headers)
        told = self._told(fault)
        if told is not None:
            return told
        if body is None:
            return json.dumps(page)
        asked = read(wire, body)
        results = self._scored(asked.query, asked.texts)
        results = results if fault.change is None else fault.change(results)
        told = wire.answer(asked.answered(results[: asked.top_n]))
        return fault.edited(json.dumps(told))

    def _let_in(self, headers: Mapping[str, str]) -> None:
        """Refuse a wrong key, which is told as some servers do."""
        given = {value.removeprefix("Bearer ") for value in headers.values()}
        if self._api_key is not None and self._api_key not in given:
            raise Refused(401, f"invalid api key: {headers.get('x-api-key') or headers.get('authorization')}")

    def _told(self, fault: Fault) -> str | None:
        """The body that a fault answers with, if it has one; a status is refused with."""
        if fault.status is not None:
            raise Refused(fault.status, f"the server was told to answer {fault.status}")
        return fault.text

    def _scored(self, query: str, texts: Sequence[str]) -> Scores:
        if isinstance(self._scorer, Reranker):
            return [(hit.index, hit.score) for hit in self._scorer.rerank(query, list(texts))]
        scores = [(place, self._scorer(query, text)) for place, text in enumerate(texts)]
        return sorted(scores, key=lambda each: -each[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(read_json(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Tests read what they print."""

    def _serve(self, body: Any) -> None:
        owner = cast("RerankServer", cast("Listener", self.server).owner)
        try:
            self._answer(owner, owner.begin(), body)
        finally:
            owner.end()

    def _answer(self, owner: RerankServer, fault: Fault, body: Any) -> None:
        owner.closing.wait(fault.delay)
        name, _, rest = self.path.lstrip("/").partition("/")
        headers = {key.lower(): value for key, value in self.headers.items()}
        status, text = owner.answer(name, f"/{rest}", headers, body, fault)
        cut = fault.sent is not None
        owner.note(Received(name, f"/{rest}", headers, body, 0 if cut else status))
        if fault.sent == -1:
            self._cut()
            return
        content = text.encode()
        self.send_response(status)
        if "Content-Type" not in fault.headers:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Request-Id", f"request-{len(owner.received)}")
        for key, value in fault.headers.items():
            self.send_header(key, value)
        self.end_headers()
        for piece in (
            [content[: fault.sent]] if cut else [content] if not fault.pause else [bytes([each]) for each in content]
        ):
            self.wfile.write(piece)
            if owner.closing.wait(fault.pause):
                break
        if cut:
            self._cut()

    def _cut(self) -> None:
        """End the connection as a crash does: with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

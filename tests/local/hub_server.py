"""A hub on this machine, as far as fetching a model goes: over HTTP, for the real client, with a real one's faults.

What it answers, and with which headers, is that of the Hugging Face hub: https://huggingface.co/.well-known/openapi.json
for the paths, `hf_raise_for_status` and `get_hf_file_metadata` of huggingface_hub for what its client reads of answers.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

COMMIT, OLDER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
NAME = "owner/tiny"
TOKEN = "hf_PlantedQ7w9Zx3LmN4pR8tV"  # noqa: S105 - it opens nothing


@dataclass(frozen=True)
class Answer:
    """What a request gets.

    Attributes:
        status: Its status.
        body: All of it, for a request that asks for all.
        headers: Beside those that every answer has.
        cut: How much of the body is sent before the connection is closed; `None` is all.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: int | None = None


def error(status: int, message: str, code: str | None = None) -> Answer:
    """An error as the hub has it."""
    headers = {"X-Error-Message": message, "X-Request-Id": "Root=1-planted"} | (
        {} if code is None else {"X-Error-Code": code}
    )
    return Answer(status, json.dumps({"error": message}).encode(), headers)


NO_REPOSITORY = error(401, "Invalid username or password.")  # what the hub says to those without a token
NOT_FOR_THIS_TOKEN = error(404, "Repository not found", "RepoNotFound")
WRONG_TOKEN = error(401, "Invalid credentials in Authorization header")
GATED = error(403, "Access to model owner/tiny is restricted and you are not in the authorized list.", "GatedRepo")
NO_REVISION = error(404, "Invalid rev id: v9", "RevisionNotFound")
TOO_MANY = error(429, "We had to rate limit your IP.")
BROKEN = error(500, "Internal Error - We're working hard to fix this as soon as possible!")

Fault = Callable[[str], Answer | None]
"""What a request for a path gets instead of what it asks for; `None` leaves it that."""


def on(part: str, answer: Answer, *, times: int | None = None) -> Fault:
    """A fault of every path with this part in it, or of the first few."""
    left = [10_000 if times is None else times]

    def fault(path: str) -> Answer | None:
        if part not in path or left[0] == 0:
            return None
        left[0] -= 1
        return answer

    return fault


class Hub:
    """A hub with one repository, which is a folder.

    Attributes:
        folder: What is in the repository.
        commit: Where its main branch stands, and its tag v1.
        fault: What goes wrong.
        asked: Every request, such as `GET /api/models/owner/tiny/revision/main`.
        sent: What came as authorization with each of them.
        hanging: Set to have requests answered that were held back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commit = COMMIT
        self.fault: Fault = lambda path: None
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.hanging: threading.Event | None = None
        self.url = ""

    def answer(self, path: str) -> Answer:
        """What a GET of this path gets."""
        files = {each.relative_to(self.folder).as_posix(): each for each in self.folder.rglob("*") if each.is_file()}
        match path.strip("/").split("/"):
            case ["api", "models", "owner", "tiny"] | ["api", "models", "owner", "tiny", "revision", _]:
                siblings = [{"rfilename": name} for name in sorted(files)]
                about = json.dumps({"id": NAME, "sha": self.commit, "siblings": siblings}).encode()
                known = path.endswith(("/tiny", "/main", "/v1", f"/{self.commit}"))
                return Answer(body=about) if known else NO_REVISION
            case ["api", "models", "owner", "tiny", "tree", _]:
                tree = [{"type": "file", "path": name, "size": each.stat().st_size} for name, each in files.items()]
                return Answer(body=json.dumps([{**each, "oid": each["path"]} for each in tree]).encode())
            case ["owner", "tiny", "resolve", _, *place] if "/".join(place) in files:
                content = files["/".join(place)].read_bytes()
                return Answer(body=content, headers={"ETag": f'"{hashlib.sha256(content).hexdigest()}"'})
            case ["owner", "tiny", "resolve", *_] | ["api", "models", "owner", "tiny", "tree", *_]:
                return error(404, "Entry not found", "EntryNotFound")
            case _:
                return NO_REPOSITORY

    @property
    def fetched(self) -> list[str]:
        """The names of the files whose content was asked for, in their order."""
        got = [each.removeprefix("GET ") for each in self.asked if each.startswith("GET ") and "/resolve/" in each]
        return sorted(each.partition("/resolve/")[2].partition("/")[2] for each in got)

    @property
    def questions(self) -> int:
        """How many requests were no downloads."""
        return sum("/api/" in each for each in self.asked)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0])
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.sent.append(self.headers.get("Authorization", ""))
        if self.hub.hanging is not None:
            self.hub.hanging.wait(60)
        answer = self.hub.fault(path) or self.hub.answer(path)
        self._answer(answer)

    do_HEAD = do_GET  # noqa: N815 - the base class names it

    def _answer(self, answer: Answer) -> None:
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        body = answer.body[first:]
        self.send_response(206 if first and answer.status == 200 else answer.status)
        self.send_header("Content-Length", str(len(body)))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(answer.body) - 1}/{len(answer.body)}")
        self.send_header("X-Repo-Commit", self.hub.commit)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body if answer.cut is None else body[: answer.cut])
            self.close_connection = answer.cut is not None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Generator[Hub]:
    """A hub that has the folder as `owner/tiny`."""
    hub = Hub(folder)
    handler: Any = type("OneHub", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))  # seconds between looks at whether to end
    thread.start()
    try:
        yield hub
    finally:
        if hub.hanging is not None:
            hub.hanging.set()
        server.shutdown()
        thread.join()
        server.server_close()

"""The server's side of Claude's Message Batches: what is taken, how it goes on, and what has come of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rerank_kit.api.json_values import is_list, is_mapping
from rerank_kit.managed.served_formats import Refused

PATH = "/v1/messages/batches"
_MOST = 100_000  # requests
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

Results: TypeAlias = Sequence[Mapping[str, Any]]
"""What is told of one request: one result, if nothing is wrong."""


@dataclass
class Batch:
    """One batch.

    Attributes:
        requests: What each request asks, by its name.
        polls: How often somebody has asked whether it has ended.
        results: The lines of its results, once it has ended.
    """

    requests: Mapping[str, Any]
    polls: int = 0
    results: list[dict[str, Any]] | None = None


@dataclass
class Batches:
    """All batches of a server."""

    _known: dict[str, Batch] = field(default_factory=dict[str, Batch])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(
        self, path: str, body: Any, *, polls: int | None, base_url: str, answer: Callable[[Any], Results]
    ) -> str:
        """The body for a request.

        Args:
            path: Its path.
            body: Its JSON; `None` for a GET.
            polls: How many polls find a batch still being worked on; `None` is all of them.
            base_url: Where the API is.
            answer: What becomes of a request of a batch: its results.

        Raises:
            Refused: It would be refused by Claude's API.
        """
        batch, _, rest = path.removeprefix(PATH).strip("/").partition("/")
        with self._lock:
            if body is not None and not batch:
                return json.dumps(self._told(self._create(body), base_url))
            if body is not None or batch not in self._known or rest not in {"", "results"}:
                raise Refused(404, "Not Found")
            if rest:
                return self._results(batch)
            self._poll(self._known[batch], polls, answer)
            return json.dumps(self._told(batch, base_url))

    def _create(self, body: Any) -> str:
        rows: Any = body.get("requests") if is_mapping(body) else None
        if not is_list(rows) or not 0 < len(rows) <= _MOST:
            raise Refused(400, f"requests: 1 to {_MOST} are needed")
        named = {row["custom_id"]: row["params"] for row in rows}
        if len(named) < len(rows) or not all(_NAME.fullmatch(name) for name in named):
            raise Refused(400, "requests.custom_id: must be unique, and match ^[a-zA-Z0-9_-]{1,64}$")
        batch = f"msgbatch_{len(self._known) + 1:04}"
        self._known[batch] = Batch(named)
        return batch

    def _poll(self, known: Batch, polls: int | None, answer: Callable[[Any], Results]) -> None:
        known.polls += 1
        if known.results is None and polls is not None and known.polls > polls:
            lines = [
                {"custom_id": name, "result": result}
                for name, asked in known.requests.items()
                for result in answer(asked)
            ]
            known.results = lines[::-1]  # their order is promised to nobody

    def _told(self, batch: str, base_url: str) -> dict[str, Any]:
        known = self._known[batch]
        ended = known.results is not None
        kinds = [line["result"]["type"] for line in known.results or []]
        counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
        return {
            "id": batch,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {"processing": 0 if ended else len(known.requests), **counts},
            "created_at": "2026-11-27T09:00:00Z",
            "expires_at": "2026-11-28T09:00:00Z",
            "ended_at": "2026-11-27T09:30:00Z" if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{base_url}{PATH}/{batch}/results" if ended else None,
        }

    def _results(self, batch: str) -> str:
        results = self._known[batch].results
        if results is None:
            raise Refused(400, f"batch {batch} has not ended")
        return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in results)


def errored(status: int, message: str) -> dict[str, Any]:
    """The result of a request that would have been answered with a status."""
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return {"type": "errored", "error": {"type": "error", "error": error}}

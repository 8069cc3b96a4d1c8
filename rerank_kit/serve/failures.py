"""What went wrong, as a status and a sentence for the client; no document is quoted, which errors of others may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rerank_kit.checks import is_number
from rerank_kit.errors import (
    AllFailed,
    BudgetExceeded,
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    ShuttingDown,
    StatusError,
)
from rerank_kit.managed.served_formats import Refused
from rerank_kit.serve.served import NothingRanked
from rerank_kit.serve.turns import Busy

_PASSING = (AllFailed, BudgetExceeded, ConnectionFailed, NothingRanked, ShuttingDown, StatusError)
"""What may pass by itself, so that clients may try again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told.

    Attributes:
        status: The status.
        text: What is wrong.
        headers: Further headers.
        reason: What it counts as in `refused`; empty where it was not refused, but failed.
    """

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str = ""


def told(error: Exception) -> Told:
    """What to tell a client of an error."""
    if isinstance(error, Busy):
        return Told(error.status, str(error), _after(error.retry_after), "busy")
    if isinstance(error, Refused):
        return Told(error.status, str(error), _HEADERS.get(error.status, {}), _REASONS.get(error.status, "invalid"))
    if isinstance(error, DeadlineExceeded | TimeoutError):
        return Told(504, "the ranking was not ready in the time allowed")
    name = type(error).__name__
    if isinstance(error, RateLimited):
        return Told(429, f"the reranker is asked too often ({name})", _after(_seconds(error.retry_after)))
    if isinstance(error, _PASSING):
        return Told(503, f"the reranker does not answer now ({name}): try again", _after(1.0))
    return Told(500, f"the reranker failed ({name})")


_HEADERS = {401: {"www-authenticate": "Bearer"}}
_REASONS = {401: "key", 403: "page", 404: "model", 408: "slow", 413: "size"}
_LONGEST = 86_400.0  # seconds: nobody waits longer than a day


def _seconds(told: object) -> float:
    """How long to wait, by what an error of somebody else says."""
    return min(told, _LONGEST) if is_number(told) and told > 0 else 1.0


def _after(seconds: float) -> dict[str, str]:
    """When to try again, for clients that read whole seconds, and for the SDKs that read milliseconds."""
    return {"retry-after": str(max(1, round(seconds))), "retry-after-ms": str(max(1, round(1000 * seconds)))}

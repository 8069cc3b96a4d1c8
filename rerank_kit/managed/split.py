"""How much fits into one request, and how a list is shared out over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rerank_kit.arguments import named
from rerank_kit.checks import check_count
from rerank_kit.texts import CountTokens


@named
@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a vendor or server takes in one request; `None` is no limit.

    Attributes:
        documents: Documents.
        tokens: Tokens: those of the documents, and those of the query once for each document.
        bytes: Bytes of UTF-8 of the documents.
    """

    documents: int | None = None
    tokens: int | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing through."""
        check_count("limits.documents", self.documents)
        check_count("limits.tokens", self.tokens)
        check_count("limits.bytes", self.bytes)


def parts(query: str, texts: Sequence[str], limits: Limits, count: CountTokens) -> list[list[int]]:
    """Share out texts over requests, in order, each as full as the limits allow.

    A text that alone exceeds a limit gets a request of its own.

    Returns:
        For each request the places of its texts, every place once.
    """
    weigh_tokens = limits.tokens is not None
    asked = count(query) if weigh_tokens else 0
    shared: list[list[int]] = []
    tokens = size = 0
    for place, text in enumerate(texts):
        more_tokens = asked + count(text) if weigh_tokens else 0
        more_size = len(text.encode()) if limits.bytes is not None else 0
        full = not shared or (
            _exceeds(len(shared[-1]) + 1, limits.documents)
            or _exceeds(tokens + more_tokens, limits.tokens)
            or _exceeds(size + more_size, limits.bytes)
        )
        if full:
            shared.append([])
            tokens = size = 0
        shared[-1].append(place)
        tokens, size = tokens + more_tokens, size + more_size
    return shared


def _exceeds(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit

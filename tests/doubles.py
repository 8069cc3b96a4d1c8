"""Rerankers whose behaviour a test can state in a line."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rerank_kit import Deadline, Document, Ranking, Reranker, Usage
from rerank_kit.flow import Call, Flow, blocking
from rerank_kit.local import CrossEncoder, Scored
from rerank_kit.local.cross_encoder import Pair


@dataclass
class Scripted(Reranker):
    """Scores each document by a function of its text, and remembers what it was sent.

    By default a document's score is the number that its text ends in.
    """

    score: Callable[[str], Any] = lambda text: float(text.split()[-1])
    model: str | None = "scripted"
    sent: list[tuple[str, list[Document]]] = field(default_factory=list[tuple[str, list[Document]]])

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        self.sent.append((query, list(documents)))
        scores = yield from blocking(lambda: [self.score(document.text) for document in documents])
        return Ranking.by_score(scores, Usage(pairs=len(documents)))


@dataclass
class Gated(CrossEncoder):
    """Scores one pair after the other, none before it is let through. It looks at the deadline as engines do."""

    begun: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def fingerprint(self) -> str:
        return "gated"

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        try:
            for _, text in pairs:
                deadline.check()
                self.begun.append(text)
                assert self.gate.wait(30)
            return Scored([float(text.split()[-1]) for _, text in pairs], [1] * len(pairs), [False] * len(pairs))
        finally:
            self.ended.append(pairs[0][1])


@dataclass
class Stuck(Reranker):
    """Asks a server that does not answer: sync callers cannot break it off."""

    seconds: float = 60.0
    begun: list[str] = field(default_factory=list[str])

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        self.begun.append(query)
        yield from sleep_like_a_server(self.seconds)
        self.begun.append(f"{query} again")
        yield from sleep_like_a_server(self.seconds)
        return Ranking.by_score([1.0] * len(documents))


def sleep_like_a_server(seconds: float) -> Call[None]:
    """A step that cannot be broken off in a thread."""
    return Call(sync=lambda: time.sleep(seconds), async_=lambda: asyncio.sleep(seconds))


@dataclass
class Answering(Reranker):
    """Answers with the ranking that a test gives it, right or wrong."""

    answer: Ranking

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        return self.answer


@dataclass
class Failing(Reranker):
    """Raises the error that a test gives it."""

    error: BaseException

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        raise self.error


def last_numbers(query: str, texts: list[str]) -> list[float]:
    """A function of somebody's own: scores each text by the number that it ends in."""
    return [float(text.split()[-1]) for text in texts]


async def alast_numbers(query: str, texts: list[str]) -> list[float]:
    """The same, async."""
    await asyncio.sleep(0.001)
    return last_numbers(query, texts)

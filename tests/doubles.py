"""Rerankers whose behaviour a test can state in a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rerank_kit import Deadline, Document, Ranking, Reranker, Usage
from rerank_kit.flow import Flow, blocking


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

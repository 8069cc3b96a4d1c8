"""A few documents to judge, and the moment at which they are judged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rerank_kit import Document, Ranking, Rules
from rerank_kit.rules.rule import Case, Match, Rule

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def job(**metadata: Any) -> Document:
    return Document("A job.", metadata)


def match(rule: Rule, *, query: str = "query", among: tuple[Document, ...] = (), **metadata: Any) -> Match:
    """What a rule says of a job."""
    document = job(**metadata)
    return rule.match(document, Case(query, [document, *among], NOW))


def value(rule: Rule, **metadata: Any) -> float:
    return match(rule, **metadata).value


def order(rules: Rules, *documents: Document) -> list[int]:
    return indices(rules.rerank("query", documents))


def indices(ranking: Ranking) -> list[int]:
    return [hit.index for hit in ranking]

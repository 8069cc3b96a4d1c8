"""A file with scores, and what is done to it behind a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from rerank_kit import Deadline, Document, Hit, Ranking, Reranker
from rerank_kit.flow import Flow


class Telling(Reranker):
    """Has a score, a reason, a passage and a verdict for each text."""

    @property
    def fingerprint(self) -> str:
        return "telling"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        hits = [
            Hit(place, len(each.text) / 3, each.text.upper(), (2, 3), "1", probabilities={"0": 0.25, "1": 0.75})
            for place, each in enumerate(documents)
        ]
        return Ranking(tuple(sorted(hits, key=lambda hit: -hit.score)))


def changed(path: Path, statement: str, *values: object) -> None:
    other = sqlite3.connect(path)
    with other:
        other.execute(statement, values)
    other.close()

"""`Dataset`: texts, queries, and which texts answer which query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Judgements = Mapping[str, Mapping[str, int]]
"""For each query's id, documents' ids with their grades: 0 is judged not relevant, higher is better."""


@dataclass(frozen=True)
class Dataset:
    """What systems are measured on.

    Attributes:
        name: What tables call it.
        queries: Their texts, by id, in the order of the source.
        judgements: Which documents answer each query.
        documents: All texts that can be found, by id; empty where only a retriever knows them.
        candidates: What a first stage brought for each query, best first, where the dataset has it.
        quotes: For queries whose labels are quotations, the texts that a relevant document has to hold. They are
            resolved against the documents that systems bring, so that they hold whatever the chunks are.
        notes: What was left out, mended or guessed while reading, for the report.
    """

    name: str
    queries: Mapping[str, str]
    judgements: Judgements
    documents: Mapping[str, str] = field(default_factory=dict[str, str])
    candidates: Mapping[str, Sequence[str]] | None = None
    quotes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    notes: tuple[str, ...] = ()

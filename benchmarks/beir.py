"""Test collections in BEIR's layout, and the measure of a ranking on them.

A folder holds `corpus.jsonl` (or `.jsonl.gz`), `queries.jsonl` and `qrels/*.tsv`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
from ir_measures import nDCG

MEASURE = nDCG @ 10


@dataclass(frozen=True)
class Collection:
    """A test collection: texts and queries by id, and how relevant which text is to which query."""

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]


def read_collection(folder: Path) -> Collection:
    """Read BEIR's layout. Queries that nobody judged are left out."""
    corpus = next(path for name in ("corpus.jsonl", "corpus.jsonl.gz") if (path := folder / name).exists())
    documents = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in _rows(corpus)}
    judgements: dict[str, dict[str, int]] = {}
    for line in next((folder / "qrels").glob("*.tsv")).read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        judgements.setdefault(query, {})[document] = int(grade)
    queries = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl") if row["_id"] in judgements}
    return Collection(documents, queries, judgements)


def _rows(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def scored(collection: Collection, run: Mapping[str, Mapping[str, float]], measure: Any = MEASURE) -> dict[str, float]:
    """The measure for every judged query; one without results counts as 0."""
    found = {each.query_id: each.value for each in ir_measures.iter_calc([measure], collection.judgements, run)}
    return {query: found.get(query, 0.0) for query in collection.queries}

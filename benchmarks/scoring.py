"""The measure of a ranking on a test collection, and fewer of its queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ir_measures
from ir_measures import nDCG

from rerank_kit.evaluate import Dataset

MEASURE = nDCG @ 10


def some(whole: Dataset, most: int) -> Dataset:
    """The collection with at most so many of its queries: each second, third, … one."""
    chosen = dict(list(whole.queries.items())[:: -(-len(whole.queries) // most)])
    return replace(whole, queries=chosen, judgements={query: whole.judgements[query] for query in chosen})


def scored(collection: Dataset, run: Mapping[str, Mapping[str, float]], measure: Any = MEASURE) -> dict[str, float]:
    """The measure for every judged query; one without results counts as 0."""
    found = {each.query_id: each.value for each in ir_measures.iter_calc([measure], collection.judgements, run)}
    return {query: found.get(query, 0.0) for query in collection.queries}

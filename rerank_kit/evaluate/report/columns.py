"""What the columns of the table mean, in a sentence each."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MEASURE = re.compile(r"(\w+)(?:\([^)]*\))?@(\d+)")
_MEASURES: Mapping[str, str] = {
    "nDCG": "how well the best {k} are ordered: 1 where all that is relevant stands in front, the higher graded first, "
    "and less the lower it stands; 0 where nothing relevant is among them.",
    "RR": "1 divided by the place of the first relevant document: 1 where it is first, 0.5 where it is second, 0 where "
    "it is not among the best {k}.",
    "R": "the share of all relevant documents that is among the best {k}.",
    "P": "the share of the best {k} that is relevant; with one relevant document it is never above 1/{k}.",
    "Success": "the share of queries with a relevant document among the best {k}.",
    "Judged": "the share of the best {k} that somebody labelled, as relevant or not; the rest counts as not relevant. "
    "It is low where a query has only a label or two.",
    "AP": "the share of relevant documents down to the place of each relevant one, averaged; up to place {k}.",
}
_OTHER_NAMES = {"MRR": "RR", "Recall": "R", "Precision": "P", "NDCG": "nDCG", "MAP": "AP"}
_COLUMNS: Mapping[str, str] = {
    "system": "a first stage by itself, or a reranker on top of it; @50 says how many candidates are reranked at most.",
    "vs first stage": "the verdict on the reranker against its own first stage by itself.",
    "candidates": "how many documents there were for a query, on average: those that a first stage brings, or that a "
    "reranker reads.",
    "p50": "the time of a query, the first stage included: half of the queries took no longer.",
    "waiting": "how much of that went by in waiting for others, as for an API.",
    "p95": "the time that 95 of 100 queries did not exceed.",
    "tokens": "how many tokens the reranker read for a query, on average; a token is a word or a part of one.",
    "$ per 1,000": "what 1,000 queries cost, in US dollars: what an API asks for, and 0 for what runs on your machine.",
}


def explained(column: str) -> str:
    """What a column holds; of a measure that is not known here, where to read of it."""
    if column in _COLUMNS:
        return _COLUMNS[column]
    found = _MEASURE.fullmatch(column)
    told = None if found is None else _MEASURES.get(_OTHER_NAMES.get(found[1], found[1]))
    if found is None or told is None:
        return "a measure of ir-measures, averaged over the queries; its documentation describes it."
    return told.format(k=found[2])

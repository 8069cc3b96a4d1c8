"""Evaluations as plain values, in which texts and names can be anything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

ATTACK = "</script></title><script>document.documentElement.dataset.harmed=1</script><img src=x onerror=alert(1)>"
HOSTILE = (
    ATTACK,
    "<!-- <script>",
    "\x00\x1b[31m\x07 controls\x7f\x85",
    "abc\u202eevil\u2066",
    "one\u2028two\u2029three",
    "half \ud800 of a pair",
    "'\"`${1}&amp;\\",
)
MEASURES = ["nDCG@10", "RR@10"]
VERDICTS = ("better", "worse", "equal", "inconclusive")


def reported(
    queries: int = 6, texts: Sequence[str] = ("a text", "another"), names: Sequence[str] = ("bm25", "one", "two")
) -> dict[str, Any]:
    """An evaluation: the first system is a first stage, the others rerank its candidates.

    Args:
        queries: How many.
        texts: Those of queries, documents and reasons, in turn.
        names: Of the systems.
    """
    drawn = random.Random(1)
    asked = [
        {
            "id": f"q{place}",
            "text": texts[place % len(texts)],
            "relevant": {f"d{place}": 2, f"d{place + 1}": 0, "far": 1},
        }
        for place in range(queries)
    ]
    first = names[0]
    systems: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        results = [
            [
                [
                    f"d{(query + other * (place + 1)) % (queries + 20)}",
                    drawn.random(),
                    texts[other % len(texts)],
                    other + 5 * place + 1,
                ]
                for other in range(20)
            ]
            for query in range(queries)
        ]
        systems.append(
            {
                "name": name,
                "first_stage": first if place else None,
                "recall": 50 if place else None,
                "candidates": 37.5 if place else 200,
                "reranker": f"Reranker({name!r})" if place else None,
                "values": {"nDCG@10": 0.5 + place / 7, "RR@10": 1 / 3},
                "per_query": {each: [drawn.random() for _ in range(queries)] for each in MEASURES},
                "seconds": {"p50": 0.0123 + 2 * place, "p95": 0.25 + 300 * place, "waiting_p50": 0.0}
                if place < 2
                else None,
                "tokens": 12345.6 if place == 1 else None,
                "cost_per_1000": (0.0, 0.00123, None)[place % 3],
                "failed": {"q0": texts[0]} if place == 2 else {},
                "results": results,
            }
        )
    comparisons = [
        {
            "system": name,
            "against": first,
            "role": "first stage",
            "measure": "nDCG@10",
            "difference": 0.1,
            "low": -0.05,
            "high": 0.25,
            "level": 0.95,
            "margin": 0.01,
            "p": 0.01,
            "p_adjusted": 0.02,
            "wins": 3,
            "ties": 1,
            "losses": 2,
            "verdict": VERDICTS[place % 4],
            "more_queries": None,
            "text": f"{name} is compared with {first}",
        }
        for place, name in enumerate(names[1:])
    ]
    harm = [
        {
            "kind": "harm",
            "text": f"{each['text']}. Do not ship it",
            "queries": ["q0", "q1"],
            "system": each["system"],
            "against": each["against"],
        }
        for each in comparisons[:1]
    ]
    failed = {"kind": "failed", "text": f"{names[-1]}: 1 of {queries} failed", "queries": ["q0"]}
    return {
        "version": 1,
        "dataset": {
            "name": texts[0],
            "queries": queries,
            "of": queries,
            "documents": 99,
            "notes": [texts[-1]],
            "seed": 7,
        },
        "measure": "nDCG@10",
        "measures": MEASURES,
        "made": {"date": "2026-11-27T01:42:43+00:00", "rerank_kit": "0.1.0", "python": "3.11.7", "machine": "Linux"},
        "systems": systems,
        "comparisons": comparisons,
        "ceilings": [
            {
                "first_stage": first,
                "measure": "nDCG@10",
                "by_depth": {"10": 0.6, "50": 0.9},
                "now": [
                    {"system": each, "recall": 50, "value": 0.55 + place / 5} for place, each in enumerate(names[1:])
                ],
                "enough": 50,
            }
        ],
        "findings": [
            *harm,
            {**failed, "system": names[-1], "against": systems[-1]["first_stage"]},
            {"kind": "something new", "text": "something else", "queries": []},
        ],
        "queries": asked,
        "documents": {f"d{place}": texts[place % len(texts)] for place in range(queries + 20)},
    }

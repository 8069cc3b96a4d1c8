"""Measures of retrieval, by ir-measures on trec_eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Judgements
from rerank_kit.optional import optional

MEASURES = ("nDCG@10", "RR@10", "R@50", "P@5", "Success@5", "Judged@10")

PerQuery = Mapping[str, float]


def parsed(names: Sequence[str]) -> list[Any]:
    """The measures of these names.

    Raises:
        ConfigurationError: There is no such measure.
        MissingExtra: ir-measures is not installed.
    """
    library = optional("ir_measures", extra="eval", why="an evaluation")
    found: list[Any] = []
    for name in names:
        try:
            found.append(library.parse_measure(name))
        except Exception as error:  # its parser raises whatever it likes
            msg = f"measures: {name!r} is none: write them as ir-measures does, such as {', '.join(MEASURES)}"
            raise ConfigurationError(msg) from error
    return found


def measured(
    names: Sequence[str], judgements: Judgements, rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """The value of each measure for each query that has judgements.

    Args:
        names: The measures, as ir-measures writes them.
        judgements: Grades. The ideal is over all relevant documents of a query, returned or not.
        rankings: Documents' ids, best first. A query without any counts 0.

    Raises:
        ConfigurationError: There is no such measure.
    """
    measures = parsed(names)
    library = optional("ir_measures", extra="eval", why="an evaluation")
    # Falling scores, since trec_eval orders by them, and equal ones by ids.
    run = {query: {each: -float(place) for place, each in enumerate(ids)} for query, ids in rankings.items()}
    values = {name: dict.fromkeys(judgements, 0.0) for name in names}
    by_measure = dict(zip(measures, names, strict=True))
    graded = {query: dict(rows) for query, rows in judgements.items()}
    for each in library.iter_calc(measures, graded, {query: rows for query, rows in run.items() if rows}):
        values[by_measure[each.measure]][each.query_id] = float(each.value)
    return values

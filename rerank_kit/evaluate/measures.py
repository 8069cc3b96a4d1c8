"""Measures of retrieval, by ir-measures on trec_eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from rerank_kit.errors import ConfigurationError, MissingExtra
from rerank_kit.evaluate.dataset import Judgements
from rerank_kit.optional import optional

MEASURES = ("nDCG@10", "RR@10", "R@50", "P@5", "Success@5", "Judged@10")


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
        cut = found[-1].params.get("cutoff", 1)
        if cut < 1:
            msg = f"measures: {name!r} looks at no document: write {name.partition('@')[0]}@10 or so"
            raise ConfigurationError(msg)
    return found


def check_measures(names: Sequence[str]) -> None:
    """Refuse measures that cannot be computed here, before anything is asked; on the first one verdicts are.

    Raises:
        ConfigurationError: There is no such measure, or it needs what is not here.
        MissingExtra: ir-measures is not installed.
    """
    for name in names:
        try:
            value = measured([name], {"q": {"d": 1, "e": 1}}, {"q": ["d", "e"]})[name]["q"]
        except (ConfigurationError, MissingExtra):
            raise
        except Exception as error:  # each of its providers raises what it likes
            msg = f"measures: {name!r} cannot be computed here ({type(error).__name__}): take others, such as "
            raise ConfigurationError(msg + ", ".join(MEASURES)) from error
        if name == names[0] and not 0 <= value <= 1:
            msg = f"measure={name!r} is no share, from 0 to 1, on which there could be a verdict: take nDCG@10 or so"
            raise ConfigurationError(msg)


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
    # Plain names, since trec_eval ends the process over odd ones.
    queries = {query: f"q{place}" for place, query in enumerate(judgements)}
    called_back = {plain: query for query, plain in queries.items()}
    every = chain(*judgements.values(), *rankings.values())
    documents = {each: f"d{place}" for place, each in enumerate(dict.fromkeys(every))}
    library = optional("ir_measures", extra="eval", why="an evaluation")
    # Falling scores, since trec_eval orders by them, and equal ones by ids.
    run = {
        queries[query]: {documents[each]: -float(place) for place, each in enumerate(ids)}
        for query, ids in rankings.items()
        if ids and query in queries
    }
    values = {name: dict.fromkeys(judgements, 0.0) for name in names}
    called: dict[Any, list[str]] = {}
    for measure, name in zip(measures, names, strict=True):
        called.setdefault(measure, []).append(name)  # MRR@10 is RR@10
    graded = {
        queries[query]: {documents[each]: grade for each, grade in rows.items()} for query, rows in judgements.items()
    }
    for each in library.iter_calc(list(called), graded, run):
        for name in called[each.measure]:
            values[name][called_back[each.query_id]] = float(each.value)
    return values

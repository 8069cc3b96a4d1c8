"""`rerank-kit tune`: settings that rank better than plain reranking, and whether that is sure."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rerank_kit.cli.evaluated import (
    Asked,
    Candidates,
    Corpus,
    DatasetPath,
    Encoding,
    Margin,
    MaxCost,
    Measure,
    Queries,
    Seed,
    Split,
    Store,
    Systems,
    Yes,
)
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE
from rerank_kit.cli.telling import say

EXAMPLES = (
    "tune questions.csv --corpus notes",
    'tune scifact "bm25@100 > onnx:embedded" "bm25@100 > local:models/ettin" --seconds 0.5',
)


def run(
    dataset: DatasetPath,
    systems: Systems = None,
    *,
    against: Annotated[
        str | None,
        typer.Option(metavar="SYSTEM", help="What settings are held to, such as bm25; the first reranker by default."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="What a query may take.")] = None,
    dollars: Annotated[float | None, typer.Option(help="What a query may cost.")] = None,
    corpus: Corpus = None,
    candidates: Candidates = None,
    split: Split = None,
    encoding: Encoding = "utf-8",
    measure: Measure = "nDCG@10",
    queries: Queries = None,
    seed: Seed = 0,
    margin: Margin = 0.01,
    store: Store = STORE,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Search for better settings: the first stage alone, numbers of candidates, cascades, mixtures of both.

    Each half of your questions is ranked by the setting that is best on the other half: that is what is reported. All
    are made of scores that are kept; what was scored before is not scored again.
    """
    from rerank_kit.combine import Budget
    from rerank_kit.evaluate import tune
    from rerank_kit.evaluate.tuning import check_enough

    budget = None if seconds is None and dollars is None else Budget(seconds=seconds, money=dollars)
    wanted = systems or ["bm25@100 > onnx:embedded"]
    source = (dataset, wanted, corpus, candidates, split, encoding)
    evaluation = Asked(*source, measure, queries, seed, margin, store, max_cost, yes).evaluated(check_enough)
    found = tune(evaluation, against=against, budget=budget, margin=margin, seed=seed)
    say(json.dumps(found.to_dict()) if as_json else str(found))

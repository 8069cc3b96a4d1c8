"""`rerank-kit eval`: which first stage and which reranker is better on one's own data, and whether that is sure."""

from __future__ import annotations

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
from rerank_kit.cli.formats import Csv, Forms, Html, Latex, Markdown
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE, keep

EXAMPLES = (
    "eval questions.csv --corpus notes --html report.html",
    'eval scifact bm25 "bm25@50 > onnx:embedded" "bm25@50 > cohere:rerank-v4.0-fast" --max-cost 2',
    'eval questions.jsonl --corpus docs.jsonl "my_search:retriever" "my_search:retriever > local:models/ettin"',
    "eval questions.csv --corpus notes --queries 50 --seed 1 --json > run.json",
)


def run(
    dataset: DatasetPath,
    systems: Systems = None,
    *,
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
    html: Html = None,
    as_json: AsJson = False,
    csv: Csv = False,
    markdown: Markdown = False,
    latex: Latex = False,
) -> None:
    """Measure search systems on your own questions: which is better, whether that is sure, how slow and how dear.

    Ctrl-C stops it, and the same command goes on. Nothing is paid for before you have agreed.
    """
    forms = Forms(html, as_json, csv, markdown, latex)
    forms.check()
    source = (dataset, systems, corpus, candidates, split, encoding)
    evaluation = Asked(*source, measure, queries, seed, margin, store, max_cost, yes).evaluated()
    report = evaluation.to_dict()
    keep(store, report)
    forms.write(report)

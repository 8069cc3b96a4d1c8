"""`rerank-kit eval`: which first stage and which reranker is better on one's own data, and whether that is sure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from rerank_kit.cli.formats import Csv, Forms, Html, Latex, Markdown
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE, keep
from rerank_kit.cli.telling import asked_at_terminal, results_alone, tell
from rerank_kit.errors import BudgetExceeded, ConfigurationError

if TYPE_CHECKING:
    from rerank_kit.evaluate import Plan

EXAMPLES = (
    "eval questions.csv --corpus notes --html report.html",
    'eval scifact bm25 "bm25@50 > onnx:embedded" "bm25@50 > cohere:rerank-v4.0-fast" --max-cost 2',
    'eval questions.jsonl --corpus docs.jsonl "my_search:retriever" "my_search:retriever > local:models/ettin"',
    "eval questions.csv --corpus notes --queries 50 --seed 1 --json > run.json",
)
_SYSTEMS = (
    'A first stage ("bm25", "given", "module:retriever"), a reranker ("cohere:rerank-v4.0-fast"), or one on top of the '
    'other with how many are reranked: "bm25@50 > onnx:embedded". In quotation marks, since shells know > too. '
    "By default BM25, and the model that comes along on 10, 50 and 100 of its candidates."
)
_TEN = 10  # pairs a second, below which a digit more is told
_IN_PYTHON = "read_dataset('questions.csv', corpus=folder)"


def run(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A file of questions (CSV, JSONL) or a folder in BEIR's layout.")
    ],
    systems: Annotated[list[str] | None, typer.Argument(metavar="SYSTEM", help=_SYSTEMS)] = None,
    *,
    corpus: Annotated[
        str | None, typer.Option(metavar="PATH", help="The documents: a folder of notes, or a JSONL file.")
    ] = None,
    candidates: Annotated[
        str | None, typer.Option(metavar="FILE", help="What a first stage brought, as a run file of TREC's.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which judgements of a BEIR folder.")] = None,
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    measure: Annotated[str, typer.Option(help="What verdicts are on, as ir-measures writes it.")] = "nDCG@10",
    queries: Annotated[int | None, typer.Option(min=1, metavar="N", help="So many queries, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    margin: Annotated[float, typer.Option(help="Systems are equal that differ by no more than this.")] = 0.01,
    store: Annotated[
        str, typer.Option(metavar="FILE", help="Where all is kept, so that nothing is computed or paid for twice.")
    ] = STORE,
    max_cost: Annotated[
        float | None, typer.Option(metavar="DOLLARS", help="What may be paid for, in place of being asked.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Pay whatever it costs without being asked.")] = False,
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
    from rerank_kit.cli.progress import Bars
    from rerank_kit.evaluate import evaluate, read_dataset

    try:
        data = read_dataset(dataset, corpus=corpus, candidates=candidates, split=split, encoding=encoding)
    except ConfigurationError as error:
        msg = str(error).replace(_IN_PYTHON, f"rerank-kit eval questions.csv --corpus {dataset}")
        raise ConfigurationError(msg) from error
    try:
        with results_alone(), Bars() as bars:
            evaluation = evaluate(
                data,
                systems or None,
                measure=measure,
                queries=queries,
                seed=seed,
                margin=margin,
                store=store,
                max_cost=max_cost,
                confirm=_agreed(yes=yes or max_cost is not None),
                progress=bars,
            )
    except KeyboardInterrupt:
        tell(f"rerank-kit: stopped. What was found out is in {store}: the same command goes on from there")
        raise typer.Exit(130) from None
    report = evaluation.to_dict()
    keep(store, report)
    forms.write(report)


def _agreed(*, yes: bool) -> Callable[[Plan], bool]:
    """Whether somebody wants what a run will take. Nobody is asked where it costs nothing."""

    def agreed(plan: Plan) -> bool:
        tell(f"rerank-kit: {planned(plan)}")
        if yes or not (plan.cost or plan.unknown):
            return True
        answer = asked_at_terminal("Go on?")
        if answer is None:
            msg = "nobody is there to agree to the price: pass --max-cost DOLLARS, or --yes to pay whatever it costs"
            raise BudgetExceeded(msg)
        return answer

    return agreed


def planned(plan: Plan) -> str:
    """What a run will take, as a sentence."""
    pace = plan.pairs / max(plan.seconds, 1e-9)
    speed = f"{pace:,.0f}" if pace >= _TEN else f"{pace:.2g}"
    scored = f"about {plan.pairs:,} pairs of query and document are scored, {speed} a second: " if plan.pairs else ""
    minutes = plan.seconds / 60
    took = "less than a minute" if minutes < 1 else f"about {minutes:.0f} min"
    dear = f"about ${plan.cost:.2f}" if plan.cost else "nothing that is known" if plan.unknown else "nothing"
    unknown = f"; what these cost is not known: {', '.join(plan.unknown)}" if plan.unknown else ""
    return f"{scored}this takes {took} and costs {dear}{unknown}"

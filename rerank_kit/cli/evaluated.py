"""What all commands share that start from an evaluation: their options, and the run itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from rerank_kit.cli.telling import asked_at_terminal, results_alone, tell
from rerank_kit.errors import BudgetExceeded, ConfigurationError

if TYPE_CHECKING:
    from rerank_kit.evaluate import Evaluation, Plan

_SYSTEMS = (
    'A first stage ("bm25", "given", "module:retriever"), a reranker ("cohere:rerank-v4.0-fast"), or one on top of the '
    'other with how many are reranked: "bm25@50 > onnx:embedded". In quotation marks, since shells know > too. '
    "By default BM25, and the model that comes along on 10, 50 and 100 of its candidates."
)
_TEN = 10  # pairs a second, below which a digit more is told
_IN_PYTHON = "read_dataset('questions.csv', corpus=folder)"

DatasetPath: TypeAlias = Annotated[
    str, typer.Argument(metavar="DATASET", help="A file of questions (CSV, JSONL) or a folder in BEIR's layout.")
]
Systems: TypeAlias = Annotated[list[str] | None, typer.Argument(metavar="SYSTEM", help=_SYSTEMS)]
Corpus: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PATH", help="The documents: a folder of notes, or a JSONL file.")
]
Candidates: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FILE", help="What a first stage brought, as a run file of TREC's.")
]
Split: TypeAlias = Annotated[str | None, typer.Option(help="Which judgements of a BEIR folder.")]
Encoding: TypeAlias = Annotated[str, typer.Option(help="Of the files.")]
Measure: TypeAlias = Annotated[str, typer.Option(help="What verdicts are on, as ir-measures writes it.")]
Queries: TypeAlias = Annotated[int | None, typer.Option(min=1, metavar="N", help="So many queries, drawn at random.")]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Of what is drawn.")]
Margin: TypeAlias = Annotated[float, typer.Option(help="Systems are equal that differ by no more than this.")]
Store: TypeAlias = Annotated[
    str, typer.Option(metavar="FILE", help="Where all is kept, so that nothing is computed or paid for twice.")
]
MaxCost: TypeAlias = Annotated[
    float | None, typer.Option(metavar="DOLLARS", help="What may be paid for, in place of being asked.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Pay whatever it costs without being asked.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to have evaluated, as the options say; see `rerank_kit.evaluate.evaluate`."""

    dataset: str
    systems: list[str] | None
    corpus: str | None
    candidates: str | None
    split: str | None
    encoding: str
    measure: str
    queries: int | None
    seed: int
    margin: float
    store: str
    max_cost: float | None
    yes: bool
    unanswered: bool | Literal["unfound"] = False

    def evaluated(self, enough: Callable[[int], None] | None = None) -> Evaluation:
        """Run it, or go on with it, with bars of progress.

        Args:
            enough: Told how many queries have an answer, before anything is asked.

        Raises:
            typer.Exit: Somebody pressed Ctrl-C.
        """
        from rerank_kit.cli.progress import Bars
        from rerank_kit.evaluate import evaluate, read_dataset

        options: dict[str, Any] = {"candidates": self.candidates, "split": self.split, "encoding": self.encoding}
        try:
            data = read_dataset(self.dataset, corpus=self.corpus, **options)
        except ConfigurationError as error:
            msg = str(error).replace(_IN_PYTHON, f"rerank-kit eval questions.csv --corpus {self.dataset}")
            raise ConfigurationError(msg) from error
        if enough is not None:
            answered = len(data.answerable().queries)
            enough(answered if self.queries is None else min(self.queries, answered))
        try:
            with results_alone(), Bars() as bars:
                return evaluate(
                    data,
                    self.systems or None,
                    measure=self.measure,
                    queries=self.queries,
                    seed=self.seed,
                    margin=self.margin,
                    store=self.store,
                    max_cost=self.max_cost,
                    confirm=agreeing(planned, yes=self.yes or self.max_cost is not None),
                    progress=bars,
                    unanswered=self.unanswered,
                )
        except KeyboardInterrupt:
            tell(f"rerank-kit: stopped. What was found out is in {self.store}: the same command goes on from there")
            raise typer.Exit(130) from None


def agreeing(said: Callable[[Plan], str], *, yes: bool) -> Callable[[Plan], bool]:
    """Whether somebody wants what a run will take. Nobody is asked where it costs nothing.

    Args:
        said: A plan as a sentence; an empty one is not told.
        yes: Whether somebody has agreed before.
    """

    def agreed(plan: Plan) -> bool:
        if sentence := said(plan):
            tell(f"rerank-kit: {sentence}")
        if yes or not (plan.cost or plan.unknown):
            return True
        answer = asked_at_terminal("Go on?")
        if answer is None:
            limit = "" if plan.unknown else "--max-cost DOLLARS, or "  # which nothing can keep without a price
            msg = f"nobody is there to agree to the price: pass {limit}--yes to pay whatever it costs"
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
    return f"{scored}this takes {took} and costs {dear(plan)}"


def dear(plan: Plan) -> str:
    """What a run costs, as far as it is known."""
    if not plan.unknown:
        return f"about ${plan.cost:.2f}" if plan.cost else "nothing"
    names = ", ".join(plan.unknown)
    of_names = f"the price of {names} is not known" if len(plan.unknown) == 1 else f"prices are not known of {names}"
    return f"about ${plan.cost:.2f} and more: {of_names}" if plan.cost else f"an unknown amount: {of_names}"

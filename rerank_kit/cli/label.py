"""`rerank-kit label`: labels where there are none, by a judge that a person has reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rerank_kit.cli.evaluated import (
    Candidates,
    Corpus,
    Encoding,
    MaxCost,
    Queries,
    Seed,
    Split,
    Store,
    Systems,
    Yes,
    agreeing,
    dear,
)
from rerank_kit.cli.judges import NAMES, chat_of, judge_of
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE
from rerank_kit.cli.telling import results_alone, say, say_json, tell
from rerank_kit.errors import ConfigurationError
from rerank_kit.texts import counted

if TYPE_CHECKING:
    from rerank_kit.evaluate import Dataset, Labels, Plan

EXAMPLES = (
    "label questions.csv --corpus notes --judge anthropic:claude-haiku-5-5 --review --out labelled",
    "label notes --synthesise 50 --judge http://localhost:11434/v1#qwen3:4b --csv review.csv --out labelled",
    'label questions.csv "bm25@50 > onnx:embedded" --corpus notes --csv mine.csv --out labelled',
)


def run(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="Questions (CSV, JSONL), a folder in BEIR's layout, or with --synthesise a folder of notes.",
        ),
    ],
    systems: Systems = None,
    *,
    judge: Annotated[
        str | None, typer.Option(metavar="MODEL", help=f"Who labels: {NAMES}. Without it, you label all.")
    ] = None,
    criterion: Annotated[
        str | None, typer.Option(metavar="TEXT", help='What makes a document relevant, as the end of "the document …".')
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FOLDER", help="Where the labelled dataset is written.")] = None,
    review: Annotated[bool, typer.Option("--review", help="Label the sample here, with single keys.")] = False,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The sample as a table: written, or read and added to if it is there."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="So many pairs are for you: 30 beside a judge, all without one."),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, metavar="N", help="So many documents of each system are labelled.")] = 10,
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help="Write the dataset though nobody has reviewed it.")
    ] = False,
    synthesise: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Have the judge write so many questions. They flatter.")
    ] = None,
    corpus: Corpus = None,
    candidates: Candidates = None,
    split: Split = None,
    encoding: Encoding = "utf-8",
    queries: Queries = None,
    seed: Seed = 0,
    store: Store = STORE,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Label your own questions: a judge labels what systems find, and you a sample, without seeing what it says.

    Ctrl-C stops it, and the same command goes on. Nothing is paid for before you have agreed.
    """
    from rerank_kit.cli.progress import Bars
    from rerank_kit.evaluate import label, write_dataset

    if out is not None:
        _check_out(out)
    judging = None if judge is None else judge_of(judge, criterion)
    spending: dict[str, Any] = {"store": store, "max_cost": max_cost, "seed": seed}
    agreed = agreeing(_planned, yes=yes or max_cost is not None)
    try:
        if synthesise is None:
            data = _read(dataset, corpus=corpus, candidates=candidates, split=split, encoding=encoding)
        else:
            data = _written(dataset, synthesise, judge, corpus or dataset, encoding, confirm=agreed, **spending)
        data = data if queries is None else data.sampled(queries, seed)
        with results_alone(), Bars() as bars:
            labels = label(
                data, judging, systems or None, depth=depth, sample=sample, confirm=agreed, progress=bars, **spending
            )
        if labels.failure is not None:
            raise ConfigurationError(labels.failure)
        waiting = _review(labels, csv, here=review)
    except KeyboardInterrupt:
        tell(f"rerank-kit: stopped. What was labelled is in {store}: the same command goes on from there")
        raise typer.Exit(130) from None
    next_step: list[str] = []
    if out is not None:
        whole = _whole(labels, unreviewed=unreviewed, waiting=waiting)
        if whole is None:
            next_step = [f"{out} is not written yet: fill in {csv}, and the same command writes it"]
            out = None
        else:
            write_dataset(whole, out)
            where = "" if store == STORE else f" --store {store}"
            next_step = [f"written to {out}: rerank-kit eval {out}{where}"]
    if as_json:
        say_json({**labels.to_dict(), "out": out})
    else:
        say("\n".join([str(labels), *next_step]))


def _check_out(out: str) -> None:
    """Refuse a folder that cannot be written to, before anybody is asked."""
    from rerank_kit.evaluate.writing import check_folder

    try:
        check_folder(Path(out))
    except (ConfigurationError, OSError) as error:
        told = str(error).replace(f"folder={str(Path(out))!r}", f"--out {out!r}")
        raise ConfigurationError(told) from error


def _read(dataset: str, **where: Any) -> Dataset:
    from rerank_kit.evaluate import read_dataset

    try:
        return read_dataset(dataset, labelled=False, **where)
    except ConfigurationError as error:
        if Path(dataset).is_dir() and "has no queries.jsonl" in str(error):
            msg = (
                f"{dataset} has no questions: write some into a table, with question as its first line, and name it "
                f"with --corpus {dataset}; or let a model: --synthesise 50"
            )
            raise ConfigurationError(msg) from error
        raise


def _written(
    dataset: str,
    count: int,
    judge: str | None,
    corpus: str,
    encoding: str,
    **options: Any,
) -> Dataset:
    """Questions that the judge's model writes."""
    from rerank_kit.evaluate import synthesise
    from rerank_kit.evaluate.corpus import read_corpus
    from rerank_kit.evaluate.reading import PASSAGE
    from rerank_kit.evaluate.text_files import check_encoding, path_of

    if judge is None:
        msg = f"--synthesise needs a model that writes questions: pass --judge, which is one of {NAMES}"
        raise ConfigurationError(msg)
    model = chat_of(judge)
    documents = read_corpus(path_of("corpus", corpus), check_encoding(encoding), PASSAGE).documents
    with results_alone():
        return synthesise(documents, getattr(model, "chat", model), count, name=Path(dataset).stem, **options)


def _whole(labels: Labels, *, unreviewed: bool, waiting: bool) -> Dataset | None:
    """The dataset with all labels; `None` where it waits for a table that a person has just been given."""
    try:
        return labels.dataset(unreviewed=unreviewed)
    except ConfigurationError as error:
        if waiting:
            return None
        told = str(error).replace("the sample", "the sample with --review, or in the table of --csv FILE")
        raise ConfigurationError(told.replace("unreviewed=True", "--unreviewed")) from error


def _review(labels: Labels, csv: str | None, *, here: bool) -> bool:
    """Take what a person says, from a table or here, and say whether there is something new to fill in."""
    from rerank_kit.cli.keys import pressed
    from rerank_kit.evaluate.reviewing import review

    if csv is not None and Path(csv).exists():
        tell(f"rerank-kit: {counted(labels.read_sheet(csv), 'label')} read from {csv}")
    if here:
        with pressed() as keys:
            review(labels, keys, tell)
    fill_in = "fill in its column grade with 1 or 0, and run the same command again"
    if csv is not None and not Path(csv).exists():
        labels.write_sheet(csv)
        tell(f"rerank-kit: wrote {csv}: {fill_in}")
        return bool(labels.remaining)
    if csv is not None and (added := labels.add_to_sheet(csv)):
        tell(f"rerank-kit: added {counted(added, 'row')} to {csv}: {fill_in}")
        return True
    return False


def _planned(plan: Plan) -> str:
    """What is to be paid for, as a sentence; an empty one where nothing is."""
    if not (plan.cost or plan.unknown):
        return ""
    return f"{counted(plan.pairs, 'text')} are to be read. That costs {dear(plan)}"

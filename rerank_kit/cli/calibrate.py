"""`rerank-kit calibrate`: what a reranker's scores mean on one's own data, and a threshold that holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rerank_kit.cli.evaluated import (
    Asked,
    Candidates,
    Corpus,
    DatasetPath,
    Encoding,
    MaxCost,
    Queries,
    Seed,
    Split,
    Store,
    Yes,
)
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE
from rerank_kit.cli.telling import say
from rerank_kit.texts import counted

if TYPE_CHECKING:
    from rerank_kit.combine import Calibration

EXAMPLES = (
    "calibrate questions.csv --corpus notes --precision 0.8",
    'calibrate scifact "bm25@50 > onnx:embedded" --recall 0.9 --top-n 5 --out calibration.json',
)


def run(
    dataset: DatasetPath,
    system: Annotated[
        str, typer.Argument(metavar="SYSTEM", help="The reranker, behind its first stage.")
    ] = "bm25@50 > onnx:embedded",
    *,
    precision: Annotated[
        float | None, typer.Option(metavar="SHARE", help="So many of the documents that pass are to be relevant.")
    ] = None,
    recall: Annotated[
        float | None, typer.Option(metavar="SHARE", help="So many of the relevant candidates are to pass.")
    ] = None,
    top_n: Annotated[
        int | None, typer.Option("--top-n", min=1, metavar="N", help="So many documents of a question pass at most.")
    ] = None,
    method: Annotated[str, typer.Option(help='"platt", or "isotonic" where there are many labels.')] = "platt",
    unfound: Annotated[
        bool,
        typer.Option(
            "--unfound",
            help="Nothing answers the questions, either, for which label had documents labelled and none was relevant.",
        ),
    ] = False,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Where the calibration is written, for Calibrated(reranker, FILE).")
    ] = "calibration.json",
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
    """Find the threshold for a wanted precision or recall, on half of your questions, and report on the other half.

    What was scored before is not scored again.
    """
    from rerank_kit.checks import check_choice
    from rerank_kit.evaluate.calibrating import METHODS, calibrate, check_enough, check_goal

    check_goal(precision, recall)
    check_choice("method", method, METHODS)
    source = (dataset, [system], corpus, candidates, split, encoding)
    evaluation = Asked(
        *source, "nDCG@10", queries, seed, 0.01, store, max_cost, yes, "unfound" if unfound else True
    ).evaluated(check_enough)
    goal: dict[str, Any] = {"precision": precision, "recall": recall, "method": method}
    calibration = calibrate(evaluation, top_n=top_n, seed=seed, **goal)
    calibration.save(out)
    say(json.dumps(calibration.to_dict()) if as_json else "\n".join([*told(calibration), f"written to {out}"]))


def told(calibration: Calibration) -> list[str]:
    """What was found, in lines."""
    known = calibration.told
    held, chosen, nothing = known["held_out"], known["chosen_on"], known["nothing_relevant"]
    passes = f"a document passes where its probability is {calibration.threshold:.3g} or more"
    lines = [
        f"{known['system']}: {passes}, for {calibration.goal} {calibration.wanted:g}",
        f"on {held['queries']} questions that it was not chosen on [and on the {chosen['queries']} that it was]:",
        f"  precision {_both(held, chosen, 'precision')}: so many of those that pass are relevant by the labels",
        f"  recall {_both(held, chosen, 'recall')}: so many of the relevant candidates pass",
        f"  {_both(held, chosen, 'nothing_passes')} of the questions are left with nothing",
    ]
    if held["passes_without_answer"] is not None:
        lines.append(
            f"  {_both(held, chosen, 'passes_without_answer')} of {counted(held['without_answer'], 'question')} that "
            "nothing answers get something all the same, which counts against precision"
        )
    if others := known["left_out"] - known["unfound"]:
        lines.append(
            f"{counted(others, 'question')} without a relevant document left out: where such are asked, less of what "
            "passes is relevant"
        )
    if known["unfound"]:
        lines.append(
            f"{counted(known['unfound'], 'question')} left out for which label had documents labelled and none was "
            "relevant: whether another one answers is not known. If you know that none does, pass --unfound"
        )
    if nothing["auroc"] is not None:
        lines.append(
            f"whether anything answers at all: the best score tells a question from the same one without its answers "
            f"{nothing['auroc']:.0%} of the time; where 90% of the questions pass, {nothing['false_accepts']:.0%} of "
            "those without answers do"
        )
    return lines


def _both(held: Mapping[str, Any], chosen: Mapping[str, Any], name: str) -> str:
    """A share on the questions that nothing was chosen on, with its interval, and on those that it was."""
    return f"{_share(held[name])} [{_share(chosen[name], interval=False)}]"


def _share(known: Mapping[str, float] | None, *, interval: bool = True) -> str:
    if known is None:
        return "not known, since nothing passed"
    return f"{known['value']:.2f}" + (f" ({known['low']:.2f} to {known['high']:.2f})" if interval else "")

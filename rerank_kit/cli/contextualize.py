"""`rerank-kit contextualize`: contexts for the chunks of a folder, what they cost, and whether they are worth it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rerank_kit.cli.evaluated import Encoding, MaxCost, Seed, Yes
from rerank_kit.cli.judges import NAMES, chat_of
from rerank_kit.cli.options import AsJson, named_reranker, only_one
from rerank_kit.cli.telling import asked_at_terminal, results_alone, say, say_json, tell
from rerank_kit.errors import BudgetExceeded, ConfigurationError

if TYPE_CHECKING:
    from rerank_kit.contextual import ChunkedDocument, Contexts, ContextSource, Contextualizer
    from rerank_kit.evaluate import Dataset, Plan

STORE = "contexts.sqlite"
EXAMPLES = (
    "contextualize notes --out chunks.jsonl",
    "contextualize notes --model anthropic:claude-haiku-5-5 --estimate",
    "contextualize notes --model anthropic:claude-haiku-5-5 --pilot questions.csv --budget 1",
    "contextualize notes --model http://localhost:11434/v1#qwen3:4b --chunks-per-call 8 --out chunks.jsonl",
)


def run(
    folder: Annotated[str, typer.Argument(metavar="PATH", help="A folder of notes, or a JSONL file with id and text.")],
    *,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help=f"Who writes: {NAMES}. Without it, contexts are made of headings."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSONL with a line for each chunk; by default stdout.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would take, for every way.")] = False,
    pilot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Only find out whether it is worth it, with these labelled questions."),
    ] = None,
    draw: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The same, with so many questions that the model writes. They flatter."),
    ] = None,
    budget: Annotated[float | None, typer.Option(metavar="DOLLARS", help="What the pilot may cost.")] = None,
    reranker: Annotated[str, typer.Option(metavar="NAME", help="What reranks in the pilot; none is none.")] = (
        "onnx:embedded"
    ),
    recall: Annotated[int, typer.Option(min=1, metavar="N", help="So many chunks are found in the pilot.")] = 150,
    top_n: Annotated[int, typer.Option(min=1, metavar="N", help="So many are kept of these.")] = 20,
    chunks_per_call: Annotated[
        str, typer.Option(metavar="N", help="So many chunks are asked about in one call; auto is what costs less.")
    ] = "1",
    granularity: Annotated[
        Literal["chunk", "section", "document"], typer.Option(help="What gets a context of its own.")
    ] = "chunk",
    neighbours: Annotated[
        int, typer.Option(min=0, metavar="N", help="Without a model: characters of the text beside a chunk.")
    ] = 0,
    batch: Annotated[bool, typer.Option("--batch", help="Ask in batches: half the price, within 24 hours.")] = False,
    encoding: Encoding = "utf-8",
    store: Annotated[
        str, typer.Option(metavar="FILE", help="Where contexts are kept, so that none is paid for twice.")
    ] = STORE,
    seed: Seed = 0,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Write contexts for chunks, which are put in front of them before they are embedded and indexed.

    Begin with --estimate and --pilot. Ctrl-C stops it, and the same command goes on. Nothing is paid for before you
    have agreed.
    """
    only_one(estimate=estimate, pilot=pilot, draw=draw)
    documents = _documents(folder, encoding)
    if model is None:
        if estimate or draw or batch:
            msg = f"--estimate, --draw and --batch need --model, which is one of {NAMES}"
            raise typer.BadParameter(msg)
        source = _of_headings(neighbours)
    else:
        source = _of_model(model, chunks_per_call, granularity, store, max_cost, batch=batch)
    try:
        if estimate:
            _say_estimate(source, documents, as_json=as_json)
        elif pilot or draw:
            limit = budget if max_cost is None else max_cost
            _agree(source, documents, limit, yes=yes, what="the pilot")
            spending: dict[str, Any] = {"store": store, "seed": seed, "max_cost": limit}
            questions = _questions(pilot, folder, encoding) if pilot else _drawn(model, documents, draw, spending)
            options: dict[str, Any] = {"recall": recall, "top_n": top_n, "budget": budget, "seed": seed}
            second = None if reranker == "none" else named_reranker(reranker)
            _say_pilot(source, documents, questions, {**options, "reranker": second}, as_json=as_json)
        else:
            _agree(source, documents, max_cost, yes=yes, what="this")
            with results_alone():
                contexts = source.contextualize(documents)
            _write(contexts, out)
            tell(f"rerank-kit: {contexts}")
    except KeyboardInterrupt:
        tell(f"rerank-kit: stopped. What was written is in {store}: the same command goes on from there")
        raise typer.Exit(130) from None


def _documents(folder: str, encoding: str) -> list[ChunkedDocument]:
    from rerank_kit.contextual import ChunkedDocument
    from rerank_kit.evaluate.corpus import passages_of, read_corpus
    from rerank_kit.evaluate.reading import PASSAGE
    from rerank_kit.evaluate.text_files import check_encoding, path_of

    whole = read_corpus(path_of("PATH", folder), check_encoding(encoding), None).sources
    return [
        ChunkedDocument(text, list(passages_of(text, PASSAGE)), id=name, title=name) for name, text in whole.items()
    ]


def _of_headings(neighbours: int) -> ContextSource:
    from rerank_kit.contextual import HeadingContext

    return HeadingContext(neighbours=neighbours)


def _of_model(
    name: str, chunks: str, granularity: Any, store: str, max_cost: float | None, *, batch: bool
) -> Contextualizer:
    from rerank_kit.cli.context_bars import ContextBars
    from rerank_kit.contextual import Contextualizer

    try:
        found = chat_of(name)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("--judge", "--model")) from error
    per_call: Any = chunks if chunks == "auto" or not chunks.isdecimal() else int(chunks)
    return Contextualizer(
        getattr(found, "chat", found),
        chunks_per_call=per_call,
        granularity=granularity,
        store=store,
        max_cost=max_cost,
        batch=batch,
        progress=ContextBars(),
    )


def _say_estimate(source: Any, documents: list[ChunkedDocument], *, as_json: bool) -> None:
    from dataclasses import asdict

    found = source.estimate(documents)
    if as_json:
        say_json({**asdict(found), "ways": [{"name": each.name, **asdict(each)} for each in found.ways]})
    else:
        say(str(found))


def _agree(
    source: ContextSource, documents: list[ChunkedDocument], limit: float | None, *, yes: bool, what: str
) -> None:
    """Tell what it will cost, and have somebody agree to it.

    Raises:
        BudgetExceeded: Nobody does.
    """
    cost = source.expected_cost(documents)
    if cost == 0.0:
        return
    told = "a price that is not known" if cost is None else f"about ${cost:.4f}"
    tell(f"rerank-kit: contexts for all documents cost {told}; what is in the store already costs nothing")
    if yes or limit is not None:
        return
    answer = asked_at_terminal(f"Go on with {what}?")
    if not answer:
        msg = "nothing was asked: agree, or pass --max-cost DOLLARS, or --yes to pay whatever it costs"
        raise BudgetExceeded(msg)


def _questions(path: str, folder: str, encoding: str) -> Dataset:
    from rerank_kit.evaluate import read_dataset

    return read_dataset(path, corpus=folder, encoding=encoding)


def _drawn(model: str | None, documents: list[ChunkedDocument], count: int | None, spending: dict[str, Any]) -> Dataset:
    """Questions that the model writes, each from one chunk."""
    from rerank_kit.evaluate import synthesise

    chunks = {name: chunk for each in documents for name, chunk in zip(each.chunk_ids, each.chunks, strict=True)}
    writer = chat_of(str(model))
    options: dict[str, Any] = spending if spending["max_cost"] is not None else {**spending, "confirm": _as_was_told}
    with results_alone():
        return synthesise(chunks, getattr(writer, "chat", writer), count or 0, **options)


def _as_was_told(plan: Plan) -> bool:  # noqa: ARG001 - it has been agreed to
    return True


def _say_pilot(
    source: ContextSource,
    documents: list[ChunkedDocument],
    questions: Dataset,
    options: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    from rerank_kit.contextual import pilot

    with results_alone():
        found = pilot(documents, questions, source, **options)
    if as_json:
        say_json(found.to_dict())
    else:
        say(str(found))


def _write(contexts: Contexts, out: str | None) -> None:
    rows = [
        {"id": name, "document": document.id, "text": chunk, "context": context.text}
        for document, row in contexts
        for name, chunk, context in zip(document.chunk_ids, document.chunks, row, strict=True)
    ]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in rows)
    if out is None:
        say(lines)
        return
    Path(out).write_text(f"{lines}\n", "utf-8")
    tell(f"rerank-kit: wrote {out}: a line for each chunk, with its context")

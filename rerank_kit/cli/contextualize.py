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
from rerank_kit.whole_files import write_whole

if TYPE_CHECKING:
    from rerank_kit.contextual import ChunkedDocument, Contexts, ContextSource, Contextualizer
    from rerank_kit.evaluate import Dataset

STORE = "contexts.sqlite"
_DIGITS = 6  # of a number of chunks
_LEAST = 1e-9  # US dollars: no more is left
_LISTED = 5  # chunks without a context
_IN_PYTHON = "pass prices=known_prices().override(Price(…))"
_HERE = "name a price list of your own in RERANK_KIT_PRICES"
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
    only_one(estimate=estimate, pilot=pilot is not None, draw=draw)
    piloting = pilot is not None or draw is not None
    _refuse("--pilot or --draw", wanted=piloting, budget=budget is not None)
    _refuse("contexts that are written", wanted=not (piloting or estimate), out=out is not None)
    _refuse(
        "--model",
        wanted=model is not None,
        estimate=estimate,
        draw=draw,
        batch=batch,
        chunks_per_call=chunks_per_call != "1",
        granularity=granularity != "chunk",
    )
    _refuse("contexts of headings, without --model", wanted=model is None, neighbours=neighbours)
    if out is not None:
        _check_out(out)
    documents = _documents(folder, encoding)
    try:
        if model is None:
            source = _of_headings(neighbours)
        else:
            limit = None if piloting else max_cost
            source = _of_model(model, chunks_per_call, granularity, store, limit, batch=batch, asked=not estimate)
        if estimate:
            _say_estimate(source, documents, as_json=as_json)
        elif piloting:
            limit = budget if max_cost is None else max_cost
            _agree(source, documents, limit, yes=yes, what="the pilot")
            questions = _questions(pilot, folder, encoding) if draw is None else None
            if questions is None:
                spending: dict[str, Any] = {"store": store, "seed": seed, "max_cost": limit}
                questions, limit = _drawn(model, documents, draw or 0, spending)
            options: dict[str, Any] = {"recall": recall, "top_n": top_n, "budget": limit, "seed": seed}
            second = None if reranker == "none" else named_reranker(reranker)
            _say_pilot(source, documents, questions, {**options, "reranker": second}, as_json=as_json)
        else:
            _agree(source, documents, max_cost, yes=yes, what="this")
            if batch:
                tell("rerank-kit: asked in batches, which takes up to 24 hours: Ctrl-C, and the same command goes on")
            made, why = _made(source, documents)
            _write(made, out)
            if why is not None or made.failures:
                tell("rerank-kit: the same command asks for what is missing")
                raise typer.Exit(1)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace(_IN_PYTHON, _HERE)) from error
    except KeyboardInterrupt:
        tell(f"rerank-kit: stopped. What was written is in {store}: the same command goes on from there")
        raise typer.Exit(130) from None


def _refuse(what: str, *, wanted: bool, **given: object) -> None:
    """Refuse options that would have no effect.

    Raises:
        BadParameter: One of them is given.
    """
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if names and not wanted:
        msg = f"{', '.join(names)}: only for {what}: leave it out, or ask for that"
        raise typer.BadParameter(msg)


def _check_out(out: str) -> None:
    """Refuse a file that cannot be written, before anything is paid for."""
    path = Path(out)
    if not out or path.is_dir() or not path.absolute().parent.is_dir():
        msg = f"--out {out!r} is no file that can be written: name one in a folder that is there"
        raise typer.BadParameter(msg)


def _made(source: ContextSource, documents: list[ChunkedDocument]) -> tuple[Contexts, str | None]:
    """The contexts, as far as they can be had, and what stopped it before its end."""
    from rerank_kit.contextual import IncompleteContexts

    with results_alone():
        try:
            return source.contextualize(documents), None
        except IncompleteContexts as error:
            tell(f"rerank-kit: {error.why}")
            return error.contexts, error.why


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
    name: str, chunks: str, granularity: Any, store: str, max_cost: float | None, *, batch: bool, asked: bool
) -> Contextualizer:
    from rerank_kit.cli.context_bars import ContextBars
    from rerank_kit.contextual import Contextualizer

    found = _chat(name, asked=asked)
    short = chunks.isdecimal() and len(chunks) <= _DIGITS
    per_call: Any = int(chunks) if short else chunks
    return Contextualizer(
        getattr(found, "chat", found),
        chunks_per_call=per_call,
        granularity=granularity,
        store=store,
        max_cost=max_cost,
        batch=batch,
        on_error="keep",
        progress=ContextBars(),
    )


def _chat(name: str, *, asked: bool = True) -> Any:
    """The chat model of a name. One that nobody asks needs no key."""
    from rerank_kit.judge import Anthropic

    kind, _, model = name.partition(":")
    if kind == "anthropic" and model and not asked:
        return Anthropic(model, api_key="-")
    try:
        return chat_of(name)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("--judge", "--model")) from error


def _say_estimate(source: Any, documents: list[ChunkedDocument], *, as_json: bool) -> None:
    from dataclasses import asdict

    found = source.estimate(documents)
    if as_json:
        say_json({**asdict(found), "ways": [{"name": each.name, **asdict(each)} for each in found.ways]})
    else:
        say(str(found).replace(_IN_PYTHON, _HERE))


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
        known = "" if cost is None else "--max-cost DOLLARS, or in a pilot --budget DOLLARS, or "
        msg = f"nothing was asked: agree, or pass {known}--yes to pay whatever it costs"
        raise BudgetExceeded(msg)


def _questions(path: str | None, folder: str, encoding: str) -> Dataset:
    from rerank_kit.evaluate import read_dataset

    if not path:
        msg = "--pilot names no file: name a table with the columns question and quote"
        raise typer.BadParameter(msg)
    return read_dataset(path, corpus=folder, encoding=encoding)


def _drawn(
    model: str | None, documents: list[ChunkedDocument], count: int, spending: dict[str, Any]
) -> tuple[Dataset, float | None]:
    """Questions that the model writes, each from one chunk, and what is left of the money."""
    from rerank_kit.contextual.documents import chunks_by_id
    from rerank_kit.evaluate import Plan, synthesise

    chunks = chunks_by_id(documents)
    writer = _chat(str(model))
    plans: list[Plan] = []

    def agreed(plan: Plan) -> bool:
        plans.append(plan)
        tell(f"rerank-kit: questions are drawn from {plan.pairs} chunks, which costs about ${plan.cost:.4f}")
        return True

    with results_alone():
        data = synthesise(chunks, getattr(writer, "chat", writer), count, confirm=agreed, **spending)
    limit = spending["max_cost"]
    return data, None if limit is None else max(limit - plans[0].cost, _LEAST)


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
    """Write a line for each chunk, and tell which have no context though one was wanted."""
    rows = [
        {"id": name, "document": document.id, "text": chunk, "context": context.text}
        for document, row in contexts
        for name, chunk, context in zip(document.chunk_ids, document.chunks, row, strict=True)
    ]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in rows)
    if out is None:
        say(lines)
    else:
        write_whole(Path(out), [f"{lines}\n".encode("utf-8", "backslashreplace")])
        tell(f"rerank-kit: wrote {out}: a line for each chunk, with its context")
    tell(f"rerank-kit: {contexts}")
    for each in contexts.failures[:_LISTED]:
        tell(f"rerank-kit: no context for chunk {each.chunk} of {each.document}: {each.why}")

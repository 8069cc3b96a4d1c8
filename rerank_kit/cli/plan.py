"""`rerank-kit plan`: what every back end would cost in a month, and which one to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rerank_kit.cli.formats import Html, Markdown, check_page, write_page
from rerank_kit.cli.options import EMBEDDED, AsJson, only_one
from rerank_kit.cli.telling import say, tell
from rerank_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from rerank_kit.cli.timing import Timed
    from rerank_kit.pricing import Plan, Prices

EXAMPLES = (
    "plan --queries 200000 --machine-price 60",
    "plan --queries 20000 --language zh --data-must-stay --cores 8",
    "plan --queries 500000 --measure notes --machine-price 60 --html plan.html",
    "plan --queries 50000 --vendor Anthropic --contextual claude-haiku-5-5 --corpus-tokens 20000000",
    "plan --queries 1000 --machine-price 60 --break-even cohere:rerank-v4.0-fast onnx:embedded",
)
_FAST = "BACKEND=NUMBER"


def run(
    queries: Annotated[int, typer.Option(help="How many there are in a month.")],
    *,
    candidates: Annotated[int, typer.Option(help="How many documents of a query are reranked.")] = 50,
    tokens_per_document: Annotated[
        int | None, typer.Option(help="The mean; by default 300, or what --measure finds.")
    ] = None,
    query_tokens: Annotated[int, typer.Option(help="Of a query.")] = 20,
    language: Annotated[str, typer.Option(help="Of the documents: a code such as zh, or several.")] = "en",
    data_must_stay: Annotated[bool, typer.Option("--data-must-stay", help="Nothing may go to a vendor.")] = False,
    latency: Annotated[float | None, typer.Option(metavar="SECONDS", help="Reranking may take so long.")] = None,
    vendor: Annotated[
        list[str] | None, typer.Option(help="The one that may be used, such as Anthropic. Several times, if need be.")
    ] = None,
    peak: Annotated[float, typer.Option(help="So many times the mean has the busiest hour.")] = 5.0,
    hardware: Annotated[str | None, typer.Option(metavar="NAME", help="What your machine is called.")] = None,
    machine_price: Annotated[
        float | None, typer.Option(metavar="DOLLARS", help="What a machine of yours costs a month.")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Of that machine's CPU.")] = None,
    pairs_per_second: Annotated[
        list[str] | None,
        typer.Option(metavar=_FAST, help="How fast a local model is there. Several times, if need be."),
    ] = None,
    measure: Annotated[
        str | None, typer.Option(metavar="DIR", help="Time local rerankers here, on the documents of a folder.")
    ] = None,
    reranker: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What is timed; by default the model that comes along.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the files that are measured on.")] = "utf-8",
    judge: Annotated[str | None, typer.Option(metavar="MODEL", help="An LLM that judges the last few.")] = None,
    judged: Annotated[int, typer.Option(help="How many.")] = 10,
    decision: Annotated[str | None, typer.Option(metavar="MODEL", help="A decision model behind the reranker.")] = None,
    decided: Annotated[int, typer.Option(help="How many documents it gets.")] = 30,
    contextual: Annotated[
        str | None, typer.Option(metavar="MODEL", help="An LLM that writes a context for each chunk.")
    ] = None,
    corpus_tokens: Annotated[int | None, typer.Option(help="Of all documents together.")] = None,
    document_tokens: Annotated[int, typer.Option(help="Of the document that a chunk is from.")] = 8_000,
    changed: Annotated[float, typer.Option(help="The part of the documents that changes in a month, 0 to 1.")] = 0.0,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own prices (TOML), which go before ours.")
    ] = None,
    break_even: Annotated[
        tuple[str, str] | None, typer.Option(metavar="ONE OTHER", help="Say only where these two cost the same.")
    ] = None,
    html: Html = None,
    as_json: AsJson = False,
    markdown: Markdown = False,
) -> None:
    """Say what every back end would cost in a month, by each vendor's own rules, and which one to begin with.

    Nothing is sent anywhere. What is not known is "?", and never 0.
    """
    only_one(json=as_json, markdown=markdown, break_even=break_even)
    check_page(html)
    if reranker and measure is None:
        msg = "--reranker names what --measure times: add --measure DIR, or say --pairs-per-second"
        raise typer.BadParameter(msg)
    rates = dict(map(_rate, pairs_per_second or ()))
    given: dict[str, Any] = {
        "candidates": candidates,
        "query_tokens": query_tokens,
        "language": language,
        "data_must_stay": data_must_stay,
        "latency": latency,
        "vendor": vendor[0] if vendor and len(vendor) == 1 else vendor or None,
        "peak": peak,
        "hardware": hardware,
        "machine_price": machine_price,
        "cores": cores,
        "pairs_per_second": rates,
        "judge": judge,
        "judged": judged,
        "decision": decision,
        "decided": decided,
        "contextual": contextual,
        "corpus_tokens": corpus_tokens,
        "document_tokens": document_tokens,
        "changed": changed,
    }
    listed = _prices(prices)
    given["tokens_per_document"] = 300 if tokens_per_document is None else tokens_per_document
    made = _planned(queries, listed, given)
    if measure is not None:  # what is wrong was told before
        found = _timed(measure, reranker or [EMBEDDED], candidates, encoding)
        given["speeds"] = found.speeds(None if tokens_per_document is None else found.mean + query_tokens)
        given["tokens_per_document"] = found.lengths if tokens_per_document is None else tokens_per_document
        made = _planned(queries, listed, given)
    if html is not None:
        write_page(html, made.to_html())
    if break_even is not None:
        say(str(made.break_even(*break_even) or _unknown(made, break_even)))
    else:
        say(made.to_json() if as_json else made.to_markdown() if markdown else str(made))


def _unknown(made: Plan, names: tuple[str, str]) -> str:
    """Whose costs are not known, why, and what to do."""
    missing = {name: made.unknown_cost(name) for name in names}
    return f"? {'; '.join(f'{name}: {why}' for name, why in missing.items() if why is not None)}"


def _prices(file: str | None) -> Prices:
    from rerank_kit.pricing import Prices, known_prices

    return known_prices() if file is None else known_prices().override(Prices.load(file))


def _planned(queries: int, prices: Prices, given: dict[str, Any]) -> Plan:
    """The plan.

    Raises:
        BadParameter: An option is wrong.
    """
    from rerank_kit.pricing import plan

    try:
        return plan(queries, prices=prices, **given)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def _timed(folder: str, names: list[str], candidates: int, encoding: str) -> Timed:
    from rerank_kit.checks import check_text
    from rerank_kit.cli.timing import timed

    tell(f"rerank-kit: timing {', '.join(names)} on {folder}")
    found = timed(folder, names, candidates, check_text("encoding", encoding))
    for name, rate in found.rates.items():
        if rate.unsteady:
            tell(
                f"rerank-kit: {name} scored {rate} on the same documents, so that the next plan may be another one: "
                "measure again while nothing else runs on this machine"
            )
    return found


def _rate(said: str) -> tuple[str, float]:
    """A back end, and how many pairs a second it scores."""
    name, _, number = said.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        msg = f"--pairs-per-second {said!r} is not {_FAST}: write onnx:embedded=400, say"
        raise typer.BadParameter(msg) from None

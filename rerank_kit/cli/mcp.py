"""`rerank-kit mcp`: the reranker, and a search in folders, as tools of an agent."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rerank_kit.checks import check_seconds
from rerank_kit.cli.options import EMBEDDED, RerankerName, named_reranker
from rerank_kit.cli.telling import log_to_stderr, results_alone, tell
from rerank_kit.optional import needed

EXAMPLES = (
    "mcp",
    "mcp --folder notes --folder ~/code",
    "mcp --reranker sentence-transformers:BAAI/bge-reranker-v2-m3",
)


def run(
    *,
    folder: Annotated[
        list[str] | None,
        typer.Option("--folder", metavar="DIR", help="A folder that agents may search; more than once for several."),
    ] = None,
    reranker: RerankerName = EMBEDDED,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For a call.")] = 60.0,
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
) -> None:
    """Give agents the tools rerank and search_folder, over the Model Context Protocol.

    An agent's program starts it and talks to it on standard input and output. How to set one up:
    https://github.com/rerank-kit/rerank-kit/blob/main/docs/mcp.md

    search_folder is there if a --folder is, and reads nothing outside.

    Nothing is sent anywhere, unless --reranker names an API.
    """
    needed("mcp", extra="mcp", why="rerank-kit mcp")
    from rerank_kit.mcp import rerank_tool, search_tool
    from rerank_kit.mcp.server import run as listen
    from rerank_kit.mcp.server import server_of
    from rerank_kit.search import FolderIndex

    log_to_stderr("rerank_kit")
    seconds = check_seconds("timeout", timeout)
    folders = FolderIndex(folder, encoding=encoding) if folder else None
    with results_alone():
        loaded = named_reranker(reranker)
    tools = [rerank_tool(loaded, seconds)]
    if folders is not None:
        tools.append(search_tool(loaded, folders, seconds))
    if sys.stdin is not None and sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        tell("rerank-kit: waiting for a client on standard input, which an agent's program is; Ctrl-C ends it")
    listen(server_of(tools))

"""`rerank-kit shadow`: what a Shadow recorded, a live reranker and its candidate side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from rerank_kit.cli.formats import Markdown
from rerank_kit.cli.options import AsJson, only_one
from rerank_kit.cli.telling import say, say_json

EXAMPLES = ("shadow shadow.sqlite", "shadow shadow.sqlite --markdown > MOVING.md", "shadow shadow.sqlite --json")


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file that a Shadow wrote.")],
    *,
    top_n: Annotated[int, typer.Option("--top-n", help="How many of the best are looked at.")] = 5,
    as_json: AsJson = False,
    markdown: Markdown = False,
) -> None:
    """Compare a live reranker with the candidate that ran beside it: agreement, time, cost, failures."""
    from rerank_kit.combine import shadow_report

    only_one(json=as_json, markdown=markdown)
    report = shadow_report(file, top_n=top_n)
    if as_json:
        say_json(report.to_dict())
    else:
        say(report.to_markdown() if markdown else str(report))

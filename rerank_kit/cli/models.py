"""`rerank-kit models`: the rerankers that are known, and how each is run."""

from __future__ import annotations

from typing import Annotated

import typer

from rerank_kit.cli.telling import say

EXAMPLES = ("models", "models apache multilingual")


def run(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="Only those that have all of these words.")
    ] = None,
) -> None:
    """List the rerankers that are known: sizes, languages, licences, ways to run them, prompts and scores."""
    from rerank_kit.local.catalogue import described

    say(described(" ".join(words or ())))

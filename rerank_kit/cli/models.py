"""`rerank-kit models`: the rerankers that are known, and how each is run."""

from __future__ import annotations

import argparse
from typing import Any


def add_models(commands: Any) -> None:
    """Add the command."""
    about = "list the rerankers that are known: sizes, languages, licences, ways to run them, prompts and scores"
    parser = commands.add_parser("models", help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only those that have all of these words")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    from rerank_kit.local.catalogue import described

    return described(" ".join(options.words))

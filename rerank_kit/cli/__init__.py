"""The command `rerank-kit`: what a user does once, from a terminal. Each file here adds one command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rerank_kit.cli.export import add_export
from rerank_kit.cli.models import add_models
from rerank_kit.errors import RerankError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 1 with a line on stderr. argparse itself exits with 2."""
    options = parser().parse_args(arguments)
    try:
        sys.stdout.write(f"{options.run(options)}\n")
    except RerankError as error:
        sys.stderr.write(f"rerank-kit: {' '.join(str(error).split())}\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    every = argparse.ArgumentParser(prog="rerank-kit", description="Rerankers for retrieval.")
    commands = every.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_export, add_models):
        add(commands)
    return every

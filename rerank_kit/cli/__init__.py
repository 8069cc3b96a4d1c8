"""The command `rerank-kit`. Each file here adds one command; what they share is in app, telling and options."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rerank_kit.errors import MissingExtra
from rerank_kit.optional import optional


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 failed, 2 a wrong command, 130 Ctrl-C.

    Args:
        arguments: The words behind `rerank-kit`; by default those that the process was started with.
    """
    try:
        for module in ("typer", "rich"):
            optional(module, extra="cli", why="the command line")
        from rerank_kit.cli.app import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except MissingExtra as error:  # here alone, the commands' own errors are told by `run`
        sys.stderr.write(f"rerank-kit: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130

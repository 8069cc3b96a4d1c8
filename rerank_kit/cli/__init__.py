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
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        for module in ("typer", "rich"):
            optional(module, extra=_extra(arguments), why="the command line")
        from rerank_kit.cli.app import run

        return run(arguments)
    except MissingExtra as error:  # here alone, the commands' own errors are told by `run`
        sys.stderr.write(f"rerank-kit: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _extra(arguments: Sequence[str]) -> str:
    """The extras that a command will want, so that they are installed at once."""
    command = arguments[0] if arguments else ""
    return {"serve": "serve,embedded", "mcp": "mcp,embedded", "eval": "eval,embedded"}.get(command, "cli")

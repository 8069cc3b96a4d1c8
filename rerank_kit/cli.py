"""The command `rerank-kit`: what a user does once, from a terminal. A command is a function that adds its parser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

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
    for add in (_export,):
        add(commands)
    return every


def _export(commands: Any) -> None:
    about = "turn a cross-encoder of transformers into a folder that OnnxCrossEncoder loads"
    parser = commands.add_parser("export", help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("model", metavar="MODEL", help="folder or hub name of a sequence classifier")
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--revision", help="hub commit, tag or branch")
    parser.add_argument(
        "--texts", metavar="FILE", help="passages to compare with torch on, one a line (default: Python's)"
    )
    parser.add_argument("--no-int8", dest="int8", action="store_false", help="write model.onnx alone")
    parser.add_argument("--force", action="store_true", help="replace a former export")
    parser.add_argument(
        "--max-difference",
        type=float,
        default=1e-3,
        metavar="X",
        help="of a logit of model.onnx (default: %(default)s)",
    )
    parser.add_argument(
        "--min-correlation", type=float, default=0.95, metavar="X", help="of model_int8.onnx (default: %(default)s)"
    )
    parser.set_defaults(run=_run_export)


def _run_export(options: argparse.Namespace) -> object:
    from rerank_kit.export import export_model
    from rerank_kit.export.texts import read_texts

    return export_model(
        options.model,
        options.to,
        revision=options.revision,
        texts=None if options.texts is None else read_texts(options.texts),
        int8=options.int8,
        force=options.force,
        max_difference=options.max_difference,
        min_correlation=options.min_correlation,
    )


if __name__ == "__main__":
    sys.exit(main())

"""`rerank-kit export`: a model of transformers as a folder for ONNX Runtime."""

from __future__ import annotations

import argparse
from typing import Any


def add_export(commands: Any) -> None:
    """Add the command."""
    about = "turn a cross-encoder of transformers into a folder that OnnxCrossEncoder loads"
    parser = commands.add_parser("export", help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("model", metavar="MODEL", help="folder or hub name of a cross-encoder")
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--revision", help="hub commit, tag or branch")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    parser.add_argument("--template", help="the prompt of a model that wants one, with {query} and {document} in it")
    parser.add_argument("--instruction", help="what a model that takes an instruction is told to judge by")
    parser.add_argument(
        "--answers",
        nargs="+",
        metavar="TOKEN",
        help="of a language model, the token that stands for relevant, and the one for irrelevant if there is one",
    )
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
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> object:
    from rerank_kit.export import export_model
    from rerank_kit.export.sample_texts import read_texts

    return export_model(
        options.model,
        options.to,
        revision=options.revision,
        trust_remote_code=options.trust_remote_code,
        template=options.template,
        instruction=options.instruction,
        answers=options.answers,
        texts=None if options.texts is None else read_texts(options.texts),
        int8=options.int8,
        force=options.force,
        max_difference=options.max_difference,
        min_correlation=options.min_correlation,
    )

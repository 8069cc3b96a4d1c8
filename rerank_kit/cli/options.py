"""What several commands take and do alike."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rerank_kit.errors import ConfigurationError
from rerank_kit.reranker import Reranker

EMBEDDED = "onnx:embedded"
NAMES = (
    "onnx:embedded, onnx:MODEL, local:MODEL, sentence-transformers:MODEL, flashrank:MODEL, late:MODEL, cohere:MODEL, "
    "voyage:MODEL, jina:MODEL or package.module:object; a MODEL is a folder or a hub name, or the vendor's name of it"
)


def examples(*lines: str) -> str:
    """Examples as the end of a help text: with blank lines between, which rich makes single lines of."""
    return "\n\n".join(["Examples:", *(f"rerank-kit {line}".replace("[", "\\[") for line in lines)])


RerankerName = Annotated[str, typer.Option("--reranker", metavar="NAME", help=f"What reranks: {NAMES}.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def named_reranker(name: str, option: str = "--reranker") -> Reranker:
    """The reranker that an option names.

    Raises:
        ConfigurationError: There is none of that name, or it cannot be made.
        MissingExtra: A package is not installed that it needs.
    """
    from rerank_kit.evaluate.systems import reranker_of

    try:
        return reranker_of(name)
    except ConfigurationError as error:
        told = str(error)
        if told.startswith("systems: "):
            told = f"{option}: {told.removeprefix('systems: ').partition(': write ')[0]}: write {NAMES}"
        raise ConfigurationError(told) from error


def only_one(**given: Any) -> None:
    """Refuse options that exclude each other.

    Raises:
        BadParameter: More than one of them is given.
    """
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if len(names) > 1:
        msg = f"{' and '.join(names)} exclude each other: leave one of them out"
        raise typer.BadParameter(msg)

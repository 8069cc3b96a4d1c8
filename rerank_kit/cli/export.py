"""`rerank-kit export`: a model of transformers as a folder for ONNX Runtime."""

from __future__ import annotations

from typing import Annotated

import typer

from rerank_kit.cli.telling import say

EXAMPLES = (
    "export cross-encoder/ettin-reranker-17m-v1 --to models/ettin",
    "export models/own --to models/onnx --texts passages.txt --force",
)


def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder or hub name of a cross-encoder.")],
    to: Annotated[str, typer.Option(metavar="DIR", help="The folder to make.")],
    *,
    revision: Annotated[str | None, typer.Option(help="Hub commit, tag or branch.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
    ] = False,
    template: Annotated[
        str | None, typer.Option(help="The prompt of a model that wants one, with {query} and {document} in it.")
    ] = None,
    instruction: Annotated[
        str | None, typer.Option(help="What a model that takes an instruction is told to judge by.")
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOKEN [TOKEN]",
            help="Of a language model, the token that stands for relevant, and the one for irrelevant if there is one.",
        ),
    ] = None,
    texts: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Passages to compare with torch on, one a line; by default Python's."),
    ] = None,
    no_int8: Annotated[bool, typer.Option("--no-int8", help="Write model.onnx alone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a former export.")] = False,
    max_difference: Annotated[float, typer.Option(metavar="X", help="Of a logit of model.onnx.")] = 1e-3,
    min_correlation: Annotated[float, typer.Option(metavar="X", help="Of model_int8.onnx.")] = 0.95,
) -> None:
    """Turn a cross-encoder of transformers into a folder that OnnxCrossEncoder loads."""
    if context.args and not answers:
        msg = f"there is one MODEL, and more words stand behind it: {' '.join(context.args)}"
        raise typer.BadParameter(msg)
    from rerank_kit.export import export_model
    from rerank_kit.export.sample_texts import read_texts

    made = export_model(
        model,
        to,
        revision=revision,
        trust_remote_code=trust_remote_code,
        template=template,
        instruction=instruction,
        answers=[*answers, *context.args] if answers else None,
        texts=None if texts is None else read_texts(texts),
        int8=not no_int8,
        force=force,
        max_difference=max_difference,
        min_correlation=min_correlation,
    )
    quantised = "" if no_int8 else "; precision='int8' takes the smaller file"
    say(f"{made}\n\nwritten to {to}. Use it with OnnxCrossEncoder({to!r}){quantised}")

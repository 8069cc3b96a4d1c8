"""A model of torch as an ONNX file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.export.onnx_graph import load_graph, save_graph
from rerank_kit.optional import optional

_OPSET = 17  # the first with LayerNormalization; ONNX Runtime reads it since 1.13


def trace(
    model: Any, logits: Callable[..., Any], inputs: Mapping[str, Any], path: Path, output: str = "logits"
) -> None:
    """Write the graph of a model.

    Args:
        model: A `torch.nn.Module`.
        logits: What it computes: takes tensors by the names of `inputs`, and gives one of shape (pairs, 1) or (pairs,
            2).
        inputs: An example, of several pairs: tensors of shape (pairs, tokens).
        path: Where to.
        output: What the graph calls it.

    Raises:
        ConfigurationError: torch cannot make a graph of the model.
    """
    torch = optional("torch", extra="export", why="exporting a model")
    axes = {name: {0: "batch", 1: "length"} for name in inputs}

    def forward(*tensors: Any) -> Any:
        return logits(**dict(zip(inputs, tensors, strict=True)))

    traced = torch.nn.Module()
    traced.model, traced.forward = model, forward
    quiet = redirect_stdout(StringIO())  # torch prints the whole graph where it fails
    with TemporaryDirectory(dir=path.parent) as scratch, warnings.catch_warnings(), torch.no_grad(), quiet:
        warnings.simplefilter("ignore")  # of what tracing may get wrong: the comparison with torch finds it
        graph = Path(scratch, path.name)
        try:
            # The older exporter gives as fast a graph as the newer, ten times sooner and without onnxscript.
            torch.onnx.export(
                traced.eval(),
                tuple(inputs.values()),
                str(graph),
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={**axes, output: {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        except Exception as error:  # as wide as what a model's code can raise
            msg = f"torch cannot make a graph of a {type(model).__name__} ({error}): try other versions of both"
            raise ConfigurationError(msg) from error
        save_graph(load_graph(graph), path)


@contextmanager
def attention(model: Any, way: str) -> Generator[None]:
    """Let a model of transformers compute its attention in another way for a while, if it knows several."""
    before = model.config._attn_implementation  # noqa: SLF001 - as transformers itself does
    model.set_attn_implementation(way)
    try:
        yield
    finally:
        model.set_attn_implementation(before)

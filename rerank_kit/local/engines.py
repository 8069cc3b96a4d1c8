"""A local cross-encoder by the name of its engine, for settings that come from a file or from an adapter's fields."""

from __future__ import annotations

import inspect
import os
from typing import Any, Literal

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.cross_encoder import CrossEncoder
from rerank_kit.local.onnx import OnnxCrossEncoder
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
from rerank_kit.quoting import quoted

Engine = Literal["onnx", "sentence-transformers"]

_ENGINES: dict[str, type[CrossEncoder]] = {
    "onnx": OnnxCrossEncoder,
    "sentence-transformers": SentenceTransformersCrossEncoder,
}


def cross_encoder(
    model: str | os.PathLike[str] | None = None, *, engine: Engine = "onnx", **settings: Any
) -> CrossEncoder:
    """Load a cross-encoder.

    Args:
        model: A folder or a hub name; `None` is the embedded model, which only `"onnx"` runs.
        engine: What runs it.
        settings: Arguments of the engine's class. `None` and `False` leave a setting as it is.

    Raises:
        ConfigurationError: There is no such engine, it has no such setting, or the model cannot be loaded.
        MissingExtra: The engine is not installed.
    """
    if not isinstance(engine, str) or engine not in _ENGINES:
        msg = f"engine must be one of {', '.join(map(repr, _ENGINES))}, not {quoted(engine)}"
        raise ConfigurationError(msg)
    if model is None and engine != "onnx":
        msg = f"engine={engine!r} needs a model= (folder or hub name): the embedded one is for engine='onnx'"
        raise ConfigurationError(msg)
    kind: Any = _ENGINES[engine]
    given = {name: value for name, value in settings.items() if value is not None and value is not False}
    for name in given.keys() - inspect.signature(kind).parameters.keys():
        able = [repr(each) for each, other in _ENGINES.items() if name in inspect.signature(other).parameters]
        msg = f"{name}={quoted(given[name])} is no setting of engine={engine!r}"
        msg += f": leave it out, or use engine={' or '.join(able)}" if able else ""
        raise ConfigurationError(msg)
    loaded: CrossEncoder = kind(model, **given)
    return loaded

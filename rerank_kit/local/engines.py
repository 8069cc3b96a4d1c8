"""A local cross-encoder by the name of its engine, or by what is there to run: for settings, fields and names alone."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Collection, KeysView, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

from rerank_kit.errors import ConfigurationError, MissingExtra
from rerank_kit.local.cpu import cpu_features
from rerank_kit.local.cross_encoder import CrossEncoder
from rerank_kit.local.file_choice import TOKENIZER, check_choice_of_file, first_of, has_torch_weights, places
from rerank_kit.local.hub import asked_once, repository
from rerank_kit.local.hub_source import Source, holding_token
from rerank_kit.local.model_files import check_named, files_in, hub_name
from rerank_kit.local.onnx import OnnxCrossEncoder
from rerank_kit.local.onnx_session import has_gpu_provider
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
from rerank_kit.quoting import quoted

Engine = Literal["auto", "onnx", "sentence-transformers"]
"""What runs a local model.

- `"onnx"`: ONNX Runtime, for models with an ONNX file.
- `"sentence-transformers"`: PyTorch, for whatever this library loads.
- `"auto"`: ONNX Runtime where the model has a file for it, and PyTorch where not, or where only PyTorch can use the GPU
  that is there. A setting that only one of them has decides for that one.
"""

_ENGINES: dict[str, type[CrossEncoder]] = {
    "onnx": OnnxCrossEncoder,
    "sentence-transformers": SentenceTransformersCrossEncoder,
}
_EXPORT = 'pip install "rerank-kit[export]", rerank-kit export {} --to DIR'
_log = logging.getLogger("rerank_kit")


@holding_token
def cross_encoder(
    model: str | os.PathLike[str] | None = None, *, engine: Engine = "auto", **settings: Any
) -> CrossEncoder:
    """Load a cross-encoder.

    Args:
        model: A folder or a hub name; `None` is the embedded model, which ONNX Runtime runs.
        engine: What runs it; see `Engine`.
        settings: Arguments of the engine's class. `None` and `False` leave a setting as it is.

    Raises:
        ConfigurationError: There is no such engine, it has no such setting, or the model cannot be loaded.
        BackendError: The hub cannot be reached, or fails, and the cache is not enough.
        MissingExtra: The engine is not installed.
    """
    if not isinstance(engine, str) or engine not in ("auto", *_ENGINES):
        msg = f"engine must be one of {', '.join(map(repr, ('auto', *_ENGINES)))}, not {quoted(engine)}"
        raise ConfigurationError(msg)
    if model is None and engine == "sentence-transformers":
        msg = f"engine={engine!r} needs a model= (folder or hub name): the embedded one is for engine='onnx'"
        raise ConfigurationError(msg)
    given = {name: value for name, value in settings.items() if value is not None and value is not False}
    with asked_once():
        chosen, faster = _chosen(model, given) if engine == "auto" else (engine, "")
        _check_settings(chosen, given)
        kind: Any = _ENGINES[chosen]
        loaded: CrossEncoder = kind(model, **given)
    if faster and getattr(loaded, "device", "") == "cpu":
        _log.warning("model=%r runs on PyTorch. On a CPU ONNX Runtime is faster: %s", model, faster)
    return loaded


def _check_settings(engine: str, given: Mapping[str, Any]) -> None:
    """Refuse a setting that the engine does not have, and name one that has it."""
    for name in sorted(given.keys() - _settings(engine)):
        able = [repr(each) for each in _ENGINES if name in _settings(each)]
        msg = f"{name}={quoted(given[name])} is no setting of engine={engine!r}"
        msg += f": leave it out, or use engine={' or '.join(able)}" if able else ""
        raise ConfigurationError(msg)


def _settings(engine: str) -> KeysView[str]:
    return inspect.signature(_ENGINES[engine]).parameters.keys()


def _chosen(model: Any, given: Mapping[str, Any]) -> tuple[str, str]:
    """The engine for a model: the one that has all these settings, or else the one whose files are there.

    Also what would make it faster on a CPU, or nothing.
    """
    able = [engine for engine in _ENGINES if _settings(engine) >= given.keys()]
    if model is None or not able:
        return "onnx", ""
    if len(able) == 1 or not isinstance(model, str | os.PathLike):
        if isinstance(model, str | os.PathLike) and _runs(able[0]):
            _check_files(able[0], cast("str | os.PathLike[str]", model), given)
        return able[-1], ""  # a model that is loaded is one of sentence-transformers
    name = cast("str | os.PathLike[str]", model)
    check_named(name)
    if not any(map(_runs, _ENGINES)) and not Path(name).is_dir():
        msg = (
            f"model={os.fspath(name)!r} needs sentence-transformers, or ONNX Runtime where it has an ONNX file "
            "(rerank-kit[onnx]), and neither is installed"
        )
        raise MissingExtra(msg, "sentence-transformers")
    return _by_files(os.fspath(name), _files(name, given), given)


def _check_files(engine: str, model: str | os.PathLike[str], given: Mapping[str, Any]) -> None:
    """Refuse a setting that decided for an engine where the files are for the other one alone."""
    files = _files(model, given)
    weights, graph = has_torch_weights(files), any(each.endswith(".onnx") for each in files)
    if weights in (graph, engine == "sentence-transformers"):
        return
    (other,) = _ENGINES.keys() - {engine}
    deciding = ", ".join(sorted(given.keys() - _settings(other)))
    has = "weights for PyTorch, and no file for ONNX Runtime" if weights else "a file for ONNX Runtime, and no weights"
    where = ". Where ONNX Runtime runs it, providers= says" if "device" in deciding else ""
    if engine == "onnx":
        where = (
            f". For {deciding}, make a folder for ONNX Runtime of it and pass that: {_EXPORT.format(os.fspath(model))}"
        )
    msg = (
        f"model={os.fspath(model)!r} has {has}; {deciding} is for engine={engine!r} alone: leave {deciding} out, and "
        f"engine={other!r} runs the model{where}"
    )
    raise ConfigurationError(msg)


def _by_files(name: str, files: Collection[str], given: Mapping[str, Any]) -> tuple[str, str]:
    """The engine that can run what is there; ONNX Runtime, which says what is missing, where none can."""
    check_choice_of_file(given.get("file"), given.get("precision"))
    graph = first_of(places(given.get("file"), given.get("precision"), cpu_features()), files)
    has_graph = graph is not None and TOKENIZER in files
    runs_onnx, runs_torch = map(_runs, _ENGINES)
    if not has_torch_weights(files) or (has_graph and (runs_onnx or not runs_torch)):
        if not (has_graph and has_torch_weights(files) and runs_torch and _gpu_is_for_torch_alone()):
            return "onnx", ""
        _log.info("model=%r runs on PyTorch, which can use the GPU; this build of ONNX Runtime cannot", name)
        return "sentence-transformers", ""
    export = _EXPORT.format(name)
    if runs_torch:
        install = (
            'it has a file for it, pip install "rerank-kit[onnx]"' if has_graph else f"make a folder for it, {export}"
        )
        return "sentence-transformers", f"{install}; with engine='sentence-transformers' this is not said"
    msg = (
        f"model={name!r} has weights for PyTorch, and no file for ONNX Runtime: make one, which is faster on a CPU "
        f"({export}), or install what runs it as it is"
    )
    raise MissingExtra(msg, "sentence-transformers")


def _runs(engine: str) -> bool:
    """Whether the package of an engine is installed."""
    return find_spec("onnxruntime" if engine == "onnx" else "sentence_transformers") is not None


def _gpu_is_for_torch_alone() -> bool:
    """Whether there is a GPU that PyTorch can use, and ONNX Runtime cannot."""
    torch: Any = import_module("torch")
    there = torch.cuda.is_available() or torch.backends.mps.is_available()
    return there and not has_gpu_provider(import_module("onnxruntime"))


def _files(model: str | os.PathLike[str], given: Mapping[str, Any]) -> Collection[str]:
    """The names of the model's files, here or on the hub."""
    check_named(model)
    if Path(model).is_dir():
        return files_in(Path(model))
    settings = {name: given.get(name) for name in ("revision", "token", "cache_dir")}
    source = Source.of(**settings, local_files_only=given.get("local_files_only", False))
    return repository(hub_name(model), source).files

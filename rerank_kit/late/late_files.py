"""Where the files of a model of late interaction are: in a folder, or on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.late.layouts import (
    MODULES,
    PYLATE,
    STANFORD,
    WEIGHTS,
    Layout,
    dense_folders,
    dense_layer,
    of_pylate,
    of_stanford,
)
from rerank_kit.local.cpu import cpu_features
from rerank_kit.local.file_choice import TOKENIZER, Precision, check_choice_of_file, first_of, has_torch_weights, places
from rerank_kit.local.hub import asked_once, repository
from rerank_kit.local.hub_source import Source
from rerank_kit.local.model_files import ModelFiles, check_named, files_in, hub_name
from rerank_kit.local.onnx_data import data_files
from rerank_kit.local.settings import SETTINGS, settings_in

EXPORT = "https://github.com/lightonai/next-plaid"
"""Where the tool is that writes the graphs of PyLate's models."""

_SHOWN = 12  # names of files in an error
_TOKENS = "special_tokens_map.json"


@dataclass(frozen=True, slots=True)
class LateFiles:
    """The files of one model.

    Attributes:
        files: Its graph, tokenizer and settings.
        layout: How it is used.
        there: The names of all files that there are, relative to its folder.
        fetched: Gives the folder with files of these names, which are fetched where they are not there.
    """

    files: ModelFiles
    layout: Layout
    there: Collection[str]
    fetched: Callable[[Sequence[str]], Path]

    @property
    def name(self) -> str:
        """What the user called it."""
        return self.files.name

    @property
    def special_tokens(self) -> Path:
        """`special_tokens_map.json`, which need not be there."""
        return self.files.tokenizer.parent / _TOKENS

    def digest(self) -> bytes:
        """A hash of the graph, the tokenizer, the settings and the layout; the layers' weights are not in it."""
        return hashlib.sha256(self.files.digest() + repr(self.layout).encode()).digest()


def find_late(
    model: str | os.PathLike[str],
    *,
    file: str | None = None,
    precision: Precision | None = None,
    source: Source | None = None,
) -> LateFiles:
    """Find the files of a model; fetch them when it is a hub name, and none but those that are read.

    Args:
        model: A folder, or a hub name such as `"owner/name"`.
        file: The ONNX file inside it; by default `model.onnx` or `onnx/model.onnx`.
        precision: `"int8"` takes the quantised file that suits the CPU best, `"fp32"` is the default file.
        source: How the hub is reached; by default with the settings of its client.

    Raises:
        ConfigurationError: There is no such model, it is none of late interaction, or files are missing or damaged.
        BackendError: The hub cannot be reached, or fails, and the cache is not enough.
        MissingExtra: The hub's client is not installed.
    """
    check_choice_of_file(file, precision)
    check_named(model)
    wanted = places(file, precision, cpu_features())
    name = os.fspath(model)
    if Path(model).is_dir():
        return _found(name, str(model), files_in(Path(model)), lambda _: Path(model), wanted)
    with asked_once():
        there = repository(hub_name(model), Source() if source is None else source)
        return _found(name, there.place, there.files, there.fetched, wanted)


def _found(
    name: str, where: str, there: Collection[str], fetched: Callable[[Sequence[str]], Path], wanted: Sequence[str]
) -> LateFiles:
    settings = [each for each in (STANFORD, PYLATE, MODULES, _TOKENS, *SETTINGS) if each in there]
    graph = first_of(wanted, there)
    lacks = [f"{STANFORD} or {PYLATE}"] if {STANFORD, PYLATE}.isdisjoint(there) else []
    lacks += [" or ".join(wanted)] if graph is None else []
    lacks += [TOKENIZER] if TOKENIZER not in there else []
    if lacks or graph is None:
        raise _lacking(name, where, lacks, wanted, there)
    layout = _layout(fetched, settings)
    first = [graph, TOKENIZER, *settings]
    folder = fetched(first)
    data = [
        os.path.normpath(each.relative_to(folder)).replace(os.sep, "/") for each in data_files(folder / graph, name)
    ]
    folder = fetched([*first, *data])
    missing = [each for each in data if not (folder / each).is_file()]
    if missing:
        msg = (
            f"model={name!r}: {folder} lacks {', '.join(missing)}; the graph {graph} has its weights in them: put them "
            "where it names them"
        )
        raise ConfigurationError(msg)
    own = ModelFiles(
        name, folder / graph, tuple(folder / each for each in data), folder / TOKENIZER, *settings_in(folder)
    )
    return LateFiles(own, layout, there, fetched)


def _layout(fetched: Callable[[Sequence[str]], Path], settings: Sequence[str]) -> Layout:
    """How it is used: by PyLate's files where they name layers, as PyLate itself reads them, otherwise by ColBERT's."""
    folder = fetched(settings)
    if MODULES in settings and PYLATE in settings:
        dense = dense_folders(folder / MODULES)
        configs = [f"{each}/config.json" for each in dense]
        folder = fetched([*settings, *configs])
        layers = tuple(dense_layer(folder / each, own) for each, own in zip(configs, dense, strict=True))
        return of_pylate(folder / PYLATE, layers)
    if STANFORD in settings:
        return of_stanford(folder / STANFORD)
    return of_pylate(folder / PYLATE, ())


def _lacking(
    name: str, where: str, lacks: Sequence[str], wanted: Sequence[str], there: Collection[str]
) -> ConfigurationError:
    """The error for a model that lacks files: what it has instead, and what to do."""
    graphs = sorted(each for each in there if each.endswith(".onnx"))
    late = not {STANFORD, PYLATE}.isdisjoint(there)
    if not late:
        remedy = (
            "Pass a model of late interaction in the layout of ColBERT or PyLate, such as "
            "'answerdotai/answerai-colbert-small-v1'; a cross-encoder is for OnnxCrossEncoder"
        )
    elif first_of(wanted, there) is None and graphs:
        others = f", or another of its ONNX files ({', '.join(graphs[1:])})" if graphs[1:] else ""
        remedy = f"Pass file={graphs[0]!r}{others}"
    elif first_of(wanted, there) is None and has_torch_weights(there):
        remedy = (
            "Make a graph of its weights for PyTorch, with a tool such as pylate-onnx-export "
            f"({EXPORT}) or optimum-cli export onnx --task feature-extraction, and put it into the folder as model.onnx"
        )
    else:
        remedy = "Fetch all files of the model"
    order = sorted(there, key=lambda each: (each.count("/"), each))
    more = f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else ""
    listed = ", ".join(order[:_SHOWN]) + more or "no files"
    return ConfigurationError(f"model={name!r}: {where} lacks {', '.join(lacks)}; it has {listed}. {remedy}")


def weights_of(found: LateFiles, layers: Sequence[str]) -> list[Path]:
    """The files with the weights of layers behind the backbone.

    Args:
        found: The model's files.
        layers: Where they are, relative to its folder.

    Raises:
        ConfigurationError: One is not there.
    """
    missing = [each for each in layers if each not in found.there]
    if missing:
        msg = (
            f"model={found.name!r}: the graph {found.files.onnx.name} is the backbone alone, and {missing[0]}, with "
            f"the projection behind it, is not there: put it into the folder, or pass the file= of a graph that has "
            f"the projection in it, since scores without it are not the model's. Where there is only "
            f"pytorch_model.bin, save the model anew, which writes {WEIGHTS}"
        )
        raise ConfigurationError(msg)
    folder = found.fetched(list(layers))
    return [folder / each for each in layers]

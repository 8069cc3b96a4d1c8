"""Which files of a model are taken, and what is said where there are none: what is there, and what to write."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Literal

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

Precision = Literal["fp32", "int8"]

TOKENIZER = "tokenizer.json"

_PRECISIONS = ("fp32", "int8")
_INT8_FOR = {  # the files that sentence-transformers' export makes, by the instructions that each is for, best first
    "avx512_vnni": "model_qint8_avx512_vnni.onnx",
    "avx512f": "model_qint8_avx512.onnx",
    "avx2": "model_quint8_avx2.onnx",
    "arm64": "model_qint8_arm64.onnx",
}
_TORCH = (  # the weights in one folder, the better format first
    re.compile(r"model(-\d+-of-\d+)?\.safetensors"),
    re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin"),
)
_ADAPTER = "adapter_config.json"
_SERVE = "serve its GGUF file with llama.cpp, and pass Endpoint the address"
_SHOWN = 12  # names of files in an error


def check_choice_of_file(file: object, precision: object) -> None:
    """Refuse what names no file of a model.

    Raises:
        ConfigurationError: It is wrong, or both are given.
    """
    known = precision is None or (isinstance(precision, str) and precision in _PRECISIONS)
    if not known or (file is not None and precision is not None):
        both = f"{quoted(precision)} with file={quoted(file)}"
        msg = f'precision must be "fp32" or "int8", and goes without file=, not {both}'
        raise ConfigurationError(msg)
    if file is not None and not isinstance(file, str):
        msg = f"file must be the name of an ONNX file in the model's folder, not {quoted(file)}"
        raise ConfigurationError(msg)


def places(file: str | None, precision: Precision | None, features: Collection[str]) -> list[str]:
    """Where the graph may be in the model's folder, best first.

    Args:
        file: The ONNX file that was asked for.
        precision: Or the precision.
        features: The CPU's instruction sets.
    """
    if file is not None:
        return [file]
    names = ["model.onnx"]
    if precision == "int8":  # the first name is what our own export writes, the last what transformers.js does
        fitting = [name for feature, name in _INT8_FOR.items() if feature in features]
        names = ["model_int8.onnx", *fitting, "model_quantized.onnx"]
    return [place for name in names for place in (name, f"onnx/{name}")]


def first_of(wanted: Sequence[str], files: Collection[str]) -> str | None:
    """The first of these places that is there."""
    return next((place for place in wanted if place in files), None)


def torch_weights(files: Collection[str], folder: str = "") -> list[str]:
    """The weights for PyTorch in a folder, in the better of its formats."""
    inside = [each for each in files if PurePosixPath(each).parent == PurePosixPath(folder)]
    found = ([each for each in inside if pattern.fullmatch(PurePosixPath(each).name)] for pattern in _TORCH)
    return next((each for each in found if each), list[str]())


def has_torch_weights(files: Collection[str]) -> bool:
    """Whether there are weights for PyTorch, be it in a folder of a module's."""
    return any(pattern.fullmatch(PurePosixPath(each).name) for each in files for pattern in _TORCH)


def without_graph(name: str, where: str, wanted: Sequence[str], files: Collection[str]) -> ConfigurationError:
    """The error for a model that lacks what ONNX Runtime needs: what it has instead, and what to write.

    Args:
        name: What the user calls the model.
        where: Its folder, or the hub.
        wanted: The places of the graph.
        files: What is there.
    """
    if _ADAPTER in files and not has_torch_weights(files) and not any(map(_is_graph, files)):
        return adapter_alone(name)
    lacks = [" or ".join(wanted)] if first_of(wanted, files) is None else []
    lacks += [TOKENIZER] if TOKENIZER not in files else []
    graphs = sorted(filter(_is_graph, files))
    remedies = list[str]()
    quantised = "model_quantized.onnx" in wanted[1:]
    if first_of(wanted, files) is None and graphs and quantised:
        remedies.append(f"leave precision out, for {', '.join(graphs)}")
        remedies += [] if has_torch_weights(files) else ["export the original model: rerank-kit export MODEL --to DIR"]
    elif first_of(wanted, files) is None and graphs:
        others = f", or another of its ONNX files ({', '.join(graphs[1:])})" if graphs[1:] else ""
        remedies.append(f"pass file={graphs[0]!r}{others}")
    if has_torch_weights(files):
        remedies.append(
            "run its PyTorch weights with engine='sentence-transformers' (SentenceTransformersCrossEncoder)"
        )
        remedies.append(
            f"make a folder for ONNX Runtime of it, which is faster on a CPU: rerank-kit export {name} --to DIR"
        )
    if not remedies:
        remedies.append(
            "pass a folder or a hub name with the graph of a cross-encoder, a fast tokenizer's tokenizer.json, and "
            "config.json and tokenizer_config.json beside them"
        )
        remedies += [_SERVE] * has_gguf(files)
    msg = (
        f"model={name!r}: {where} lacks {', '.join(lacks)}; it has {_listed(files)}. {_capital('; or '.join(remedies))}"
    )
    return ConfigurationError(msg)


def without_weights(name: str, where: str, files: Collection[str]) -> ConfigurationError:
    """The error for a model that lacks what PyTorch needs: what it has instead, and what to write.

    Args:
        name: What the user calls the model.
        where: Its folder, or the hub.
        files: What is there.
    """
    remedies = ["run its ONNX graph with engine='onnx' (OnnxCrossEncoder)"] * any(_is_graph(each) for each in files)
    remedies += [_SERVE] * has_gguf(files)
    remedies = remedies or ["pass a folder or a hub name with the weights of a cross-encoder"]
    msg = f"model={name!r}: {where} lacks model.safetensors or pytorch_model.bin; it has {_listed(files)}. "
    return ConfigurationError(msg + _capital("; or ".join(remedies)))


def check_no_adapter(name: str, files: Collection[str]) -> None:
    """Refuse a folder that PyTorch would take for an adapter: the model that it names would be fetched for it.

    Raises:
        ConfigurationError: It is one.
    """
    if _ADAPTER in files:
        raise adapter_alone(name)


def adapter_alone(name: str) -> ConfigurationError:
    """The error for an adapter, such as LoRA's, whose base is another model."""
    msg = (
        f"model={name!r} is an adapter ({_ADAPTER}), which scores nothing alone: merge it into its base first "
        "(merge_and_unload() of peft), save that with save_pretrained, the tokenizer too, and pass the folder. "
        f"If its weights are merged already, take {_ADAPTER} out of it"
    )
    return ConfigurationError(msg)


def gives_vectors(name: str) -> ConfigurationError:
    """The error for an embedding model, which no export makes a reranker of."""
    msg = (
        f"model={name!r} is an embedding model (bi-encoder), which makes vectors to find texts by, or a bare encoder: "
        "it gives no score for a pair, and an export of it would give none either. Pass a cross-encoder, such as "
        "'cross-encoder/ettin-reranker-17m-v1'"
    )
    return ConfigurationError(msg)


def has_gguf(files: Collection[str]) -> bool:
    """Whether there are files for llama.cpp."""
    return any(each.endswith(".gguf") for each in files)


def _listed(files: Collection[str]) -> str:
    """Files by name, those of the model's weights first; of very many the rest as a number."""
    order = sorted(files, key=lambda each: (not _is_weights(each), each.count("/"), each))
    more = f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else ""
    return ", ".join(order[:_SHOWN]) + more or "no files"


def _is_graph(file: str) -> bool:
    return file.endswith(".onnx")


def _is_weights(file: str) -> bool:
    return file.endswith((".onnx", ".safetensors", ".bin", ".gguf", ".xml", ".h5", ".msgpack", ".pt"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

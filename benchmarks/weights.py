"""The same weights for everyone: the embedded int8 model in the layout of each peer that speed.py compares.

FlashRank reads the int8 graph itself. Peers on torch need fp32 weights: the int8 ones, multiplied out again. So they
compute the same function, without the rounding of int8 activations.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from rerank_kit.local.model_files import EMBEDDED, embedded_folder

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
_CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "vocab_size": 30522,
    "layer_norm_eps": 1e-12,
    "num_labels": 1,
    "id2label": {"0": "LABEL_0"},
    "label2id": {"LABEL_0": 0},
}


def for_flashrank(folder: Path) -> Path:
    """A cache folder in which FlashRank finds the model by its name."""
    target = folder / EMBEDDED
    target.mkdir(parents=True, exist_ok=True)
    _copy_tokenizer(target)
    (target / "config.json").write_text(json.dumps({**_CONFIG, "pad_token_id": 0}), "utf-8")
    shutil.copyfile(embedded_folder() / "model.onnx", target / "flashrank-MiniLM-L-12-v2_Q.onnx")
    return folder


def for_onnx(folder: Path) -> Path:
    """A folder with the int8 graph, which rerank-kit and optimum load."""
    folder.mkdir(parents=True, exist_ok=True)
    _copy_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(_CONFIG), "utf-8")
    shutil.copyfile(embedded_folder() / "model.onnx", folder / "model.onnx")
    return folder


def for_torch(folder: Path) -> Path:
    """A folder that transformers and sentence-transformers load."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    _copy_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(_CONFIG), "utf-8")
    save_file(multiplied_out(embedded_folder() / "model.onnx"), folder / "model.safetensors", {"format": "pt"})
    return folder


def multiplied_out(path: Path) -> dict[str, Any]:
    """The weights as fp32 arrays, by the names that transformers gives them."""
    graph = onnx.load(path).graph
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    weights = {
        name: value for name, value in arrays.items() if re.match(r"(bert|classifier)\..*\.(weight|bias)$", name)
    }
    weights["classifier.bias"] = arrays["classifier.bias"]
    for name in list(arrays):
        if re.match(r"bert\.embeddings\..*_quantized$", name):
            weights[name.removesuffix("_quantized")] = _multiplied(arrays, name.removesuffix("_quantized"))
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            layer = re.sub(r"/(?:Gemm_)?MatMul_quant$", "", node.name).strip("/").replace("/", ".")
            matrix = _multiplied(arrays, node.input[1].removesuffix("_quantized"))
            weights[f"{layer}.weight"] = np.ascontiguousarray(matrix.T)
    return weights


def _multiplied(arrays: dict[str, Any], name: str) -> Any:
    quantized = arrays[f"{name}_quantized"].astype(np.float32)
    return (quantized - arrays[f"{name}_zero_point"].astype(np.float32)) * arrays[f"{name}_scale"].astype(np.float32)


def _copy_tokenizer(folder: Path) -> None:
    for name in _TOKENIZER_FILES:
        shutil.copyfile(embedded_folder() / name, folder / name)

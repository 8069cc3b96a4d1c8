"""Tiny real cross-encoders, built on disk: a graph with random weights and a tokenizer, in the layout of the hub.

The graph is a bag of words: the mean of token (and token type) embeddings, times a matrix. Small enough to compute in
a test with numpy, real enough that special tokens, token types and masks all move the score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ["apple", "banana", "cherry", "date", "elder", "fig", "grape", "query", "text", "word"]
_WIDTH = 8


@dataclass(frozen=True)
class TinyModel:
    """A folder, and the weights in it."""

    folder: Path
    embeddings: Any
    types: Any
    head: Any

    def logits(self, ids: Sequence[int], types: Sequence[int] | None) -> Any:
        """What the graph must answer, computed here."""
        rows = self.embeddings[list(ids)]
        if types is not None:
            rows = rows + self.types[list(types)]
        return rows.mean(axis=0, dtype=np.float32) @ self.head


def bert_like(folder: Path, **options: Any) -> TinyModel:
    """Token types, `[CLS] query [SEP] document [SEP]`."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {token: place for place, token in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_padding(length=512)  # as the embedded model's file has it
    return _build(folder, tokenizer, len(vocabulary), token_types=True, **options)


def xlmr_like(folder: Path, **options: Any) -> TinyModel:
    """No token types, `<s> query </s> </s> document </s>`, a unigram vocabulary."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(token, 0.0) for token in special] + [(f"▁{word}", -2.0) for word in WORDS]
    pieces += [(letter, -5.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return _build(folder, tokenizer, len(pieces), token_types=False, **options)


def language_model(folder: Path, *, last_alone: bool = False, cache: bool = False, vocabulary: int = 0) -> TinyModel:
    """A graph that gives a logit for every word of its vocabulary: the sum of the embeddings so far, times a matrix.

    Args:
        folder: Where to.
        last_alone: Whether it gives those behind the last token alone.
        cache: Whether it wants to be fed what it has read before.
        vocabulary: What its config says; by default the truth.
    """
    words = ["<pad>", "<unk>", "yes", "no", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    random = np.random.default_rng(3)
    embeddings, head = (
        random.normal(size=size).astype(np.float32) for size in ((len(words), _WIDTH), (_WIDTH, len(words)))
    )
    nodes = [
        helper.make_node("Gather", ["embeddings", "input_ids"], ["words"]),
        helper.make_node("CumSum", ["words", "along"], ["read"]),
        helper.make_node("MatMul", ["read", "head"], ["all"]),
        helper.make_node("Gather", ["all", "last"], ["logits"], axis=1)
        if last_alone
        else helper.make_node("Identity", ["all"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    if cache:
        shape: list[str | int | None] = ["batch", 2, "past", 4]
        inputs.append(helper.make_tensor_value_info("past_key_values.0.key", TensorProto.FLOAT16, shape))
        nodes[-1].output[0] = "found"
        nodes += [  # as many more as there were tokens before
            helper.make_node("Shape", ["past_key_values.0.key"], ["size"], start=2, end=3),
            helper.make_node("Cast", ["size"], ["more"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["found", "more"], ["logits"]),
        ]
    weights = {"embeddings": embeddings, "head": head, "along": np.array(1), "last": np.array([-1])}
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "positions", len(words)])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": vocabulary or len(words)}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return TinyModel(folder, embeddings, None, head)


def byte_level(folder: Path, **options: Any) -> TinyModel:
    """Bytes and their pairs, as RoBERTa has them: a word that stands first, without a space, has more tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ" + word[:end], word[end]) for word in WORDS for end in range(len(word))]
    tokens = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *alphabet, *(first + second for first, second in merges)])
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(dict.fromkeys(merges))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return _build(folder, tokenizer, len(vocabulary), token_types=False, **options)


def _build(
    folder: Path,
    tokenizer: Tokenizer,
    vocabulary: int,
    *,
    token_types: bool,
    outputs: int = 1,
    output_name: str = "logits",
    activation: str | None = None,
    integers: int = TensorProto.INT64,
    extra_input: str | None = None,
    only_first: bool = False,
    for_each_token: bool = False,
    scalar: bool = False,
    scale: float = 3.0,
    place: str = "model.onnx",
    config: dict[str, Any] | None = None,
    tokenizer_config: dict[str, Any] | None = None,
) -> TinyModel:
    random = np.random.default_rng(7)
    embeddings = random.normal(size=(vocabulary, _WIDTH)).astype(np.float32)
    types = random.normal(size=(2, _WIDTH)).astype(np.float32)
    head = (scale * random.normal(size=(_WIDTH, outputs))).astype(np.float32)
    weights: dict[str, Any] = {
        "embeddings": embeddings,
        "types": types,
        "head": head,
        "axis": np.array([1], dtype=np.int64),
    }
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if token_types else [])]
    names += [] if extra_input is None else [extra_input]
    nodes = [helper.make_node("Gather", ["embeddings", "input_ids"], ["words"])]
    rows = "words"
    if token_types:
        nodes.append(helper.make_node("Gather", ["types", "token_type_ids"], ["kinds"]))
        nodes.append(helper.make_node("Add", ["words", "kinds"], ["rows"]))
        rows = "rows"
    nodes += [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask", "axis"], ["count"], keepdims=1),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", [rows, "column"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axis"], ["sum"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Gather", ["mean", "row"], ["chosen"])
        if only_first
        else helper.make_node("Identity", ["seen" if for_each_token else "mean"], ["chosen"]),
        helper.make_node("MatMul", ["chosen", "head"], [output_name if activation is None else "raw"]),
    ]
    if activation is not None:
        more: dict[str, Any] = {"keepdims": 0} if scalar else {}
        nodes.append(helper.make_node(activation, ["raw"], [output_name], **more))
    weights |= {"last": np.array([2], dtype=np.int64), "row": np.array([0], dtype=np.int64)}
    shape: list[str | int] = [
        "batch",
        *(["many" if activation == "Flatten" else "length"] if for_each_token else []),
        *([] if activation in {"Flatten", "Squeeze"} else [outputs]),
    ]
    if scalar:
        shape = []
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, integers, ["batch", "length"]) for name in names],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / place).parent.mkdir(exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / place)
    tokenizer.save(str(folder / "tokenizer.json"))
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if tokenizer_config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config), "utf-8")
    return TinyModel(folder, embeddings, types, head)


def move_weights(path: Path, places: Mapping[str, str], *, write: bool = True) -> None:
    """Move weights out of a graph, into the files that are named for each, one behind the other, on pages of 4 KiB."""
    model = onnx.load(path, load_external_data=False)
    for weight in model.graph.initializer:
        if weight.name in places:
            name, content = places[weight.name], weight.raw_data
            file = path.parent / name
            weight.ClearField("raw_data")
            weight.data_location = TensorProto.EXTERNAL
            offset = 0
            if write:
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("ab") as data:
                    offset = data.tell() + -data.tell() % 4096
                    data.truncate(offset)
                    data.write(content)
            for key, value in (("location", name), ("offset", str(offset)), ("length", str(len(content)))):
                weight.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())

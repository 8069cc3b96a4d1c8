"""Tiny models of late interaction, built on disk in both layouts: a graph with random weights, and a tokenizer.

The vector of a token is its embedding and the mean of all that are looked at, so that markers, mask tokens and the
attention mask all move it. Small enough to compute in a test with numpy.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.late.weights import write_safetensors

WORDS = ["apple", "banana", "cherry", "date", "elder", "fig", "grape", "query", "text", "word", "zebra"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
WIDTH, DIMENSION = 8, 4
CLS, SEP, MASK, QUERY, DOCUMENT = 2, 3, 4, 5, 6
PUNCTUATION = (".", ",", "!", "#")

Layers = Callable[[Any], Any]


@dataclass(frozen=True)
class TinyLate:
    """A folder, and the weights in it.

    Attributes:
        folder: The folder.
        embeddings: One for each token.
        layers: What is behind the backbone.
        skipped: Tokens of which documents keep no vector.
        vocabulary: Tokens by their texts.
        markers: The ids that stand second in queries and documents.
    """

    folder: Path
    embeddings: Any
    layers: Layers
    vocabulary: Mapping[str, int] = field(repr=False)
    skipped: frozenset[int] = frozenset()
    markers: tuple[int, int] = (QUERY, DOCUMENT)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text of words and punctuation that stand apart."""
        return [self.vocabulary.get(each, 1) for each in text.split()]

    def vectors(self, ids: Sequence[int], mask: Sequence[int]) -> Any:
        """What must come of tokens, computed here."""
        rows = self.embeddings[list(ids)]
        seen = np.array(mask, dtype=np.float32)[:, None]
        hidden = rows + (rows * seen).sum(axis=0) / seen.sum()
        vectors = self.layers(hidden)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def query(self, text: str, length: int = 12, *, expands: bool = True, attends: bool = False) -> Any:
        """The vectors of a query."""
        ids = [CLS, self.markers[0], *self.ids(text)[: length - 3], SEP]
        more = length - len(ids) if expands else 0
        return self.vectors([*ids, *[MASK] * more], [*[1] * len(ids), *[int(attends)] * more])

    def document(self, text: str, length: int = 16) -> Any:
        """The vectors of a document, as they are kept."""
        ids = [CLS, self.markers[1], *self.ids(text)[: length - 3], SEP]
        kept = [place for place, each in enumerate(ids) if each not in self.skipped]
        return self.vectors(ids, [1] * len(ids))[kept].astype(np.float16).astype(np.float32)

    def score(self, query: Any, document: Any) -> float:
        """The sum of the largest products."""
        return float((query @ document.T).max(axis=1).sum())


def stanford_like(folder: Path, *, projected: bool = False, weights: bool = True, **settings: Any) -> TinyLate:
    """The layout of ColBERT.

    Args:
        folder: Where to.
        projected: Whether the graph has the projection in it.
        weights: Whether `model.safetensors` is there.
        settings: What else `artifact.metadata` says.
    """
    tokenizer, vocabulary = _tokenizer()
    embeddings, head = _random(len(vocabulary))
    _write(folder, tokenizer, embeddings, head if projected else None)
    metadata = {
        "query_token_id": "[unused0]",
        "doc_token_id": "[unused1]",
        "query_maxlen": 12,
        "doc_maxlen": 16,
        "dim": DIMENSION,
        "mask_punctuation": True,
        "attend_to_mask_tokens": False,
        "similarity": "cosine",
        "interaction": "colbert",
        **settings,
    }
    (folder / "artifact.metadata").write_text(json.dumps(metadata), "utf-8")
    if weights:
        write_safetensors(folder / "model.safetensors", {"bert.other": np.zeros(3, "<f4"), "linear.weight": head})
    skipped = frozenset(vocabulary[each] for each in PUNCTUATION)
    return TinyLate(folder, embeddings, lambda hidden: hidden @ head.T, vocabulary, skipped)


def pylate_like(
    folder: Path,
    *,
    projected: bool = False,
    modules: bool = True,
    layers: Sequence[Mapping[str, Any]] = ({"bias": False},),
    **settings: Any,
) -> TinyLate:
    """The layout of PyLate.

    Args:
        folder: Where to.
        projected: Whether the graph has the first layer in it.
        modules: Whether `modules.json` and the layers are there.
        layers: What the `config.json` of each layer says.
        settings: What else `config_sentence_transformers.json` says.
    """
    tokenizer, vocabulary = _tokenizer("[Q] ", "[D] ")
    embeddings, head = _random(len(vocabulary))
    _write(folder, tokenizer, embeddings, head if projected else None)
    config = {
        "query_prefix": "[Q] ",
        "document_prefix": "[D] ",
        "query_length": 12,
        "document_length": 16,
        "do_query_expansion": True,
        "attend_to_expansion_tokens": False,
        "skiplist_words": list(string.punctuation),
        **settings,
    }
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), "utf-8")
    made = [_dense(each, place, head) for place, each in enumerate(layers)]
    if modules:
        rows = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
        for place, (told, weights, _) in enumerate(made, 1):
            inside = folder / f"{place}_Dense"
            inside.mkdir()
            (inside / "config.json").write_text(json.dumps(told), "utf-8")
            write_safetensors(inside / "model.safetensors", weights)
            rows.append({"idx": place, "name": f"{place}", "path": inside.name, "type": "pylate.models.Dense.Dense"})
        (folder / "modules.json").write_text(json.dumps(rows), "utf-8")

    def all_layers(hidden: Any) -> Any:
        for _, _, layer in made:
            hidden = layer(hidden)
        return hidden

    markers = vocabulary["[Q] "], vocabulary["[D] "]
    skipped = frozenset(
        {1, *(vocabulary[each] for each in PUNCTUATION)}
    )  # words that are no tokens are the unknown one
    return TinyLate(folder, embeddings, all_layers, vocabulary, skipped, markers)


def _dense(told: Mapping[str, Any], place: int, head: Any) -> tuple[dict[str, Any], dict[str, Any], Layers]:
    """What `config.json` of a layer says, its weights, and what it computes."""
    random = np.random.default_rng(20 + place)
    inputs = WIDTH if place == 0 else DIMENSION
    config = {
        "in_features": inputs,
        "out_features": DIMENSION,
        "activation_function": "torch.nn.modules.linear.Identity",
        **told,
    }
    weight = head if place == 0 else random.normal(size=(DIMENSION, DIMENSION)).astype(np.float32)
    bias = random.normal(size=DIMENSION).astype(np.float32) if config.get("bias", True) else np.zeros(DIMENSION, "<f4")
    residual = random.normal(size=(DIMENSION, inputs)).astype(np.float32)
    weights = {"linear.weight": weight}
    if config.get("bias", True):
        weights["linear.bias"] = bias
    if config.get("use_residual") and inputs != DIMENSION:
        weights["residual.weight"] = residual
    activations: Mapping[str, Layers] = {"Identity": lambda x: x, "Tanh": np.tanh, "ReLU": lambda x: np.maximum(x, 0)}
    activation = activations[str(config["activation_function"]).rpartition(".")[2]]

    def layer(hidden: Any) -> Any:
        found = activation(hidden @ weight.T + bias)
        if config.get("use_residual"):
            found = found + (hidden @ residual.T if inputs != DIMENSION else hidden)
        return found

    return config, weights, layer


def _tokenizer(*added: str) -> tuple[Tokenizer, dict[str, int]]:
    vocabulary = {token: place for place, token in enumerate([*SPECIAL, *PUNCTUATION, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    tokenizer.add_special_tokens([AddedToken(each, special=True) for each in SPECIAL[:5]])
    tokenizer.add_tokens([AddedToken(each, normalized=False) for each in added])
    tokenizer.enable_padding(length=64)  # as files on the hub have it
    tokenizer.enable_truncation(5)
    return tokenizer, tokenizer.get_vocab()


def _random(vocabulary: int) -> tuple[Any, Any]:
    random = np.random.default_rng(11)
    embeddings = random.normal(size=(vocabulary, WIDTH)).astype(np.float32)
    return embeddings, random.normal(size=(DIMENSION, WIDTH)).astype(np.float32)


def write_graph(
    path: Path,
    embeddings: Any,
    head: Any,
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    output: str = "last_hidden_state",
    pooled: bool = False,
    pooled_alone: bool = False,
) -> None:
    """Write a graph: with the projection in it where there is a head.

    Args:
        path: Where to.
        embeddings: One for each token.
        head: The projection, or `None`.
        inputs: What it wants to be fed.
        output: What its output is called.
        pooled: Whether it gives the mean of all vectors first.
        pooled_alone: Whether it gives nothing else.
    """
    width = embeddings.shape[1] if head is None else head.shape[0]
    nodes = [
        helper.make_node("Gather", ["embeddings", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["words", "column"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "along"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["column", "along"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Add", ["words", "mean"], ["hidden"]),
        helper.make_node("Identity", ["hidden"], [output])
        if head is None
        else helper.make_node("MatMul", ["hidden", "head"], [output]),
    ]
    weights: dict[str, Any] = {"embeddings": embeddings, "last": np.array([2]), "along": np.array([1])}
    weights |= {} if head is None else {"head": head.T}
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "length", width])]
    if pooled or pooled_alone:
        nodes.append(helper.make_node("Squeeze", ["mean", "along"], ["pooler_output"]))
        outputs.insert(0, helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", WIDTH]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in inputs],
        outputs[:1] if pooled_alone else outputs,
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def _write(folder: Path, tokenizer: Tokenizer, embeddings: Any, head: Any) -> None:
    write_graph(folder / "model.onnx", embeddings, head)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(
        json.dumps({"hidden_size": WIDTH, "model_type": "bert", "max_position_embeddings": 64}), "utf-8"
    )
    tokens = {"mask_token": "[MASK]", "unk_token": "[UNK]", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens), "utf-8")

"""Families of models against the ways to run them: what each tiny copy gives, held against its card's computation.

`docs/models.md` has the table, which `make models` writes; `test_matrix.py` computes each cell again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rerank_kit import ConfigurationError, Reranker
from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from tests.local import cards, tiny_tokenizers
from tests.local.cards import Card
from tests.local.tiny_families import (
    Build,
    altered,
    as_graph,
    decoder,
    embedding_model,
    encoder,
    ettin,
    labelled,
    own_code,
    setting,
    t5,
    without_weights,
    zerank_2,
)

Way = Literal["PyTorch", "ONNX", "exported"]
WAYS: tuple[Way, ...] = ("PyTorch", "ONNX", "exported")
CLOSE = 1e-4
QUERY = "what is an apple?"
_PASSAGES = [f"{number} apples, and {'other ' * (number % 7)}things" for number in range(20)]
DOCUMENTS = ["a fruit.", "The apple is red; what else?\nIt grows on trees.", "no"]
TRUSTED = {"trust_remote_code": True}

_REASONS = {
    r"ranks almost at random without the prompt": "it needs a prompt that is not known: pass `template=`",
    r"lacks the trained weights": "its layer for scores was not trained",
    r"gives a vector for every token": "the graph gives no score, but a vector for every token",
    r"gives a number for every token that could come next": "the graph gives no score, but a number for every word",
    r"judges what follows from a text": "it judges what follows from a text, not what answers a query",
    r"which of them stands for relevant cannot be told": "its labels do not tell which is the relevant one",
    r"gives \d+ (values|numbers)": "it gives no single score for a pair",
    r"which cannot be run here: (it|a user)": "",
}


@dataclass(frozen=True)
class Row:
    """A family, or a kind of model.

    Attributes:
        name: What stands in the table.
        build: Makes the tiny copy.
        card: What its card computes; `None` for what is no reranker, or none that can be run here.
        scale: What the card, or its vendor, makes of the logit.
        graph: Makes the folder of an ONNX conversion; `None` where there are none.
        options: What PyTorch's engine needs to be told.
    """

    name: str
    build: Build
    card: Card | None = None
    scale: Callable[[float], float] = field(default=lambda logit: 1 / (1 + math.exp(-logit)))
    graph: Callable[[Path, Path], Path] | None = as_graph
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _sigmoid(logit: float, *, offset: float = 0.0, temperature: float = 1.0) -> float:
    return 1 / (1 + math.exp(-(logit - offset) / temperature))


_shifted = partial(_sigmoid, offset=6.0)
_base = partial(_sigmoid, offset=4.5)
_fifth = partial(_sigmoid, temperature=5.0)
_vocabulary = partial(as_graph, loader="AutoModelForCausalLM")
_backbone = partial(as_graph, loader="AutoModel", output="last_hidden_state")
_classifier = partial(decoder, kind="ForSequenceClassification", num_labels=1)
_JINA = """
from transformers import BertConfig, BertForSequenceClassification, BertModel
class OwnConfig(BertConfig):
    model_type = "bert"
class OwnBase(BertModel):
    config_class = OwnConfig
class OwnModel(BertForSequenceClassification):
    config_class = OwnConfig
"""
BOTH_WAYS = """
import torch
from transformers import LlamaConfig, LlamaModel, LlamaPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
class OwnConfig(LlamaConfig):
    model_type = "llama_bidirec"
class OwnBase(LlamaModel):
    config_class = OwnConfig
class OwnModel(LlamaPreTrainedModel):
    config_class = OwnConfig
    def __init__(self, config):
        super().__init__(config)
        self.model = OwnBase(config)
        self.score = torch.nn.Linear(config.hidden_size, 1, bias=False)
        self.post_init()
    def forward(self, input_ids=None, attention_mask=None, **more):
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[..., None].to(states.dtype)
        return SequenceClassifierOutput(logits=self.score((states * mask).sum(1) / mask.sum(1)))
"""

ROWS = [
    Row("ms-marco cross-encoders (BERT)", encoder("ms-marco-MiniLM-L6-v2"), cards.classifier),
    Row("bge-reranker (XLM-RoBERTa)", encoder("bge-reranker-v2-m3", "XLMRoberta"), cards.classifier),
    Row("mxbai-rerank v1 (DeBERTa)", encoder("mxbai-rerank-base-v1", "DebertaV2"), cards.classifier),
    Row("gte-reranker, granite reranker (ModernBERT)", encoder("gte-reranker", "ModernBert"), cards.classifier),
    Row("Ettin reranker", ettin, cards.modular, _shifted, _backbone),
    Row(
        "jina-reranker v1",
        own_code("jina-reranker-v1-tiny-en", "modeling_bert", _JINA, architectures=["JinaBert"]),
        cards.classifier,
        options=TRUSTED,
    ),
    Row("two labels, as monoBERT", encoder("monobert-large-msmarco", num_labels=2), cards.two_labels),
    Row(
        "two labels, the first is the relevant one",
        labelled("relevant", "not_relevant"),
        cards.first_of_two_labels,
    ),
    Row("two labels of unknown names", labelled("A", "B")),
    Row("natural language inference, three labels", labelled("entailment", "neutral", "contradiction")),
    Row("natural language inference, two labels", labelled("entailment", "not_entailment")),
    Row("Qwen3-Reranker", decoder("Qwen3-Reranker-0.6B", "Qwen3"), cards.qwen3_reranker, graph=_vocabulary),
    Row(
        "Qwen3-Reranker, converted to a classifier",
        _classifier("Qwen3-Reranker-0.6B-seq-cls", "Qwen3"),
        cards.qwen3_seq_cls,
    ),
    Row("mxbai-rerank v2", decoder("mxbai-rerank-large-v2", "Qwen2"), cards.mxbai_v2, _shifted, _vocabulary),
    Row(
        "mxbai-rerank v2, converted to two labels",
        decoder("mxbai-rerank-base-v2-seq", "Qwen2", "ForSequenceClassification", id2label={0: "0", 1: "1"}),
        cards.mxbai_v2_seq,
        _base,
    ),
    Row("zerank-1", decoder("zerank-1", "Qwen3"), cards.zerank, _fifth, _vocabulary),
    Row("zerank-2", zerank_2, cards.zerank, _fifth, _vocabulary),
    Row(
        "zerank, converted to a classifier",
        _classifier("zerank-2-reranker-seq", "Qwen3"),
        cards.zerank_seq,
        _fifth,
    ),
    Row(
        "bge-reranker-v2-gemma",
        decoder("bge-reranker-v2-gemma", "Gemma", tokenizer=tiny_tokenizers.gemma),
        cards.bge_gemma,
        graph=_vocabulary,
    ),
    Row(
        "bge-reranker-v2-gemma, converted to a classifier",
        _classifier("bge-reranker-v2-gemma-seq-cls", "Gemma", tokenizer=tiny_tokenizers.gemma),
        cards.bge_gemma_seq,
    ),
    Row("ctxl-rerank v2", decoder("ctxl-rerank-v2-instruct-1b", "Qwen3"), cards.contextual, graph=_vocabulary),
    Row(
        "ctxl-rerank v2, converted to a classifier",
        _classifier("ctxl-rerank-v2-1b-seq-cls", "Qwen3"),
        cards.contextual_seq,
    ),
    Row(
        "llama-nemotron-rerank",
        own_code("llama-nemotron-rerank-1b-v2", "llama_bidirectional_model", BOTH_WAYS, model_type="llama_bidirec"),
        cards.nemotron,
        options=TRUSTED,
    ),
    Row("a language model that is no reranker", decoder("Qwen3-0.6B", "Qwen3"), graph=_vocabulary),
    Row(
        "a chat model whose template lets any role pass",
        decoder("chat", "Llama", tokenizer=partial(tiny_tokenizers.qwen, tiny_tokenizers.ANY_ROLE)),
        graph=_vocabulary,
    ),
    Row("a classifier made of a language model", _classifier("Qwen3-classifier", "Qwen3")),
    Row("jina-reranker v3", decoder("jina-reranker-v3", "Qwen3"), graph=_vocabulary),
    Row("monoT5", t5, graph=None),
    Row("a bare encoder", encoder("bert-base-uncased", kind="Model"), graph=_backbone),
    Row("a model for masked words", encoder("bert-base-uncased", kind="ForMaskedLM"), graph=None),
    Row("a model for question answering", encoder("bert-squad", kind="ForQuestionAnswering"), graph=None),
    Row(
        "ColBERT",
        altered(encoder("colbertv2.0", kind="Model"), setting(architectures=["HF_ColBERT"])),
        graph=_backbone,
    ),
    Row("an embedding model", embedding_model, graph=_backbone),
    Row(
        "a config that names no architecture",
        altered(encoder("unnamed", kind="Model"), setting(architectures=None)),
        graph=None,
    ),
    Row(
        "a reranker that lost its last layer",
        altered(encoder("ms-marco-finetuned"), without_weights("classifier.")),
        graph=None,
    ),
]
"""The lines of the table."""


def outcome(row: Row, way: Way, folder: Path) -> str:
    """What a cell says: whether the scores are equal, or why there are none, or that they are wrong."""
    if way == "ONNX" and row.graph is None:
        return ""
    made = row.build(folder)
    try:
        raw, scored = _engine(row, way, made, raw=True), _engine(row, way, made, raw=False)
    except ConfigurationError as error:
        return _refused(str(error))
    if row.card is None:
        return "wrong: it ranks"
    for document in DOCUMENTS:
        logit = row.card(made, QUERY, document)
        found = _only(raw, document), _only(scored, document)
        if not all(abs(one - other) < CLOSE for one, other in zip(found, (logit, row.scale(logit)), strict=True)):
            return f"wrong: {found} instead of {logit, row.scale(logit)}"
    return "equal, with `trust_remote_code=True`" if way != "ONNX" and row.options == TRUSTED else "equal"


def _engine(row: Row, way: Way, folder: Path, *, raw: bool) -> Reranker:
    if way == "PyTorch":
        return SentenceTransformersCrossEncoder(folder, device="cpu", raw_scores=raw, threads=1, **row.options)
    if way == "exported":
        to = folder.parent / "exported"
        if not to.is_dir():
            export_model(folder, to, texts=_PASSAGES, int8=False, **row.options)
        return OnnxCrossEncoder(to, raw_scores=raw, threads=1)
    assert row.graph is not None
    graph = folder.parent / "graph" / folder.name
    return OnnxCrossEncoder(graph if graph.is_dir() else row.graph(folder, graph), raw_scores=raw, threads=1)


def _only(engine: Reranker, document: str) -> float:
    return engine.rerank(QUERY, [document]).hits[0].score


def _refused(message: str) -> str:
    for pattern, reason in _REASONS.items():
        if re.search(pattern, message):
            told = reason or message.partition("cannot be run here: ")[2].partition(". Take")[0]
            return f"refused: {told}"
    return f"wrong: {message}"

"""Tiny real cross-encoders for PyTorch, built on disk: transformers' own architectures with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.local import tiny_models
from tests.local.tiny_models import WORDS

REASON = "sentence-transformers is not installed"
torch: Any = pytest.importorskip("torch", reason=REASON)
transformers: Any = pytest.importorskip("transformers", reason=REASON)

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
LENGTH = 64
"""The most tokens that these models read."""

TEMPLATE = (
    """{% for message in messages if message["role"] in ["system", "query", "document"] %}"""
    """<{{ message["role"] }}> {{ message["content"] }} {% endfor %}<answer>"""
)
"""A chat template with the roles that sentence-transformers gives a pair, and something behind the document."""


def bert_like(folder: Path, *, labels: int = 1, architecture: str = "ForSequenceClassification", **config: Any) -> Path:
    """Token types, `[CLS] query [SEP] document [SEP]`."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tiny_models.bert_like(folder / "tokenizer").folder / "tokenizer.json"),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    config = {"max_position_embeddings": LENGTH, **config}
    settings = transformers.BertConfig(**SIZES, vocab_size=len(tokenizer), num_labels=labels, **config)
    return _saved(folder, getattr(transformers, f"Bert{architecture}"), settings, tokenizer)


def xlmr_like(folder: Path, *, labels: int = 1) -> Path:
    """No token types, `<s> query </s> </s> document </s>`, positions that start behind the padding's."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tiny_models.xlmr_like(folder / "tokenizer").folder / "tokenizer.json"),
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        model_input_names=["input_ids", "attention_mask"],
    )
    settings = transformers.XLMRobertaConfig(
        **SIZES,
        vocab_size=len(tokenizer),
        max_position_embeddings=LENGTH + 2,
        pad_token_id=1,
        type_vocab_size=1,
        num_labels=labels,
    )
    return _saved(folder, transformers.XLMRobertaForSequenceClassification, settings, tokenizer)


def qwen_like(folder: Path) -> Path:
    """A causal model that answers "yes" or "no" to what a chat template makes of a pair."""
    words = ["<pad>", "<end>", "<unk>", "<query>", "<document>", "<system>", "<answer>", "yes", "no", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token="<end>",
        model_max_length=LENGTH,
        chat_template=TEMPLATE,
        model_input_names=["input_ids", "attention_mask"],
    )
    settings = transformers.Qwen3Config(
        **SIZES, vocab_size=len(words), num_key_value_heads=1, head_dim=8, max_position_embeddings=LENGTH
    )
    return _saved(folder, transformers.Qwen3ForCausalLM, settings, fast)


def _saved(folder: Path, architecture: Any, settings: Any, tokenizer: Any) -> Path:
    torch.manual_seed(11)
    model = architecture(settings).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(std=0.6)  # far apart, so that a wrong token moves a score
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

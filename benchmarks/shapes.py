"""Rerankers of the sizes that people run, with random weights: a model takes as long whatever it has learned.

The tokenizer is that of the embedded model for all of them, so that all read the same tokens. The sizes are from the
models' configurations, those of Ettin from https://github.com/JHU-CLSP/ettin-encoder-vs-decoder (pretraining/configs).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from rerank_kit.local.model_files import embedded_folder

MAX_LENGTH = 512


def ettin(hidden: int, layers: int, intermediate: int, heads: int) -> Callable[[Path], None]:
    """A ModernBERT with the layers that cross-encoder/ettin-reranker-17m-v1 has behind it."""

    def build(folder: Path) -> None:
        from sentence_transformers import CrossEncoder
        from sentence_transformers.sentence_transformer import modules

        config = transformers.ModernBertConfig(
            vocab_size=50368,
            hidden_size=hidden,
            num_hidden_layers=layers,
            intermediate_size=intermediate,
            num_attention_heads=heads,
        )
        _save(transformers.ModernBertModel(config), folder / "encoder")
        dense: Any = modules.Dense
        parts = [
            modules.Transformer(str(folder / "encoder")),
            modules.Pooling(hidden, "cls"),
            dense(hidden, hidden, bias=False, activation_function=torch.nn.GELU()),
            modules.LayerNorm(hidden),
            dense(hidden, 1, activation_function=torch.nn.Identity(), module_output_name="scores"),
        ]
        CrossEncoder(modules=parts, device="cpu").save_pretrained(str(folder))

    return build


def classifier(family: str, **config: Any) -> Callable[[Path], None]:
    """A sequence classifier of transformers."""

    def build(folder: Path) -> None:
        settings = getattr(transformers, f"{family}Config")(num_labels=1, **config)
        _save(getattr(transformers, f"{family}ForSequenceClassification")(settings), folder)

    return build


def _save(model: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    types = ["token_type_ids"] if getattr(model.config, "type_vocab_size", 1) > 1 else []
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(
        tokenizer_file=str(embedded_folder() / "tokenizer.json"),
        model_max_length=MAX_LENGTH,
        model_input_names=["input_ids", "attention_mask", *types],
        **{f"{each}_token": f"[{each.upper()}]" for each in ("cls", "sep", "pad", "unk")},
    ).save_pretrained(folder)


_MINILM: dict[str, Any] = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
_XLM_R: dict[str, Any] = {"vocab_size": 250002, "type_vocab_size": 1, "pad_token_id": 1}
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}

SHAPES: dict[str, Callable[[Path], None]] = {
    "Ettin-17M": ettin(256, 7, 384, 4),
    "Ettin-32M": ettin(384, 10, 576, 6),
    "Ettin-68M": ettin(512, 19, 768, 8),
    "MiniLM-L6": classifier("Bert", num_hidden_layers=6, **_MINILM),
    "MiniLM-L12": classifier("Bert", num_hidden_layers=12, **_MINILM),
    "bge-reranker-base": classifier("XLMRoberta", max_position_embeddings=514, **_XLM_R, **_BASE),
    "bge-reranker-v2-m3": classifier("XLMRoberta", max_position_embeddings=8194, **_XLM_R, **_LARGE),
}

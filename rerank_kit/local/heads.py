"""Whether a model that PyTorch loaded gives scores that were learned, and where in its answer they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.clues import FOLDER, MODULES
from rerank_kit.local.labels import relevant_label

_OF_ADAPTERS = re.compile(r"\.lora_|\.modules_to_save\.|\.original_module\.")  # which peft loads in its own way
_SHOWN = 3


def check_head(model: Any, name: str) -> int:
    """Refuse what cannot score pairs.

    Where a checkpoint lacks weights, transformers makes random ones and says so in its log alone: of a bare encoder,
    of a model for another task, of one that lost its last layer while it was saved.

    Args:
        model: A `sentence_transformers.CrossEncoder`.
        name: What the user called it.

    Returns:
        The place of the value that stands for "relevant".

    Raises:
        ConfigurationError: A weight was made up, or the model gives no scores for a pair, or too many.
    """
    made_up = [each for module in model for each in _made_up(module)]
    if made_up:
        more = f" and {len(made_up) - _SHOWN} more" if len(made_up) > _SHOWN else ""
        kind = (model.config.architectures or ["model of an unknown kind"])[0]
        msg = (
            f"model={name!r}, a {kind}, lacks the trained weights {', '.join(made_up[:_SHOWN])}{more}: random numbers "
            f"stand for them, and its ranking would be random. {_embedding(model, name, kind)}Pass a cross-encoder, "
            "such as 'cross-encoder/ettin-reranker-17m-v1'; if you trained this one, save it with save_pretrained and "
            "pass the folder"
        )
        raise ConfigurationError(msg)
    if getattr(model.config, "attention_type", None) == "block_sparse":
        msg = (
            f"model={name!r} reads long texts with sparse attention (block_sparse), until the first short one makes it "
            'full for good: write "attention_type": "original_full" into its config.json'
        )
        raise ConfigurationError(msg)
    if getattr(model[-1], "module_output_name", "scores") != "scores":
        msg = f"model={name!r} ends in a {type(model[-1]).__name__}, which gives no scores: pass a cross-encoder"
        raise ConfigurationError(msg)
    labels: dict[int, str] = (model.config.id2label or {}) if len(model) == 1 else {}
    return relevant_label(labels, model.num_labels, name)


def _embedding(model: Any, name: str, kind: str) -> str:
    """A sentence for what has the files of an embedding model."""
    folders = [each for each in (Path(name), getattr(model, FOLDER, None)) if each and (each / MODULES).is_file()]
    if not kind.endswith("Model") and not any("pooling" in (each / MODULES).read_text("utf-8") for each in folders):
        return ""
    return "It is an embedding model (bi-encoder), which makes vectors to find texts by, or a bare encoder. "


def _made_up(module: Any) -> list[str]:
    """The weights of a module that were in no checkpoint. Only transformers makes weights up."""
    inner: Any = getattr(module, "model", None)
    if not hasattr(inner, "_keys_to_ignore_on_load_missing"):
        return []
    patterns: Iterable[str] = inner._keys_to_ignore_on_load_missing or ()  # noqa: SLF001 - as it does itself
    needless = [re.compile(each) for each in patterns]
    return [
        name
        for name, weight in inner.named_parameters()
        if not getattr(weight, "_is_hf_initialized", False)  # what transformers marks a weight with that it has loaded
        and not _OF_ADAPTERS.search(name)
        and not any(each.search(name) for each in needless)
    ]

"""The model as transformers has it in torch: its logits, and its graph."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.export.modernbert import rewritten
from rerank_kit.export.sample_texts import SAMPLE
from rerank_kit.export.tracing import trace
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.optional import optional


class TorchModel:
    """A sequence classifier with its tokenizer, in fp32 on the CPU."""

    def __init__(self, model: str | os.PathLike[str], *, revision: str | None = None) -> None:
        """Load a model.

        Raises:
            ConfigurationError: There is none, or it is no cross-encoder with a fast tokenizer.
            MissingExtra: torch, transformers or onnx is not installed.
        """
        self._torch, _, transformers = (
            optional(package, extra="export", why="exporting a model") for package in ("torch", "onnx", "transformers")
        )
        name = os.fspath(model)
        options: dict[str, Any] = {"trust_remote_code": False}
        if revision is not None:
            options["revision"] = revision
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name, **options)
            loaded, info = transformers.AutoModelForSequenceClassification.from_pretrained(
                name,
                attn_implementation="eager",  # the plainest graph, and the fastest in ONNX Runtime
                output_loading_info=True,
                **options,
            )
        except Exception as error:  # what transformers raises depends on what is wrong, and has no common base
            reason = str(error).strip().partition("\n")[0]
            msg = f"model={name!r} cannot be loaded by transformers ({reason}): pass a model's folder or hub name"
            raise ConfigurationError(msg) from error
        _check(name, loaded, info["missing_keys"], fast=self._tokenizer.is_fast)
        self._model: Any = loaded.float().eval()

    def logit(self, pair: Pair, max_length: int) -> float:
        """The relevance of a pair, before any activation. Of two labels the second stands for "relevant"."""
        with self._torch.inference_mode():
            values = self._logits(**self._encode([pair], max_length))[0].tolist()
        return float(values[0] if len(values) == 1 else values[1] - values[0])

    def save(self, folder: Path, file: str) -> None:
        """Write the graph into a file of the folder, and what else belongs to the model beside it.

        Raises:
            ConfigurationError: torch cannot make a graph of the model.
        """
        self._tokenizer.save_pretrained(folder)
        self._model.config.save_pretrained(folder)
        with rewritten(self._model, first=getattr(self._model.config, "classifier_pooling", None) == "cls"):
            trace(self._model, self._logits, self._encode(SAMPLE), folder / file)

    def _logits(self, **inputs: Any) -> Any:
        return self._model(**inputs).logits

    def _encode(self, pairs: Sequence[Pair], max_length: int | None = None) -> dict[str, Any]:
        """What the model takes of what the tokenizer gives, in the order of the model's arguments."""
        cut: dict[str, Any] = {} if max_length is None else {"truncation": "longest_first", "max_length": max_length}
        encoded = self._tokenizer(list(pairs), padding=len(pairs) > 1, return_tensors="pt", **cut)
        return {name: encoded[name] for name in inspect.signature(self._model.forward).parameters if name in encoded}


def _check(name: str, model: Any, missing: Sequence[str], *, fast: bool) -> None:
    if missing:
        msg = (
            f"model={name!r} lacks the weights {', '.join(sorted(missing)[:3])}: it is no cross-encoder, but a model "
            "that one could be trained from"
        )
        raise ConfigurationError(msg)
    if model.config.num_labels not in (1, 2):
        msg = f"model={name!r} has {model.config.num_labels} labels: a cross-encoder has 1, or 2 (irrelevant, relevant)"
        raise ConfigurationError(msg)
    if not fast:
        msg = f"model={name!r} has no fast tokenizer: one that can be saved as tokenizer.json is needed"
        raise ConfigurationError(msg)

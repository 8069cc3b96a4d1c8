"""A reranker in the modules of sentence-transformers: a transformer, and behind it layers that make a score of it.

Ettin's rerankers are of this kind: `modules.json` names a Transformer, Pooling, Dense, LayerNorm and Dense.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.export.modernbert import rewritten
from rerank_kit.export.sample_texts import SAMPLE
from rerank_kit.export.tracing import trace
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.optional import optional


def is_modular(name: str, revision: str | None) -> bool:
    """Whether a folder or hub name says of what modules of sentence-transformers it is made."""
    util = optional("sentence_transformers.util", extra="export", why="exporting a model")
    found: bool = util.is_sentence_transformer_model(name, revision=revision)
    return found


class ModularModel:
    """A cross-encoder of sentence-transformers, in fp32 on the CPU."""

    def __init__(self, name: str, *, revision: str | None = None) -> None:
        """Load a model.

        Raises:
            ConfigurationError: It cannot be loaded, or is no cross-encoder with a fast tokenizer.
            MissingExtra: sentence-transformers is not installed.
        """
        library = optional("sentence_transformers", extra="export", why="exporting a model")
        self._torch = optional("torch", extra="export", why="exporting a model")
        options = {"dtype": self._torch.float32, "attn_implementation": "eager"}
        try:
            self._model: Any = library.CrossEncoder(name, device="cpu", revision=revision, model_kwargs=options).eval()
        except Exception as error:  # torch, transformers and the hub raise whatever they like
            reason = " ".join(str(error).split())
            msg = f"model={name!r} cannot be loaded by sentence-transformers ({reason}): pass a cross-encoder of its"
            raise ConfigurationError(msg) from error
        _check(name, self._model)

    def logit(self, pair: Pair, max_length: int) -> float:
        """The relevance of a pair, before any activation, as sentence-transformers computes it."""
        self._model.max_seq_length = max_length
        (values,) = self._model.predict([pair], activation_fn=self._torch.nn.Identity(), show_progress_bar=False)
        row: list[float] = values.reshape(-1).tolist()
        return row[0] if len(row) == 1 else row[1] - row[0]

    def save(self, folder: Path, file: str) -> None:
        """Write the graph into a file of the folder, and what else belongs to the model beside it.

        Raises:
            ConfigurationError: torch cannot make a graph of the model.
        """
        transformer = self._model[0]
        transformer.tokenizer.save_pretrained(folder)
        transformer.config.save_pretrained(folder)
        features = self._model.preprocess(SAMPLE)
        names = [name for name in inspect.signature(transformer.model.forward).parameters if name in features]
        first = any(getattr(each, "pooling_mode", None) == "cls" for each in self._model)
        with rewritten(transformer.model, first=first):
            trace(self._model, self._scores, {name: features[name] for name in names}, folder / file)

    def _scores(self, **features: Any) -> Any:
        return self._model(features)["scores"]


def _check(name: str, model: Any) -> None:
    if model.num_labels not in (1, 2):
        msg = f"model={name!r} gives {model.num_labels} values for a pair: a cross-encoder gives 1, or 2"
        raise ConfigurationError(msg)
    if not model.tokenizer.is_fast:
        msg = f"model={name!r} has no fast tokenizer: one that can be saved as tokenizer.json is needed"
        raise ConfigurationError(msg)

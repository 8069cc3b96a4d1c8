"""What is exported: a model in torch, of whatever kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from rerank_kit.export.modular_model import ModularModel, is_modular
from rerank_kit.export.torch_model import TorchModel
from rerank_kit.local.cross_encoder import Pair


class Original(Protocol):
    """A cross-encoder in torch."""

    def logit(self, pair: Pair, max_length: int) -> float:
        """The relevance of a pair, of which so many tokens are read, before any activation."""
        ...

    def save(self, folder: Path, file: str) -> None:
        """Write the graph into a file of the folder, and what else belongs to the model beside it."""
        ...


def load_original(model: str | os.PathLike[str], revision: str | None) -> Original:
    """Load a model.

    Args:
        model: A folder or a hub name.
        revision: The hub commit, tag or branch.

    Raises:
        ConfigurationError: There is none, or it is no cross-encoder with a fast tokenizer.
        MissingExtra: torch, transformers, sentence-transformers or onnx is not installed.
    """
    name = os.fspath(model)
    if is_modular(name, revision):
        return ModularModel(name, revision=revision)
    return TorchModel(name, revision=revision)

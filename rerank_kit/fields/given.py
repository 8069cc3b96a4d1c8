"""What users pass where a reranker is wanted, as a reranker."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from rerank_kit.errors import ConfigurationError
from rerank_kit.local import cross_encoder
from rerank_kit.quoting import looks_like_a_key, quoted
from rerank_kit.reranker import Reranker, Scoring

Given: TypeAlias = Reranker | Scoring | str | Path
"""A reranker, a function from a query and texts to numbers, or a cross-encoder's name or folder."""


_VENDORS = frozenset({"cohere", "voyage", "jina"})


def as_reranker(given: object, framework: str) -> Reranker:
    """The reranker that was meant.

    Args:
        given: What was passed as `reranker=`.
        framework: What else could have been passed, for the error.

    Raises:
        ConfigurationError: It cannot be one, or no model of that name can be loaded.
        MissingExtra: What runs the model is not installed.
    """
    if isinstance(given, Reranker):
        return given
    if isinstance(given, str) and given.startswith(("http://", "https://")):
        msg = f"reranker is an address: pass Endpoint({quoted(given)}), from rerank_kit.managed"
        raise ConfigurationError(msg)
    if isinstance(given, str) and given.lower() in _VENDORS:
        msg = f"reranker={quoted(given)} is no model: pass {given.capitalize()}(model), from rerank_kit.managed"
        raise ConfigurationError(msg)
    if looks_like_a_key(given):
        msg = "reranker looks like a key: pass the reranker that it is for, such as Cohere(model, api_key=…)"
        raise ConfigurationError(msg)
    if isinstance(given, str | Path):
        return cross_encoder(given)
    if isinstance(given, type):
        msg = f"reranker is the class {given.__name__}: pass an object of it, such as {given.__name__}(…)"
        raise ConfigurationError(msg)
    if callable(given):
        return Reranker.of(given)
    msg = (
        f"reranker must be a rerank_kit.Reranker, {framework}, a function from a query and texts to numbers, or a "
        f"cross-encoder's name or folder, not {type(given).__name__}"
    )
    raise ConfigurationError(msg)

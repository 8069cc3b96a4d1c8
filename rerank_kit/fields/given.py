"""What users pass where a reranker is wanted, as a reranker."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from rerank_kit.errors import ConfigurationError
from rerank_kit.local import cross_encoder
from rerank_kit.quoting import looks_like_a_key, quoted
from rerank_kit.reranker import Reranker, Scoring
from rerank_kit.wrong_kind import framework_of, is_model_of_others, no_reranker

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
    if callable(given) and not _is_something_else(given):
        return Reranker.of(given)
    wanted = f"a rerank_kit.Reranker, {framework}, a function from a query and texts to numbers, or "
    raise no_reranker(given, "reranker", f"{wanted}a cross-encoder's name or folder")


def as_field(given: object) -> object:
    """What is passed as the field `reranker`: a function becomes one. What is refused is not shown: it may be a key.

    Raises:
        ConfigurationError: It cannot be a reranker.
    """
    if given is None or isinstance(given, Reranker):
        return given
    if callable(given) and not _is_something_else(given):
        return Reranker.of(given)
    wanted = "a rerank_kit.Reranker or a function from a query and texts to numbers"
    raise no_reranker(given, "reranker", wanted, shown=False)


def _is_something_else(given: object) -> bool:
    """Whether it can be called and is no function: a class, a model, or an object of a framework."""
    return isinstance(given, type) or is_model_of_others(given) or framework_of(given) is not None

"""Rerankers on a Ray cluster: behind HTTP with replicas, and over more rows than one machine gets through."""

from rerank_kit.optional import needed

needed("ray", extra="ray", why="rerank_kit.scale")

from rerank_kit.scale.bulk import label_pairs, score_pairs, write_contexts  # noqa: E402 - what is missing is said before
from rerank_kit.scale.serving import app, deployment  # noqa: E402

__all__ = ["app", "deployment", "label_pairs", "score_pairs", "write_contexts"]

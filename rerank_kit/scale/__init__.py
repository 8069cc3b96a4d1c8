"""Rerankers on a Ray cluster: behind HTTP with replicas, and over more rows than one machine gets through."""

from rerank_kit.scale.bulk import label_pairs, score_pairs, warm_vectors, write_contexts
from rerank_kit.scale.serving import app, deployment

__all__ = ["app", "deployment", "label_pairs", "score_pairs", "warm_vectors", "write_contexts"]

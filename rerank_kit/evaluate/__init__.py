"""Evaluation on data of one's own: which first stage and which reranker is better, and whether it is sure."""

from rerank_kit.evaluate.dataset import Dataset

__all__ = ["Dataset"]

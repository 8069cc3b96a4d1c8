"""Evaluation on data of one's own: which first stage and which reranker is better, and whether it is sure."""

from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.reading import read_dataset

__all__ = ["Dataset", "read_dataset"]

"""Evaluation on data of one's own: which first stage and which reranker is better, and whether that is sure."""

from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.planning import Plan
from rerank_kit.evaluate.reading import read_dataset
from rerank_kit.evaluate.running import Progress, evaluate

__all__ = ["Dataset", "Evaluation", "Plan", "Progress", "SystemResult", "evaluate", "read_dataset"]

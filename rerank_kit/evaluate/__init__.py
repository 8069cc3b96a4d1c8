"""Evaluation on data of one's own: which first stage and which reranker is better, and whether that is sure."""

from rerank_kit.evaluate.calibrating import calibrate
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.planning import Plan
from rerank_kit.evaluate.reading import read_dataset
from rerank_kit.evaluate.running import Progress, evaluate
from rerank_kit.evaluate.tuning import Tuned, tune

__all__ = [
    "Dataset",
    "Evaluation",
    "Plan",
    "Progress",
    "SystemResult",
    "Tuned",
    "calibrate",
    "evaluate",
    "read_dataset",
    "tune",
]

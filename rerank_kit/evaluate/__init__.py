"""Evaluation on data of one's own: which first stage and which reranker is better, and whether that is sure."""

from rerank_kit.evaluate.calibrating import calibrate
from rerank_kit.evaluate.dataset import Dataset
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.judge_labels import label
from rerank_kit.evaluate.kappa import Agreement, Kappa
from rerank_kit.evaluate.labelled import Label, Labels
from rerank_kit.evaluate.planning import Plan
from rerank_kit.evaluate.reading import read_dataset
from rerank_kit.evaluate.reviewing import review
from rerank_kit.evaluate.running import Progress, evaluate
from rerank_kit.evaluate.synthesising import synthesise
from rerank_kit.evaluate.tuned import Tuned
from rerank_kit.evaluate.tuning import tune
from rerank_kit.evaluate.writing import write_dataset

__all__ = [
    "Agreement",
    "Dataset",
    "Evaluation",
    "Kappa",
    "Label",
    "Labels",
    "Plan",
    "Progress",
    "SystemResult",
    "Tuned",
    "calibrate",
    "evaluate",
    "label",
    "read_dataset",
    "review",
    "synthesise",
    "tune",
    "write_dataset",
]

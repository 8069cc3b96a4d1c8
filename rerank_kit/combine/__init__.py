"""Rerankers made of rerankers, and rankings made of rankings."""

from rerank_kit.combine.calibrated import Calibrated, Calibration
from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.fallback import Fallback
from rerank_kit.combine.fusion import Normalisation, normalise, reciprocal_rank_fusion
from rerank_kit.combine.hedged import Hedged
from rerank_kit.combine.stages import Budget, Condition, Stage

__all__ = [
    "Budget",
    "Calibrated",
    "Calibration",
    "Cascade",
    "Condition",
    "Fallback",
    "Hedged",
    "Normalisation",
    "Stage",
    "normalise",
    "reciprocal_rank_fusion",
]

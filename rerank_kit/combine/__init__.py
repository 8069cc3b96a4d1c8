"""Rerankers made of rerankers, and rankings made of rankings."""

from rerank_kit.combine.blended import Blended
from rerank_kit.combine.blending import Blend, BlendBy, blend
from rerank_kit.combine.calibrated import Calibrated, Calibration
from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.fallback import Fallback
from rerank_kit.combine.fusion import Normalisation, normalise, reciprocal_rank_fusion
from rerank_kit.combine.hedged import Hedged
from rerank_kit.combine.shadow import Shadow
from rerank_kit.combine.shadow_report import ShadowReport, shadow_report
from rerank_kit.combine.shadow_runs import Recorder, ShadowRun, ShadowSide
from rerank_kit.combine.stages import Budget, Condition, Stage

__all__ = [
    "Blend",
    "BlendBy",
    "Blended",
    "Budget",
    "Calibrated",
    "Calibration",
    "Cascade",
    "Condition",
    "Fallback",
    "Hedged",
    "Normalisation",
    "Recorder",
    "Shadow",
    "ShadowReport",
    "ShadowRun",
    "ShadowSide",
    "Stage",
    "blend",
    "normalise",
    "reciprocal_rank_fusion",
    "shadow_report",
]

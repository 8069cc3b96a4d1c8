"""The plain fields of every reranker, said once; a class of an adapter is such fields and the framework's base class.

Only the adapters import this package: it needs pydantic, which both frameworks bring and the core does without.
"""

from rerank_kit.fields.base import RerankFields
from rerank_kit.fields.cascade import CascadeFields
from rerank_kit.fields.decide import DecisionFields
from rerank_kit.fields.judge import JudgeFields
from rerank_kit.fields.late import LateInteractionFields
from rerank_kit.fields.local import CrossEncoderFields, FlashRankFields
from rerank_kit.fields.rules import RuleFields

__all__ = [
    "CascadeFields",
    "CrossEncoderFields",
    "DecisionFields",
    "FlashRankFields",
    "JudgeFields",
    "LateInteractionFields",
    "RerankFields",
    "RuleFields",
]

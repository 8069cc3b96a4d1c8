"""Business rules as a LlamaIndex node postprocessor."""

from __future__ import annotations

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit.fields import RuleFields


class RuleRerank(RuleFields, RerankPostprocessor):
    """Puts nodes in order by business rules on their metadata.

    The reason for a node's place is in `relevance_reason`.
    """

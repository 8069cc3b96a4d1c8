"""Business rules as a LangChain document compressor."""

from __future__ import annotations

from langchain_rerank_kit.compressor import RerankCompressor
from rerank_kit.fields import RuleFields


class RuleRerank(RuleFields, RerankCompressor):
    """Puts documents in order by business rules on their metadata.

    The reason for a document's place is in `metadata["relevance_reason"]`.
    """

"""A decision model as a reranker."""

from __future__ import annotations

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit.fields.decide import DecisionFields


class DecisionRerank(DecisionFields, RerankPostprocessor):
    """Asks a decision model about the nodes. See `rerank_kit.decide.DecisionReranker`.

    The verdict is in `relevance_verdict`, its probabilities in `relevance_probabilities`, and how likely it is that any
    node answers in `rerank_answerable`.
    """

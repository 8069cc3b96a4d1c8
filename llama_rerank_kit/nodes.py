"""What comes out: the caller's own nodes, each with its new score and what it had before.

LlamaIndex keeps a score beside the node, in `NodeWithScore`, and so do we with everything that reranking has to say.
Nothing is written into the node's metadata: those are text that embedding models and LLMs read, and they are part of
the node's hash, by which fusion and document stores tell nodes apart.
"""

from __future__ import annotations

from llama_index.core.schema import NodeWithScore
from pydantic import Field

from rerank_kit import Hit


class RerankedNode(NodeWithScore):
    """A `NodeWithScore` that remembers.

    Attributes:
        node: The very node that came in.
        score: Its relevance; higher is better. `None` when reranking failed and the nodes were kept.
        earlier_scores: Scores from the stages before, the first stage's first.
        relevant_passage: The part of a long text that the score is for, when only that part was decisive.
        relevance_reason: Why the node is where it is, from rerankers that say so.
        relevance_verdict: What a judge decided: `"yes"` or `"no"`, a grade, or `"unjudged"`.
        rerank_failed: Why this node comes in the first stage's order, when reranking failed and
            `on_error="keep"` was asked for.
    """

    earlier_scores: list[float] = Field(default_factory=list[float])
    relevant_passage: str | None = None
    relevance_reason: str | None = None
    relevance_verdict: str | None = None
    rerank_failed: str | None = None


def earlier_scores(given: NodeWithScore) -> list[float]:
    """The scores a node has had, oldest first, as Python floats whatever number type they were."""
    kept = given.earlier_scores if isinstance(given, RerankedNode) else []
    return kept if given.score is None else [*kept, float(given.score)]


def reranked(given: NodeWithScore, hit: Hit, passage: str | None = None) -> RerankedNode:
    """The same node with the score of a hit; the one that it had joins the earlier ones."""
    return RerankedNode(
        node=given.node,
        score=hit.score,
        earlier_scores=earlier_scores(given),
        relevant_passage=passage,
        relevance_reason=hit.why,
        relevance_verdict=hit.verdict,
    )


def kept(given: NodeWithScore, reason: str) -> RerankedNode:
    """The same node without a score, and why it got none; the one that it had joins the earlier ones."""
    return RerankedNode(node=given.node, earlier_scores=earlier_scores(given), rerank_failed=reason)

"""What comes out: the caller's own nodes, each with its new score and what it had before.

LlamaIndex keeps a score beside the node, in `NodeWithScore`, and so do we with everything that reranking has to say.
Nothing is written into the node's metadata: those are text that embedding models and LLMs read, and they are part of
the node's hash, by which fusion and document stores tell nodes apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.schema import MetadataMode, NodeWithScore
from pydantic import Field, SerializeAsAny
from typing_extensions import override

from llama_rerank_kit.text_read import text_read
from rerank_kit import Hit, Ranking
from rerank_kit.values import UNJUDGED


class RerankedNode(NodeWithScore):
    """A `NodeWithScore` that remembers.

    It equals a plain `NodeWithScore` with the same node and the same score, from either side, as tests expect that were
    written before there was a reranker. Two `RerankedNode`s are equal when all that they remember is, so that a test
    can tell reasons and failures apart. Like every `NodeWithScore` it cannot be hashed.

    Attributes:
        node: The very node that came in.
        score: Its relevance; higher is better. `None` when reranking failed and the nodes were kept, and of a node that
            could not be judged, whichever a stage before may have given.
        earlier_scores: Scores from the stages before, the first stage's first.
        relevant_passage: The part of a long text that the score is for, when only that part was decisive.
        relevance_reason: Why the node is where it is, from rerankers that say so.
        relevance_verdict: What a judge decided: `"yes"` or `"no"`, a grade, or `"unjudged"`.
        relevance_probabilities: The probability of each verdict, from models that tell.
        rerank_answerable: How likely it is that any node answers, from rerankers that can tell.
        first_stage_rank: Its place in the first stage's order, from 1.
        rerank_degraded: What of the ranking is not as it was asked for, such as a fallback's answer.
        rerank_failed: Why this node comes in the first stage's order, when reranking failed and
            `on_error="keep"` was asked for, or none of the nodes could be judged.
        merged_nodes: The other nodes that were the same and for which this one stands, as they came in.
    """

    earlier_scores: list[float] = Field(default_factory=list[float])
    relevant_passage: str | None = None
    relevance_reason: str | None = None
    relevance_verdict: str | None = None
    relevance_probabilities: dict[str, float] | None = None
    rerank_answerable: float | None = None
    first_stage_rank: int | None = None
    rerank_degraded: str | None = None
    rerank_failed: str | None = None
    merged_nodes: list[SerializeAsAny[NodeWithScore]] = Field(default_factory=list[NodeWithScore])

    __hash__ = None  # type: ignore[assignment]

    @override
    def __eq__(self, other: object) -> bool:
        if type(other) is NodeWithScore:
            return (self.node, self.score) == (other.node, other.score)
        return super().__eq__(other)


def earlier_scores(given: NodeWithScore) -> list[float]:
    """The scores a node has had, oldest first, as Python floats whatever number type they were."""
    kept = given.earlier_scores if isinstance(given, RerankedNode) else []
    return kept if given.score is None else [*kept, float(given.score)]


def merged_nodes(given: NodeWithScore) -> list[NodeWithScore]:
    """The nodes for which one stands."""
    return given.merged_nodes if isinstance(given, RerankedNode) else []


def standing_for(given: NodeWithScore, others: Sequence[NodeWithScore]) -> NodeWithScore:
    """The same node with others that it stands for."""
    if not others:
        return given
    merged = [*merged_nodes(given), *others]
    if isinstance(given, RerankedNode):
        return given.model_copy(update={"merged_nodes": merged})
    score = None if given.score is None else float(given.score)
    return RerankedNode(node=given.node, score=score, merged_nodes=merged)


def reranked(
    given: NodeWithScore, place: int | None, hit: Hit, ranking: Ranking, passage: str | None = None
) -> RerankedNode:
    """The same node with the score of a hit; the one that it had joins the earlier ones.

    Args:
        given: The node.
        place: Where it stood in the first stage's order, from 0, if that is known.
        hit: What was found of it.
        ranking: The ranking that this is of. Where nothing could be ranked, or this could not be judged, it has no
            score.
        passage: The part of its text that the score is for.
    """
    return RerankedNode(
        node=given.node,
        score=None if ranking.failure is not None or hit.verdict == UNJUDGED else hit.score,
        earlier_scores=earlier_scores(given),
        relevant_passage=passage,
        relevance_reason=hit.why,
        relevance_verdict=hit.verdict,
        relevance_probabilities=None if hit.probabilities is None else dict(hit.probabilities),
        rerank_answerable=ranking.answerable,
        first_stage_rank=_rank(given, place),
        rerank_degraded=ranking.problem,
        rerank_failed=ranking.failure,
        merged_nodes=merged_nodes(given),
    )


def kept(given: NodeWithScore, place: int, reason: str) -> RerankedNode:
    """The same node without a score, and why it got none; the one that it had joins the earlier ones."""
    return RerankedNode(
        node=given.node,
        earlier_scores=earlier_scores(given),
        first_stage_rank=_rank(given, place),
        rerank_failed=reason,
        merged_nodes=merged_nodes(given),
    )


def moves(
    before: Sequence[NodeWithScore], after: Sequence[NodeWithScore]
) -> list[tuple[int | None, float | None, str]]:
    """What came of nodes: where each stood before, from 0, if it was there, its score and its text, told by ids."""
    places: dict[str, int] = {}
    for place, each in enumerate(before):
        places.setdefault(each.node_id, place)
    return [(places.get(each.node_id), each.score, text_read(each.node, MetadataMode.EMBED)) for each in after]


def _rank(given: NodeWithScore, place: int | None) -> int | None:
    known = given.first_stage_rank if isinstance(given, RerankedNode) else None
    return place + 1 if known is None and place is not None else known

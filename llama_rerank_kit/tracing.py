"""Events for the reranking and for each stage in it, always in pairs, and spans for the stages.

LlamaIndex's instrumentation hears of all of them, the callback managers before it of the whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.events.span import SpanDropEvent
from llama_index_instrumentation.span import active_span_id

from llama_rerank_kit.nodes import reranked
from rerank_kit import Document, Ranking
from rerank_kit.flow import Flow
from rerank_kit.observe.trace_report import report
from rerank_kit.observe.watching import Part

dispatcher = get_dispatcher(__name__)


@dataclass(frozen=True, slots=True)
class Candidate(Document):
    """A document that knows the node it was made of."""

    given: NodeWithScore | None = None

    @staticmethod
    def node_of(document: Document) -> NodeWithScore:
        """The node that a document was made of; a new one for a document that a reranker has made itself."""
        given = document.given if isinstance(document, Candidate) else None
        return NodeWithScore(node=TextNode(text=document.text)) if given is None else given


@dataclass(frozen=True, slots=True)
class Reranked:
    """What a reranking gave: the nodes, and what a trace should say of them, as plain JSON."""

    nodes: list[NodeWithScore]
    report: dict[str, Any] = field(default_factory=dict[str, Any])


def traced(
    callbacks: CallbackManager,
    query: QueryBundle,
    nodes: Sequence[NodeWithScore],
    *,
    top_n: int | None,
    model: str,
    work: Flow[Reranked],
) -> Flow[list[NodeWithScore]]:
    """Do the work between a start and an end event, which also comes when it fails or is cancelled.

    The end event's `tags["rerank"]` hold the usage, the seconds and where each hit stood before.

    Args:
        callbacks: The callback manager of the postprocessor.
        query: The user's question.
        nodes: What comes in.
        top_n: How many nodes may come out; the events need a number, so `None` is all that came in.
        model: What the events call the model.
        work: What to do.
    """
    most = len(nodes) if top_n is None else top_n
    payload: dict[str, Any] = {
        EventPayload.NODES: list(nodes),
        EventPayload.MODEL_NAME: model,
        EventPayload.QUERY_STR: query.query_str,
        EventPayload.TOP_K: most,
    }
    done = Reranked([])
    dispatcher.event(ReRankStartEvent(query=query, nodes=list(nodes), top_n=most, model_name=model))
    try:
        with callbacks.event(CBEventType.RERANKING, payload=payload) as event:
            done = yield from work
            event.on_end(payload={EventPayload.NODES: done.nodes})
    finally:
        dispatcher.event(ReRankEndEvent(nodes=done.nodes, tags={"rerank": done.report}))
    return done.nodes


def stage(part: Part, work: Flow[Ranking]) -> Flow[Ranking]:
    """Do the work of a stage between a start and an end event, inside a span of its own.

    The events' `tags` name the stage, and those of the end event say in `"rerank"` what became of it.
    """
    nodes = [NodeWithScore(node=Candidate.node_of(each).node, score=each.score) for each in part.documents]
    most = len(nodes) if part.top_n is None else part.top_n
    query = QueryBundle(part.query)
    key, above = f"{part.name}-{uuid4()}", active_span_id.get()
    arguments = inspect.signature(_stage).bind(query, nodes)
    tags = {"stage": part.name}
    done: list[NodeWithScore] = []
    summary: dict[str, Any] = {}
    before = active_span_id.set(key)
    dispatcher.span_enter(id_=key, bound_args=arguments, parent_id=above, tags=tags)
    dispatcher.event(
        ReRankStartEvent(query=query, nodes=nodes, top_n=most, model_name=part.model, span_id=key, tags=tags)
    )
    try:
        ranking = yield from work
        summary = report(ranking)
        given = [Candidate.node_of(part.documents[hit.index]) for hit in ranking]
        done = [reranked(node, None, hit, ranking) for node, hit in zip(given, ranking, strict=True)]
    except BaseException as error:
        summary = {"outcome": "failed", "problem": f"{type(error).__name__}: {error}"}
        dispatcher.event(SpanDropEvent(span_id=key, err_str=str(error)))
        dispatcher.span_drop(id_=key, bound_args=arguments, err=error)
        raise
    finally:
        dispatcher.event(ReRankEndEvent(nodes=done, span_id=key, tags={**tags, "rerank": summary}))
        active_span_id.reset(before)
    dispatcher.span_exit(id_=key, bound_args=arguments, result=done)
    return ranking


def _stage(query: QueryBundle, nodes: Sequence[NodeWithScore]) -> None:
    """What span handlers are told the arguments of a stage are."""

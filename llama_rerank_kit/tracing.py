"""Events for the reranking, always in pairs: LlamaIndex's instrumentation, and the callback managers before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher

from rerank_kit.flow import Flow

dispatcher = get_dispatcher(__name__)


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

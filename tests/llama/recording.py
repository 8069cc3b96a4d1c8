"""What LlamaIndex is told about a reranking: instrumentation events, spans, and the older callbacks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from llama_index.core.callbacks import CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index_instrumentation import root_dispatcher
from pydantic import Field
from typing_extensions import override


class Events(BaseEventHandler):
    """The rerank events and spans, in the order in which they came."""

    starts: list[ReRankStartEvent] = Field(default_factory=list[ReRankStartEvent])
    ends: list[ReRankEndEvent] = Field(default_factory=list[ReRankEndEvent])
    spans: SimpleSpanHandler = Field(default_factory=SimpleSpanHandler)

    @override
    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        if isinstance(event, ReRankStartEvent):
            self.starts.append(event)
        if isinstance(event, ReRankEndEvent):
            self.ends.append(event)

    def spans_of(self, method: str) -> list[str]:
        """The completed spans of that method."""
        return [span.id_ for span in self.spans.completed_spans if f".{method}-" in span.id_]


@contextmanager
def recorded() -> Generator[Events, None, None]:
    """Listen at the root of LlamaIndex's instrumentation."""
    events = Events()
    root_dispatcher.add_event_handler(events)
    root_dispatcher.add_span_handler(events.spans)
    try:
        yield events
    finally:
        root_dispatcher.event_handlers.remove(events)
        root_dispatcher.span_handlers.remove(events.spans)


class Callbacks(BaseCallbackHandler):
    """The payloads of RERANKING events, as the older callback managers pass them on."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.starts: list[dict[str, Any]] = []
        self.ends: list[dict[str, Any]] = []

    @override
    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        if event_type == CBEventType.RERANKING:
            self.starts.append(payload or {})
        return event_id

    @override
    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        if event_type == CBEventType.RERANKING:
            self.ends.append(payload or {})

    @override
    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    @override
    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        pass

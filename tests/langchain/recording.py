"""A callback handler that remembers the runs it is told about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from typing_extensions import override


@dataclass
class Run:
    """One run: what it was called, where it hangs, what went in and came out."""

    name: str
    parent: UUID | None
    tags: list[str]
    metadata: dict[str, Any]
    inputs: Any
    outputs: Any = None
    error: BaseException | None = None


@dataclass
class Recorder(BaseCallbackHandler):
    """All runs by their id, in the order in which they began."""

    runs: dict[UUID, Run] = field(default_factory=dict[UUID, Run])

    def named(self, name: str) -> Run:
        """The one run of that name."""
        (found,) = [run for run in self.runs.values() if run.name == name]
        return found

    def id_of(self, name: str) -> UUID:
        """The id of the first run of that name."""
        return next(key for key, run in self.runs.items() if run.name == name)

    def _start(self, inputs: Any, run_id: UUID, parent_run_id: UUID | None, kwargs: dict[str, Any]) -> None:
        tags: list[str] = kwargs.get("tags") or []
        metadata: dict[str, Any] = kwargs.get("metadata") or {}
        self.runs[run_id] = Run(kwargs["name"], parent_run_id, tags, metadata, inputs)

    @override
    def on_retriever_start(
        self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._start(query, run_id, parent_run_id, kwargs)

    @override
    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._start(inputs, run_id, parent_run_id, kwargs)

    @override
    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self._start(messages, run_id, parent_run_id, {**kwargs, "name": "chat model"})

    @override
    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs[run_id].outputs = documents

    @override
    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs[run_id].outputs = outputs

    @override
    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs[run_id].error = error

    @override
    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.runs[run_id].error = error

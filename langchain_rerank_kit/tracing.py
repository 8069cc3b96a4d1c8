"""Runs for the reranking and for each stage in it, so that LangSmith and every callback handler can see them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForRetrieverRun,
    CallbackManager,
    CallbackManagerForRetrieverRun,
    Callbacks,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config, var_child_runnable_config

from rerank_kit import Document, Hit, Ranking
from rerank_kit.flow import Call, Flow
from rerank_kit.observe.trace_report import report
from rerank_kit.observe.watching import Part, Watcher, watching

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate(Document):
    """A document that knows its place in the first stage's order, from 0."""

    place: int = 0


def traced(
    callbacks: Callbacks,
    name: str,
    inputs: Mapping[str, Any],
    work: Callable[[Callbacks], Call[T] | Flow[T]],
    outputs: Callable[[T], dict[str, Any]],
) -> Flow[T]:
    """Do the work in a run of that name, below the run that the callbacks belong to.

    Args:
        callbacks: As LangChain hands them to a compressor.
        name: What the trace calls the run.
        inputs: What the run received.
        work: What to do, given the callbacks for runs below this one.
        outputs: What to record of its value.
    """
    run: Any = yield from Call[Any](
        sync=lambda: CallbackManager.configure(callbacks).on_chain_start(None, dict(inputs), name=name),
        async_=lambda: AsyncCallbackManager.configure(callbacks).on_chain_start(None, dict(inputs), name=name),
    )
    try:
        value = yield from work(run.get_child())
    except BaseException as error:
        problem = error
        yield from Call[Any](sync=lambda: run.on_chain_error(problem), async_=lambda: run.on_chain_error(problem))
        raise
    record = outputs(value)
    yield from Call[Any](sync=lambda: run.on_chain_end(record), async_=lambda: run.on_chain_end(record))
    return value


def ranked(below: Callbacks, work: Call[Ranking] | Flow[Ranking]) -> Flow[Ranking]:
    """Rank, with a run for each stage and each call to a chat model below the run that the callbacks belong to."""
    with watching(_stages(below)), _parent_of_chat_models(below):
        return (yield from work)


@contextmanager
def _parent_of_chat_models(callbacks: Callbacks) -> Generator[None, None, None]:
    """Have chat models that are called in here find the callbacks where LangChain looks for them."""
    before = var_child_runnable_config.set({"callbacks": callbacks})
    try:
        yield
    finally:
        var_child_runnable_config.reset(before)


def _stages(callbacks: Callbacks) -> Watcher:
    """What puts a run around each stage, and runs for the stages inside it below that."""

    def stage(part: Part, work: Flow[Ranking]) -> Flow[Ranking]:
        def places(hit: Hit) -> int:
            document = part.documents[hit.index]
            return document.place if isinstance(document, Candidate) else hit.index

        inputs = {"query": part.query, "documents": len(part.documents), "top_n": part.top_n, "model": part.model}
        below = partial(ranked, work=work)
        return (yield from traced(callbacks, part.name, inputs, below, lambda ranking: report(ranking, places)))

    return stage


def child_config(
    whole: RunnableConfig | None, run_manager: CallbackManagerForRetrieverRun | AsyncCallbackManagerForRetrieverRun
) -> RunnableConfig:
    """The caller's config for the first stage: tags, metadata, configurable and run name, below our own run."""
    config = patch_config(whole, callbacks=run_manager.get_child())
    name = None if whole is None else whole.get("run_name")
    if name is not None:
        config["run_name"] = name
    return config

"""A run of its own for the reranking, so that LangSmith and every callback handler can see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks

from rerank_kit.flow import Call, Flow

T = TypeVar("T")


def traced(
    callbacks: Callbacks,
    name: str,
    inputs: Mapping[str, Any],
    work: Call[T],
    outputs: Callable[[T], dict[str, Any]],
) -> Flow[T]:
    """Do the work in a run of that name, below the run that the callbacks belong to.

    Args:
        callbacks: As LangChain hands them to a compressor.
        name: What the trace calls the run.
        inputs: What the run received.
        work: What to do.
        outputs: What to record of its value.
    """
    run: Any = yield from Call[Any](
        sync=lambda: CallbackManager.configure(callbacks).on_chain_start(None, dict(inputs), name=name),
        async_=lambda: AsyncCallbackManager.configure(callbacks).on_chain_start(None, dict(inputs), name=name),
    )
    try:
        value = yield from work
    except BaseException as error:
        problem = error
        yield from Call[Any](sync=lambda: run.on_chain_error(problem), async_=lambda: run.on_chain_error(problem))
        raise
    record = outputs(value)
    yield from Call[Any](sync=lambda: run.on_chain_end(record), async_=lambda: run.on_chain_end(record))
    return value

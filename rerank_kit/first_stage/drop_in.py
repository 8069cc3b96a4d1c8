"""A reranker put behind a first stage as it is: told, once, since it gets as few candidates as that brings."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from rerank_kit.first_stage.widening import ENOUGH, RecallWarning
from rerank_kit.user_warnings import warn_user

_HELD_AS = ("transformers", "node_postprocessors", "_node_postprocessors")
"""Where the frameworks' pipelines and engines hold what runs in a row."""

_widened: ContextVar[bool] = ContextVar("rerank_kit_widened", default=False)


@contextmanager
def behind_a_widened_stage() -> Generator[None]:
    """Say nothing in here: what comes of a widened first stage is told by its own warnings."""
    before = _widened.set(True)
    try:
        yield
    finally:
        _widened.reset(before)


def warn_of_drop_in(stage: object, found: int, top_n: int | None, remedy: str) -> None:
    """Say that a reranker was handed few candidates, where nobody seems to have meant it.

    Nothing is said of a single one, where all of them come back by intention (`top_n=None`), behind a widened first
    stage, and where something else comes before the reranker in the same pipeline or engine, which may have cut.

    Args:
        stage: The compressor or postprocessor.
        found: How many candidates it was handed.
        top_n: How many it returns at most.
        remedy: What to write instead, as a sentence.
    """
    if top_n is None or not 1 < found < ENOUGH or _widened.get() or _told_elsewhere(stage):
        return
    warn_user(
        f"{type(stage).__name__} was handed {found} candidates, of which it returns {min(found, top_n)}: reranking "
        f"pays with 50 to 100 to choose from. {remedy}. If there is no more to choose from, because the list, the "
        "collection or what a filter leaves of it is that small, all is well: pass top_n=None where only the order "
        "counts, or "
        'silence this with warnings.filterwarnings("ignore", category=RecallWarning). It is said once for this line',
        RecallWarning,
        once=True,
    )


def _told_elsewhere(stage: object) -> bool:
    """Whether something before it may have cut, or `with_rerank` put a reranker of its own behind it."""
    beside = _in_a_row_with(stage)
    return any(getattr(each, "recall", None) is not None for each in beside) or stage is not next(iter(beside), stage)


def _in_a_row_with(stage: object) -> Sequence[object]:
    """What the pipeline or engine that is calling runs in a row, the stage included; nothing where there is none."""
    frame = inspect.currentframe()
    while frame is not None:
        held: dict[str, Any] = getattr(frame.f_locals.get("self"), "__dict__", {})
        for parts in map(held.get, _HELD_AS):
            if isinstance(parts, list) and any(each is stage for each in cast("list[object]", parts)):
                return cast("list[object]", parts)
        frame = frame.f_back
    return []

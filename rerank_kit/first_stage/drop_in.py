"""A reranker put behind a first stage as it is: told, once, since it gets as few candidates as that brings."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from rerank_kit.first_stage.widening import ENOUGH, RecallWarning
from rerank_kit.texts import counted
from rerank_kit.user_warnings import package_of, warn_user, would_be_heard

_FRAMEWORKS = frozenset({"langchain_core", "langchain_classic", "llama_index"})
_HELD_AS = ("transformers", "node_postprocessors", "_node_postprocessors")
"""Where the frameworks' pipelines and engines hold what runs in a row."""
_BEFORE = ("base_retriever", "retriever", "_retriever")
"""Where they hold the first stage."""
_CUTS = ("base_compressor", "_postprocessor")
"""What a first stage holds that returns some of what it found, such as another ContextualCompressionRetriever."""
_LIMITS = ("k", "similarity_top_k", "_similarity_top_k")
"""What a first stage calls the number that it brings at most."""

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

    Nothing is said of a single one, where all of them come back by intention (`top_n=None`, or a list of no more than
    `top_n` that was passed by hand), behind a first stage that is widened or asks for enough by itself, and where
    something else comes before the reranker in the same pipeline, engine or first stage, which may have cut.

    Args:
        stage: The compressor or postprocessor.
        found: How many candidates it was handed.
        top_n: How many it returns at most.
        remedy: What to write instead, as a sentence.
    """
    if top_n is None or not 1 < found < ENOUGH or _widened.get() or not would_be_heard(RecallWarning):
        return
    holders = _holders()
    by_hand = not any(name in each for each in holders for name in (*_BEFORE, *_HELD_AS))
    if (by_hand and found <= top_n) or _told_elsewhere(stage, holders) or any(map(_cut_or_enough, holders)):
        return
    warn_user(
        f"{type(stage).__name__} was handed {counted(found, 'candidate')}, of which it returns {min(found, top_n)}: "
        f"reranking pays with 50 to 100 to choose from. {remedy}. If there is no more to choose from, because the "
        "list, the collection or what a filter leaves of it is that small, all is well: pass top_n=None where only the "
        "order counts, or "
        'silence this with warnings.filterwarnings("ignore", category=RecallWarning). It is said once for this line',
        RecallWarning,
        once=True,
        ranking=True,
    )


def _holders() -> list[Mapping[str, Any]]:
    """What the objects of the frameworks that are calling hold. To read a user's frame would keep what is in it."""
    held: list[Mapping[str, Any]] = []
    frame = inspect.currentframe()
    while frame is not None:
        if package_of(frame) in _FRAMEWORKS:
            held.append(_held(frame.f_locals.get("self")))
        frame = frame.f_back
    return held


def _held(owner: object) -> Mapping[str, Any]:
    """The attributes of any object, without asking it more than for its `__dict__`; none where that fails."""
    try:
        held: object = object.__getattribute__(owner, "__dict__")
    except Exception:  # noqa: BLE001 - a property of somebody's own may raise anything
        return {}
    return cast("dict[str, Any]", held) if type(held) is dict else {}


def _told_elsewhere(stage: object, holders: Sequence[Mapping[str, Any]]) -> bool:
    """Whether something before it may have cut, or `with_rerank` put a reranker of its own behind it."""
    beside = _in_a_row_with(stage, holders)
    return any(_held(each).get("recall") is not None for each in beside) or stage is not next(iter(beside), stage)


def _in_a_row_with(stage: object, holders: Sequence[Mapping[str, Any]]) -> Sequence[object]:
    """What the pipeline or engine that is calling runs in a row, the stage included; nothing where there is none."""
    for held in holders:
        for parts in map(held.get, _HELD_AS):
            if type(parts) is list and any(each is stage for each in cast("list[object]", parts)):
                return cast("list[object]", parts)
    return []


def _cut_or_enough(holder: Mapping[str, Any]) -> bool:
    """Whether what is before a retriever or an engine returns only some of what it found, or asks for enough."""
    return any(not held.keys().isdisjoint(_CUTS) or _limit(held) >= ENOUGH for held in _first_stages(holder))


def _first_stages(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the first stage holds, and what that holds which LangChain has bound arguments or settings to."""
    for held in map(_held, map(holder.get, _BEFORE)):
        yield held
        yield _held(held.get("bound"))


def _limit(first_stage: Mapping[str, Any]) -> int:
    """How many a first stage brings at most, as far as it is known."""
    search: object = first_stage.get("search_kwargs")
    told = [first_stage, cast("dict[str, object]", search) if type(search) is dict else {}]
    return max((found for each in told for found in map(each.get, _LIMITS) if type(found) is int), default=0)

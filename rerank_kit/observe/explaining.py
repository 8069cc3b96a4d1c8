"""Explanations of all rankings that run in a block, however deep inside a framework."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

from rerank_kit.errors import ConfigurationError
from rerank_kit.explanation import Explanation
from rerank_kit.flow import Flow
from rerank_kit.quoting import class_name
from rerank_kit.texts import counted
from rerank_kit.user_warnings import hearing

T = TypeVar("T")

_collected: ContextVar[list[Explanation] | None] = ContextVar("rerank_kit_explanations", default=None)


@contextmanager
def explaining() -> Generator[list[Explanation], None, None]:
    """Collect what the adapters' retrievers, compressors and postprocessors did in the block, in the order they ended.

    Works around anything that has a reranker inside, be it a chain, an agent or an engine::

        with explaining() as explanations:
            chain.invoke("How do I sort a list?")
        print(explanations[-1])

    Threads hear of it where they run in a copy of the context, as those of the frameworks do.
    """
    collected: list[Explanation] = []
    before = _collected.get()
    _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.set(before)  # not by its token, which another task may not have: generators may go on in one


def is_explaining() -> bool:
    """Whether anybody collects explanations."""
    return _collected.get() is not None


def explain(make: Callable[[], Explanation]) -> None:
    """Add an explanation, if anybody collects them. For adapters."""
    if is_explaining():
        _add(make())


def _add(*explanations: Explanation) -> None:
    collected = _collected.get()
    if collected is not None:
        collected.extend(explanations)


def the_last(collected: Sequence[Explanation], ran: object) -> Explanation:
    """The explanation of the whole, which ended last; those who collect around get all.

    Raises:
        ConfigurationError: There is none.
    """
    if not collected:
        msg = f"no reranker of ours ran in this {class_name(ran)}: pass what with_rerank returned"
        raise ConfigurationError(msg)
    _add(*collected)
    return collected[-1]


@dataclass(slots=True)
class Seen:
    """What a retriever saw of one query, for its explanation.

    Attributes:
        first_stage: What the first stage is called.
        recall: How many candidates it was asked for.
        widening: What was raised for that, in lines.
        texts: What it brought.
        seconds: The time that it took.
        second_stage: What the reranker is called.
        told: Whether the reranker explains itself.
        problem: Why the first stage's order was kept.
    """

    first_stage: str
    recall: int
    widening: str
    texts: Sequence[str] = ()
    seconds: float = 0.0
    second_stage: str = "the reranker"
    told: bool = False
    problem: str | None = None
    began: float = field(default_factory=perf_counter)

    def found(self, texts: Sequence[str]) -> None:
        """Note what the first stage has just brought."""
        self.texts, self.seconds = texts, perf_counter() - self.began

    def notes(self) -> list[str]:
        """What the first stage did, in lines."""
        kept = (
            [] if self.problem is None else [f"reranking failed, and the first stage's order is kept: {self.problem}"]
        )
        found = f"{self.first_stage}: {counted(len(self.texts), 'candidate')} where {self.recall} were asked for"
        return [f"{found}, {self.seconds:.3f} s", *self.widening.splitlines(), *kept]


def explained(
    work: Flow[list[T]], seen: Seen, after: Callable[[list[T]], Sequence[tuple[int | None, float | None, str]]]
) -> Flow[list[T]]:
    """Do the work of both stages and, if anybody collects explanations, add that of the whole.

    Args:
        work: The work. It fills in what it sees.
        seen: What it sees.
        after: From what comes out: where it stood, from 0, its score and its text.
    """
    if not is_explaining():
        return (yield from work)
    with explaining() as inside, hearing() as heard:
        best = yield from work
    kept = "not among the first, as nothing was reranked"
    why = f"{seen.second_stage} left it out, or it was merged" if seen.problem is None else kept
    last = inside.pop() if seen.told else Explanation.of_moves(seen.texts, after(best), why)
    warned = [f"warning: {each}" for each in heard]
    _add(*inside, last.with_notes(*seen.notes(), first=True).with_notes(*warned))
    return best

"""The parts of a `Cascade`: its stages and its budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rerank_kit.arguments import named
from rerank_kit.checks import Threshold, check_count, check_function, check_positive, check_timeout
from rerank_kit.combine.combined import model_of
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.texts import is_blank
from rerank_kit.values import Document
from rerank_kit.wrong_kind import check_reranker

Condition: TypeAlias = Callable[[str, Ranking], bool]
"""Looks at the query and the ranking so far, and says whether a stage is to run."""


@named
@dataclass(frozen=True, slots=True)
class Budget:
    """What a cascade, or one of its stages, may take.

    Attributes:
        seconds: The time; `None` is no limit.
        money: What its rerankers may cost, in the currency of the prices; `None` is no limit. It is counted when a
            stage is over, as far as the cost is known: a stage that has begun may go beyond it.
    """

    seconds: float | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        check_positive("seconds", self.seconds)
        check_positive("money", self.money)


@named
@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a cascade.

    Attributes:
        reranker: What ranks.
        top_n: How many documents it passes on at most; `None` is all.
        threshold: The lowest score that passes; `"calibrated"` is that of a `Calibrated` reranker.
        timeout: Seconds allowed. When they run out, the ranking before the stage stands.
        when: Whether it runs, judged by the query and the ranking so far, which is never empty and points at the
            caller's documents; `None` is always.
        name: What spans and explanations call it; by default the kind of reranker.
        money: What it may cost. What it costs beyond that is said in its span, or raised.
    """

    reranker: Reranker
    top_n: int | None = None
    threshold: Threshold | None = None
    timeout: float | None = None
    when: Condition | None = None
    name: str | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        check_reranker("reranker", self.reranker, Reranker)
        check_count("top_n", self.top_n)
        self.reranker.threshold_of(self.threshold)
        check_timeout(self.timeout)
        check_positive("money", self.money)
        if self.when is not None:
            check_function("when", self.when, "the query", "the ranking so far")

    def cut(self, ranking: Ranking, documents: Sequence[Document]) -> Ranking:
        """What passes of a ranking of these documents: those that could not be read reach no threshold."""
        blanks = () if self.reranker.scores_blanks else enumerate(documents)
        passed = ranking.cut(
            self.top_n,
            self.reranker.threshold_of(self.threshold),
            {place for place, each in blanks if is_blank(each.text)},
        )
        *inner, own = ranking.spans
        own = replace(own, stage=self.label, documents_out=len(passed))
        return replace(passed, spans=(*inner, own))

    @property
    def model(self) -> str:
        """The model at work, or else the kind of reranker."""
        return model_of(self.reranker)

    @property
    def label(self) -> str:
        """Its name, or the kind of reranker."""
        return type(self.reranker).__name__ if self.name is None else self.name

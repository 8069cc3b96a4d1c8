"""`Cascade`: rerankers one behind the other, each on what the one before it left, within a budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal, cast

from rerank_kit.arguments import named
from rerank_kit.checks import check_choice, check_flag, is_number
from rerank_kit.combine.combined import Combined
from rerank_kit.combine.stages import Budget, Stage
from rerank_kit.errors import BudgetExceeded, ConfigurationError, DeadlineExceeded, InvalidResponse
from rerank_kit.flow import Flow
from rerank_kit.observe.drawing import drawn
from rerank_kit.observe.watching import Part, watched
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.values import UNJUDGED, Deadline, Document, Dropped, Hit, Span, Usage, finite
from rerank_kit.wrong_kind import check_reranker


class Cascade(Combined):
    """Ranks in stages: cheap and broad first, dear and precise on the few that are left.

    Each stage gets the documents that the one before it passed on, in its order and with its scores in
    `Document.score`; hits point at the caller's documents all the same. The score of a hit is that of the last stage
    that ranked it, its reason and its passage are the last ones given. A cascade is a reranker, so cascades can be
    stages.

    Attributes:
        stages: The stages, in order.
        budget: What the whole may take.
        on_budget: What a used-up budget or timeout of a stage does: `"return"` gives the ranking so far, degraded;
            `"raise"` raises.
        keep_rest: Whether the documents that stages leave out are kept below the others. Where a stage found that
            probably nothing answers, nothing is kept.
    """

    pointwise = False

    @named
    def __init__(
        self,
        *stages: Stage | Reranker,
        budget: Budget | float | None = None,
        on_budget: Literal["return", "raise"] = "return",
        keep_rest: bool = False,
    ) -> None:
        """Put rerankers one behind the other.

        Args:
            stages: Each a `Stage`, or a reranker that passes all documents on.
            budget: Seconds for the whole, or a `Budget`. A `timeout=` for one call is a limit of its own, and raises.
            on_budget: `"return"` or `"raise"`.
            keep_rest: Keep what stages leave out below the others, in the order of the last stage that ranked them;
                what was left out last comes first. Where a stage found that probably nothing answers, nothing is kept.

        Raises:
            ConfigurationError: There is no stage, or an argument is wrong.
        """
        if not stages:
            msg = "a Cascade needs at least one stage: Cascade(Stage(reranker, top_n=20), Stage(judge, top_n=5))"
            raise ConfigurationError(msg)
        check_choice("on_budget", on_budget, ("return", "raise"))
        self.stages = tuple(_stage(f"stages[{place}]", each) for place, each in enumerate(stages))
        self.budget = budget if isinstance(budget, Budget) else Budget(_seconds(budget))
        self.on_budget = on_budget
        self.keep_rest = check_flag("keep_rest", keep_rest)
        self._settle(Cascade)

    @property
    def scores_blanks(self) -> bool:
        """Whether its last stage, from which the scores are, judges documents without text."""
        return self.stages[-1].reranker.scores_blanks

    @property
    def _inside(self) -> Sequence[Reranker]:
        return [each.reranker for each in self.stages]

    @property
    def _to_be_calibrated(self) -> str:
        return "its scores are those of several stages: pass it to the Stage of what is calibrated, or pass a number"

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Run the stages."""
        run = _Run(self, query, documents, deadline)
        for stage in self.stages:
            yield from run.stage(stage)
        return run.ranking()

    @whole
    def __repr__(self) -> str:
        """Say what the stages are."""
        return f"Cascade({', '.join(each.label for each in self.stages)})"

    def _repr_html_(self) -> str:
        """The stages in a row, for notebooks."""
        return drawn([(each.label, _told(each)) for each in self.stages])


def _told(stage: Stage) -> str:
    """What a stage keeps, in a line."""
    limits = {"top_n": stage.top_n, "threshold": stage.threshold, "timeout": stage.timeout}
    told = [f"{name}={value}" for name, value in limits.items() if value is not None]
    return ", ".join([*told, *(["when …"] if stage.when is not None else [])]) or "keeps all"


def _stage(name: str, given: object) -> Stage:
    if isinstance(given, Stage):
        return given
    check_reranker(name, given, Reranker, "a rerank_kit.Stage or Reranker")
    return Stage(cast("Reranker", given))


def _seconds(budget: object) -> float | None:
    """A budget that is no `Budget`."""
    if budget is not None and (not is_number(budget) or budget <= 0):
        msg = "budget must be a number of seconds above 0, a rerank_kit.Budget, or None for no limit, not "
        msg += quoted(budget)
        raise ConfigurationError(msg)
    return budget


class _Run:
    """One query on its way through the stages."""

    def __init__(self, cascade: Cascade, query: str, documents: Sequence[Document], deadline: Deadline) -> None:
        self.cascade = cascade
        self.query = query
        self.documents = documents
        self.deadline = deadline
        self.budget = Deadline.after(cascade.budget.seconds, deadline.clock)
        self.hits = [Hit(place, _first_score(each)) for place, each in enumerate(documents)]
        self.whole = Ranking(())
        self.rest: list[Hit] = []
        self.dropped: list[Dropped] = []
        self.usage = Usage()
        self.spans: list[Span] = []
        self.spent = 0.0
        self.ranked = False
        self.failure: str | None = None
        self.answerable: float | None = None
        self.abstained = False

    def stage(self, stage: Stage) -> Flow[None]:
        """Run one stage, unless a condition or the budget says otherwise."""
        used_up = self.used_up()
        if used_up is not None:
            if self.cascade.on_budget == "raise":
                raise used_up
            self.note(stage, "degraded", f"stage {stage.label} was not run: {used_up}", cost=0.0)
        elif not self.hits:
            self.note(stage, "skipped", "no document is left", cost=0.0)
        elif stage.when is not None and not stage.when(self.query, self.so_far()):
            self.note(stage, "skipped", "its condition, when=, does not hold", cost=0.0)
        else:
            yield from self.rank(stage)

    def used_up(self) -> DeadlineExceeded | BudgetExceeded | None:
        """What of the budget is used up, if anything is."""
        limit = self.cascade.budget
        if self.budget.remaining() == 0.0:
            return DeadlineExceeded(f"the budget of {limit.seconds:g} seconds is used up")
        if limit.money is not None and self.spent >= limit.money:
            return BudgetExceeded(f"the budget of {limit.money:g} in money is used up")
        return None

    def rank(self, stage: Stage) -> Flow[None]:
        """Run one stage on the documents that are left."""
        began = self.deadline.clock()
        documents = [self.document(hit) for hit in self.hits]
        part = Part(stage.label, stage.model, self.query, documents, stage.top_n)
        try:
            ranking = yield from watched(part, self.reranking(stage, documents))
        except (DeadlineExceeded, BudgetExceeded) as error:
            self.deadline.check()  # the caller's own limit raises, whatever else has passed as well
            if self.cascade.on_budget == "raise":
                raise
            took = self.deadline.clock() - began
            self.note(stage, "degraded", f"stage {stage.label} was given up: {error}", seconds=took, cost=None)
        else:
            self.take(stage, ranking)

    def document(self, hit: Hit) -> Document:
        """A document as the next stage gets it: with the score that the stage before gave it, if one did."""
        document = self.documents[hit.index]
        return replace(document, score=hit.score) if self.ranked else document

    def reranking(self, stage: Stage, documents: Sequence[Document]) -> Flow[Ranking]:
        """Have the stage rank, by the earliest of the deadlines, and cut what does not pass.

        The stage is not told of the cut: what does not pass may have to be kept, in its order.
        """
        own = Deadline.after(stage.timeout, self.deadline.clock)
        moments = [each.at for each in (own, self.budget, self.deadline) if each.at is not None]
        deadline = replace(self.deadline, at=min(moments, default=None))
        (self.whole,) = yield from stage.reranker.reranking([(self.query, documents)], deadline=deadline)
        return stage.cut(self.whole, documents)

    def take(self, stage: Stage, ranking: Ranking) -> None:
        """Make what passed a stage the ranking so far, and what did not the top of the rest."""
        before = self.hits
        places = [hit.index for hit in before]
        scored = ranking.failure is None
        *inner, own = (span.at(places) for span in ranking.spans)
        idle = isinstance(stage.reranker, Cascade) and not any(span.hits for span in inner)  # it skipped all its stages
        if scored and not idle:
            before = [_without_unjudged(hit) for hit in before]
        self.hits = [_composed(hit, before[hit.index], scored=scored, known=self.ranked) for hit in ranking]
        above = {hit.index for hit in self.hits}
        ranked = [_composed(hit, before[hit.index], scored=scored, known=self.ranked) for hit in self.whole]
        below = [hit for hit in ranked if hit.index not in above]
        known = above | {hit.index for hit in below}
        self.rest = [*below, *(hit for hit in before if hit.index not in known), *self.rest]
        reasons = {each.index: each for each in ranking.dropped}
        for place, hit in enumerate(before):
            if hit.index not in above:
                why = reasons.get(place, Dropped(place, "left out"))
                self.dropped.append(Dropped(hit.index, f"{stage.label}: {why.why}", why.score))
        self.usage += ranking.usage
        self.answerable = self.answerable if ranking.answerable is None else ranking.answerable
        self.abstained = ranking.abstained
        if not idle:
            self.failure = None if self.ranked else ranking.failure  # what ranked before is what is fallen back on
            self.ranked = self.ranked or scored
        self.spans += [*inner, self.paid(stage, replace(own, hits=tuple(self.hits)))]

    def paid(self, stage: Stage, span: Span) -> Span:
        """Count what a stage cost, if that is known."""
        if span.cost is None:
            return span
        self.spent += span.cost
        if stage.money is None or span.cost <= stage.money:
            return span
        problem = f"stage {stage.label} cost {span.cost:g}, and {stage.money:g} was allowed"
        if self.cascade.on_budget == "raise":
            raise BudgetExceeded(problem)
        return replace(span, outcome="degraded", problem=problem)

    def note(
        self,
        stage: Stage,
        outcome: Literal["degraded", "skipped"],
        problem: str,
        *,
        seconds: float = 0.0,
        cost: float | None,
    ) -> None:
        """Record a stage that left the ranking as it was."""
        count, reranker = len(self.hits), stage.reranker
        span = Span(type(reranker).__name__, reranker.model, count, count, seconds, outcome=outcome, problem=problem)
        self.spans.append(replace(span, stage=stage.label, cost=cost, started=time.time() - seconds))

    def so_far(self) -> Ranking:
        """The ranking after the stages that have run, without the rest."""
        return Ranking(tuple(self.hits), self.usage, tuple(self.spans), answerable=self.answerable)

    def ranking(self) -> Ranking:
        """The ranking after the last stage."""
        hits, keeps = list(self.hits), self.cascade.keep_rest and not self.abstained
        for hit in self.rest if keeps else ():
            if hits and hit.score >= hits[-1].score:
                hit = replace(hit, score=hits[-1].score, logit=hits[-1].logit)  # noqa: PLW2901 - it is below that one
            hits.append(hit)
        dropped = () if keeps else tuple(self.dropped)
        told = replace(self.so_far(), failure=self.failure, abstained=self.abstained)
        return replace(told, hits=tuple(hits), dropped=dropped)


def _first_score(document: Document) -> float:
    """The first stage's score, where it is one."""
    with suppress(InvalidResponse):  # none of ours put it there
        return finite(document.score)
    return 0.0


def _without_unjudged(hit: Hit) -> Hit:
    """What is said of a document before a stage ranks it: no more that it could not be judged, nor why."""
    return replace(hit, why=None, verdict=None) if hit.verdict == UNJUDGED else hit


def _composed(hit: Hit, before: Hit, *, scored: bool, known: bool) -> Hit:
    """A stage's hit, pointing at the caller's document, with what it does not say taken from before.

    A reason why nothing was ranked before does not stay once something is.
    """
    return Hit(
        before.index,
        hit.score if scored else before.score,
        (before.why if known or not scored else None) if hit.why is None else hit.why,
        before.passage if hit.passage is None else hit.passage,
        before.verdict if hit.verdict is None else hit.verdict,
        hit.logit if scored else before.logit,
        before.probabilities if hit.verdict is None else hit.probabilities,
    )

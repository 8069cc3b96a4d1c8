"""Rankings that were never asked for, made of scores that are kept: fewer candidates, cascades, mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from rerank_kit.combine import BlendBy, Blended, Cascade, Stage, blend
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.evaluation import Evaluation, SystemResult
from rerank_kit.evaluate.measures import measured
from rerank_kit.evaluate.outcomes import Outcome
from rerank_kit.reranker import Reranker

DEPTHS = (10, 20, 30, 50, 75, 100, 150, 200)
PASSED_ON = (5, 10, 20, 30)
WEIGHTS = (0.9, 0.7, 0.5)
WAYS: tuple[BlendBy, ...] = ("min-max", "logit-z-score", "rank")
GATES = (None, 0.5)


@dataclass(frozen=True, slots=True)
class Mixture:
    """How a reranker is mixed with the first stage; the settings of `Blended`.

    Attributes:
        weight: The reranker's share.
        by: How the two become comparable.
        only_below: It is mixed only where no score reaches this; `None` is always.
    """

    weight: float
    by: BlendBy
    only_below: float | None

    def __str__(self) -> str:
        """The settings in a few words."""
        gate = "" if self.only_below is None else f" where no score reaches {self.only_below:g}"
        return f"{self.weight:g}:{round(1 - self.weight, 9):g} by {self.by}{gate}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A way to rank.

    Attributes:
        system: The name of the system of which the scores are.
        recall: How many candidates are reranked; 0 of a first stage alone, which `system` names then.
        mixture: How it is mixed with the first stage, if it is.
        then: The name of the system whose reranker ranks what this one passes on, if there is one.
        top_n: How many it passes on.
    """

    system: str
    recall: int
    mixture: Mixture | None = None
    then: str | None = None
    top_n: int | None = None

    def __str__(self) -> str:
        """What tables call it."""
        if not self.recall:
            return f"{self.system} alone"
        told = f"{self.system}, {self.recall} candidates"
        if self.mixture is not None:
            told += f", mixed {self.mixture}"
        return told if self.then is None else f"{told}, the best {self.top_n} by {self.then}"

    def applied(self, reranker: Reranker, then: Reranker | None = None) -> Reranker:
        """The reranker with these settings, to put behind a first stage of `recall` candidates.

        Args:
            reranker: That of `system`.
            then: That of `then`.

        Raises:
            ConfigurationError: It is a first stage alone.
        """
        if not self.recall:
            msg = f"the setting is {self}, without a reranker: leave the reranker out"
            raise ConfigurationError(msg)
        if then is not None:
            return Cascade(Stage(reranker, top_n=self.top_n), Stage(then), keep_rest=True)
        if self.mixture is None:
            return reranker
        mixture = self.mixture
        return Blended(reranker, weight=mixture.weight, by=mixture.by, only_below=mixture.only_below)


class Replay:
    """The kept scores of an evaluation, ranked in other ways."""

    def __init__(self, evaluation: Evaluation) -> None:
        """Take them."""
        self._evaluation = evaluation

    def settings(self, system: SystemResult, others: Sequence[SystemResult]) -> Iterable[Setting]:
        """All that its scores can tell: the plain one first, then those that change more.

        Args:
            system: One with a reranker.
            others: Those whose rerankers may rank what it passes on.
        """
        plain = Setting(system.name, system.recall or 0)
        yield plain
        if system.own_scores:
            yield from (replace(plain, recall=each) for each in DEPTHS if each < plain.recall)
        for weight, by, gate in product(WEIGHTS, WAYS, GATES):
            yield replace(plain, mixture=Mixture(weight, by, gate))
        for other in others:
            if other.fingerprint != system.fingerprint and other.own_scores and self._covers(other, system):
                yield from (replace(plain, then=other.name, top_n=each) for each in PASSED_ON if each < plain.recall)

    def _covers(self, other: SystemResult, system: SystemResult) -> bool:
        """Whether all candidates of one system have a score of another's reranker."""
        return other.first_stage == system.first_stage and (other.recall or 0) >= (system.recall or 0)

    def values(self, setting: Setting, measure: str) -> dict[str, float]:
        """What a measure says of a setting, for each query."""
        return measured([measure], self._evaluation[setting.system].judgements, self.rankings(setting))[measure]

    def rankings(self, setting: Setting) -> dict[str, list[str]]:
        """The ids of the documents of each query, best first."""
        outcomes = self._evaluation[setting.system].outcomes
        return {query: self._ranked(setting, query, outcome) for query, outcome in outcomes.items()}

    def _ranked(self, setting: Setting, query: str, outcome: Outcome) -> list[str]:
        """The ids of the documents, best first."""
        order = [place for place in outcome.order if place < setting.recall or not setting.recall]
        if setting.mixture is not None:
            order = _mixed(setting.mixture, outcome)
        if setting.then is not None:
            order = self._passed_on(setting, query, order)
        return list(dict.fromkeys(outcome.candidates[place].id for place in order))

    def _passed_on(self, setting: Setting, query: str, order: Sequence[int]) -> list[int]:
        """The best of an order, as another reranker has them, and the rest as they are."""
        other = self._evaluation[str(setting.then)].outcomes[query]
        stands = {place: rank for rank, place in enumerate(other.order)}
        best, rest = order[: setting.top_n], order[setting.top_n or 0 :]
        return [*sorted(best, key=lambda place: stands.get(place, len(stands))), *rest]


def _mixed(mixture: Mixture, outcome: Outcome) -> list[int]:
    """Places among the candidates, in the order of a mixture; scores that are equal stay in the order that they had."""
    ranked = sorted(zip(outcome.order, outcome.scores, strict=True))
    places = [place for place, _ in ranked]
    first = [outcome.candidates[place].score for place in places]
    scores = [score for _, score in ranked]
    given = blend(first, scores, weight=mixture.weight, by=mixture.by, only_below=mixture.only_below)
    return [places[each] for each in given.order]

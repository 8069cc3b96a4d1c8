"""`Rules`: a ranking that can say of every document why it is where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from rerank_kit.arguments import named
from rerank_kit.checks import check_choice, check_count, check_documents, check_query, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow, blocking
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.rules.blending import Blend, Fused, Weighted, check_weight
from rerank_kit.rules.matcher import LeftOut, Matched, Matcher
from rerank_kit.rules.quoting import line, shown
from rerank_kit.rules.rule import AnyRule, Case, Missing, as_condition, as_rule
from rerank_kit.rules.scoring import Scored, ordinal, plus, scored, step, told_apart
from rerank_kit.rules.tiers_and_limits import AtMost, Tier
from rerank_kit.settled import Settled
from rerank_kit.values import Deadline, Document, Dropped, Hit, Usage

T = TypeVar("T")


class Rules(Settled, Reranker):
    """Ranks by business rules: filters, tiers, preferences inside a tier, and limits for variety.

    A score is the sum of the points that the rules give, and `why` of a hit lists them. A tier counts more than all
    that can be had inside one. With nothing that ranks, as with filters alone, documents keep the score of the stage
    before. Documents are ranked by their metadata, with or without text. The attributes are what was given.
    """

    pointwise = False
    reads_text = False

    @named
    def __init__(
        self,
        *,
        tiers: Tier | Iterable[Tier] = (),
        prefer: Iterable[AnyRule] = (),
        weights: Iterable[float] | None = None,
        require: Iterable[AnyRule] = (),
        exclude: Iterable[AnyRule] = (),
        without_tier: Missing = "last",
        per_tier: int | None = None,
        at_most: AtMost | Iterable[AtMost] = (),
        blend: Blend | None = None,
        now: datetime | Callable[[], datetime] | None = None,
    ) -> None:
        """State the rules. Conditions and preferences are those of `rerank_kit.rules`, or functions of your own.

        Args:
            tiers: Classes, best first; a document belongs to the first whose condition holds.
            prefer: Preferences inside a tier. Without `weights` the first decides, and each other one only between
                documents that are alike in all before it.
            weights: How much each preference counts; their points are added up then.
            require: Conditions that all documents must meet; the others are left out.
            exclude: Conditions by which documents are left out.
            without_tier: What becomes of documents that belong to no tier: `"last"`, `"first"` or `"drop"`.
            per_tier: How many documents of each tier to keep, and of those in no tier.
            at_most: How many documents may share the value of a field.
            blend: How the score of the stage before counts: `rrf()` or `weighted()`; `None` is not at all.
            now: The moment from which ages are counted, or a function that tells it; UTC when it names no time zone.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        self.tiers = tuple(_each_is(Tier, "tiers", [tiers] if isinstance(tiers, Tier) else tiers))
        self.prefer = tuple(as_rule(rule) for rule in _several("prefer", prefer))
        self.weights = None if weights is None else tuple(_several("weights", weights))
        self.require = tuple(as_condition(rule, "require") for rule in _several("require", require))
        self.exclude = tuple(as_condition(rule, "exclude") for rule in _several("exclude", exclude))
        self.without_tier: Missing = without_tier
        self.per_tier = check_count("per_tier", per_tier)
        self.at_most = tuple(_each_is(AtMost, "at_most", [at_most] if isinstance(at_most, AtMost) else at_most))
        self.blend = blend
        self.now = now
        self._check()
        ranks = self.tiers or self.prefer or blend is not None
        self._blend = blend if ranks else Weighted(normalise="none")
        self._settle(Rules)

    def _check(self) -> None:
        check_choice("without_tier", self.without_tier, ("last", "first", "drop"))
        names = [tier.name for tier in self.tiers]
        if len(set(names)) < len(names):
            msg = f"tiers must have different names, not {shown(names)}"
            raise ConfigurationError(msg)
        if self.weights is not None:
            if len(self.weights) != len(self.prefer) or not all(map(is_number, self.weights)):
                msg = f"weights must be {len(self.prefer)} numbers, one for each of prefer, not {shown(self.weights)}"
                raise ConfigurationError(msg)
            for weight in self.weights:
                check_weight("weights", weight)
        given: object = self.blend
        if not isinstance(given, Weighted | Fused | None):
            msg = f"blend must be rrf(), weighted() or None, not {shown(given)}"
            raise ConfigurationError(msg)
        now: object = self.now
        if not (now is None or isinstance(now, datetime) or callable(now)):
            msg = f"now must be a datetime or a function that gives one, not {shown(now)}"
            raise ConfigurationError(msg)

    @classmethod
    def from_dict(cls, description: Mapping[str, Any], *, now: datetime | Callable[[], datetime] | None = None) -> Self:
        """Make rules of their description in plain values, with the names of the arguments as keys.

        Raises:
            ConfigurationError: The description is wrong; the message names the rule and the key.
        """
        from rerank_kit.rules.description import arguments

        return cls(**arguments(description), now=now)

    @classmethod
    def from_file(cls, path: str | Path, *, now: datetime | Callable[[], datetime] | None = None) -> Self:
        """Make rules of a description in a TOML or JSON file.

        Raises:
            ConfigurationError: The file cannot be read, or the description is wrong.
        """
        from rerank_kit.rules.description import load

        return cls.from_dict(load(Path(path)), now=now)

    def to_dict(self) -> dict[str, Any]:
        """Describe the rules in plain values, for TOML or JSON. `now` is not among them.

        Raises:
            ConfigurationError: One of them is a function.
        """
        from rerank_kit.rules.description import described

        return described(
            tiers=self.tiers,
            prefer=self.prefer,
            weights=self.weights,
            require=self.require,
            exclude=self.exclude,
            without_tier=self.without_tier,
            per_tier=self.per_tier,
            at_most=self.at_most,
            blend=self.blend,
        )

    @property
    def reads_metadata(self) -> bool:
        """Always."""
        return True

    def cost(self, usage: Usage) -> float:
        """Nothing: nobody sends a bill for rules."""
        return 0.0

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank by the rules."""
        outcome = yield from blocking(self._outcome, query, documents, deadline)
        return Ranking(outcome.hits, dropped=tuple(Dropped(index, why) for index, why in outcome.left_out.items()))

    def left_out(self, query: str, documents: Sequence[Document | str]) -> dict[int, str]:
        """Say why documents are not in the ranking: for each of them by its place, a clause."""
        return self._outcome(check_query(query), check_documents(documents), Deadline()).left_out

    def _outcome(self, query: str, documents: Sequence[Document], deadline: Deadline) -> _Outcome:
        case = Case(query, documents, self._moment())
        matcher = Matcher(self.tiers, self.prefer, self.require, self.exclude, self.without_tier, self._blend)
        matched: list[Matched] = []
        left_out: dict[int, str] = {}
        for index in range(len(documents)):
            deadline.check()
            try:
                matched.append(matcher.match(index, case))
            except LeftOut as left:
                left_out[index] = str(left)
        results = scored(matched, self.weights, self._blend, len(self.tiers), self.without_tier)
        of_tier = step(results, self.weights, self._blend)
        results.sort(key=lambda each: (-each.above, -float(each.within), -each.within))
        scores = told_apart([each.above * of_tier + each.within for each in results])
        sizes = Counter(each.matched.tier for each in results)
        taken: Counter[object] = Counter()
        hits: list[Hit] = []
        for each, score in zip(results, scores, strict=True):
            reason = self._too_many(each, documents[each.matched.index], taken)
            if reason is not None:
                left_out[each.matched.index] = reason
                continue
            tier = each.matched.tier
            order = f"{ordinal(taken['tier', tier])} of {sizes[tier]} in it"
            hits.append(Hit(each.matched.index, score, self._why(each, of_tier, order)))
        return _Outcome(tuple(hits), left_out)

    def _moment(self) -> datetime:
        """The moment from which ages are counted."""
        now: object = self.now() if callable(self.now) else datetime.now(UTC) if self.now is None else self.now
        if not isinstance(now, datetime):
            msg = f"now must give a datetime, not {shown(now)}"
            raise ConfigurationError(msg)
        return now if now.utcoffset() is not None else now.replace(tzinfo=UTC)

    def _too_many(self, each: Scored, document: Document, taken: Counter[object]) -> str | None:
        """Count a document, or say of what there are enough."""
        tier = ("tier", each.matched.tier)
        if self.per_tier is not None and taken[tier] >= self.per_tier:
            return f"{self.per_tier} of its tier came before it"
        keys = [(limit, key) for limit in self.at_most if (key := limit.key(document)) is not None]
        for limit, key in keys:
            if taken[limit, key] >= limit.number:
                return f"{limit.number} with the same {limit.by} came before it"
        taken.update([tier, *keys])
        return None

    def _why(self, each: Scored, of_tier: int, order: str) -> str:
        """The reasons for a document's place, as a sentence."""
        clauses = list(each.clauses)
        if self.tiers:
            tier = each.matched.tier
            name = "in no tier" if tier is None else f"tier {line(self.tiers[tier].name)}, as {each.matched.because}"
            clauses.insert(0, f"{name} ({plus(each.above * of_tier)}), {order}")
        text = "; ".join(clauses)
        return f"{text[:1].upper()}{text[1:]}."

    @whole
    def __repr__(self) -> str:
        """Say how many rules there are of each kind."""
        counts = {
            "tiers": self.tiers,
            "prefer": self.prefer,
            "require": self.require,
            "exclude": self.exclude,
            "at_most": self.at_most,
        }
        return f"Rules({', '.join(f'{len(rules)} {name}' for name, rules in counts.items() if rules)})"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The hits, and for each other document why it is none."""

    hits: tuple[Hit, ...]
    left_out: dict[int, str]


def _several(name: str, given: Iterable[T]) -> Iterable[T]:
    """What was given, if it is several."""
    several: object = given
    if not isinstance(several, Iterable):
        kind = "numbers" if name == "weights" else "rules"
        msg = f"{name} takes a list of {kind}, not {shown(several)}: wrap it in a list"
        raise ConfigurationError(msg)
    return given


def _each_is(kind: type[Any], name: str, given: Iterable[Any]) -> Iterable[Any]:
    """The values, if all are of the kind."""
    several: object = given
    made = f"{name} takes a list of {'tier(…)' if kind is Tier else 'at_most(…)'}"
    if not isinstance(several, Iterable):
        msg = f"{made}, not {shown(several)}"
        raise ConfigurationError(msg)
    for each in (found := list(given)):
        if not isinstance(each, kind):
            msg = f"{made}, not {shown(each)}"
            raise ConfigurationError(msg)
    return found

"""The first half of a ranking by rules: each document alone, from the filters to the preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rerank_kit.rules.blending import Blend, model_score
from rerank_kit.rules.rule import Case, Match, Missing, Rule
from rerank_kit.rules.tiers_and_limits import Tier
from rerank_kit.values import Document


class LeftOut(Exception):
    """A rule says that a document is not to be in the ranking; the message is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What the rules find of one document.

    Attributes:
        index: Its place among the candidates.
        tier: The number of its tier, from 0; `None` is none.
        because: Why it is in that tier.
        matches: What each preference finds.
        score: The score of the stage before.
    """

    index: int
    tier: int | None
    because: str
    matches: tuple[Match, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Matcher:
    """All rules that look at one document at a time."""

    tiers: Sequence[Tier]
    prefer: Sequence[Rule]
    require: Sequence[Rule]
    exclude: Sequence[Rule]
    without_tier: Missing
    blend: Blend | None

    def match(self, index: int, case: Case) -> Matched:
        """Find what the rules say of one document.

        Raises:
            LeftOut: It is not to be in the ranking.
        """
        document = case.documents[index]
        for rule in self.require:
            match = asked(rule, document, case)
            if not match.holds:
                msg = f"it is not what is required: {match.says}"
                raise LeftOut(msg)
        for rule in self.exclude:
            match = asked(rule, document, case)
            if match.holds:
                msg = f"it is excluded: {match.says}"
                raise LeftOut(msg)
        tier, because = self._tier(document, case)
        matches = tuple(asked(rule, document, case) for rule in self.prefer)
        score = model_score(document)
        if score is None and self.blend is not None and self.blend.missing == "drop":
            msg = "no model has scored it"
            raise LeftOut(msg)
        return Matched(index, tier, because, matches, score)

    def _tier(self, document: Document, case: Case) -> tuple[int | None, str]:
        """The first tier whose condition holds."""
        for number, tier in enumerate(self.tiers):
            match = asked(tier.condition, document, case)
            if match.holds:
                return number, match.says
        if self.tiers and self.without_tier == "drop":
            msg = "it belongs to no tier"
            raise LeftOut(msg)
        return None, ""


def asked(rule: Rule, document: Document, case: Case) -> Match:
    """What a rule finds.

    Raises:
        LeftOut: What it looks at is missing, and such documents are to be dropped.
    """
    match = rule.match(document, case)
    if match.drop:
        raise LeftOut(match.says)
    return match

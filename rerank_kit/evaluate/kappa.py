"""How far a judge agrees with a person, beyond what chance would give, and between which bounds that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rerank_kit.combine.agreement import Share, Z


@dataclass(frozen=True, slots=True)
class Kappa(Share):
    """Cohen's kappa with the bounds between which it is with 95 % confidence: 1 is full agreement, 0 that of chance.

    The upper bound may be above 1: it is as far away as the lower one.
    """


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many pairs of query and document a judge and a person labelled alike.

    Attributes:
        both_relevant: Both say that the document is relevant.
        judge_alone: The judge says so, the person does not.
        person_alone: The person says so, the judge does not.
        neither: Neither says so.
    """

    both_relevant: int
    judge_alone: int
    person_alone: int
    neither: int

    @classmethod
    def of(cls, labels: Iterable[tuple[bool, bool]]) -> Agreement:
        """That of labels: each time what the judge says, and what the person says."""
        given = list(labels)
        pairs = ((True, True), (True, False), (False, True), (False, False))
        return cls(*(sum(each == pair for each in given) for pair in pairs))

    @property
    def pairs(self) -> int:
        """How many pairs both labelled."""
        return self.both_relevant + self.judge_alone + self.person_alone + self.neither

    @property
    def agreement(self) -> Share | None:
        """The share of pairs labelled alike, with Wilson's interval; `None` of none."""
        alike = self.both_relevant + self.neither
        return Share.of([1.0] * alike + [0.0] * (self.pairs - alike))

    @property
    def right_yes(self) -> Share | None:
        """Of what the judge calls relevant, the share that the person does too; `None` of none."""
        return Share.of([1.0] * self.both_relevant + [0.0] * self.judge_alone)

    @property
    def right_no(self) -> Share | None:
        """Of what the judge calls not relevant, the share of which the person says the same; `None` of none."""
        return Share.of([1.0] * self.neither + [0.0] * self.person_alone)

    @property
    def kappa(self) -> Kappa | None:
        """Cohen's kappa with its asymptotic interval; `None` where both gave one and the same label to all.

        The variance is that of Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa",
        1969 (https://doi.org/10.1037/h0028106), as in statsmodels. It is 0 where all labels agree, however few they
        are: then look at the bounds of `agreement`.
        """
        count = self.pairs
        if not count:
            return None
        shares = {
            (1, 1): self.both_relevant / count,
            (1, 0): self.judge_alone / count,
            (0, 1): self.person_alone / count,
            (0, 0): self.neither / count,
        }
        judge = {each: shares[each, 0] + shares[each, 1] for each in (0, 1)}
        person = {each: shares[0, each] + shares[1, each] for each in (0, 1)}
        by_chance = sum(judge[each] * person[each] for each in (0, 1))
        if count in (self.both_relevant, self.neither):
            return None
        kappa = (shares[0, 0] + shares[1, 1] - by_chance) / (1 - by_chance)
        rest = 1 - kappa
        alike = sum(shares[each, each] * (1 - (judge[each] + person[each]) * rest) ** 2 for each in (0, 1))
        apart = sum(shares[one, 1 - one] * (person[one] + judge[1 - one]) ** 2 for one in (0, 1)) * rest**2
        variance = (alike + apart - (kappa - by_chance * rest) ** 2) / (1 - by_chance) ** 2 / count
        half = Z * math.sqrt(max(0.0, variance))
        return Kappa(kappa, kappa - half, kappa + half)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        known = {name: getattr(self, name) for name in ("agreement", "kappa", "right_yes", "right_no")}
        bounds = {name: each and asdict(each) for name, each in known.items()}
        counts = {name: getattr(self, name) for name in ("both_relevant", "judge_alone", "person_alone", "neither")}
        return {"pairs": self.pairs, **bounds, **counts}

    def __str__(self) -> str:
        """In a sentence."""
        if self.agreement is None:
            return "no pair was reviewed"
        kappa = "cannot be told, since all have one label" if self.kappa is None else str(self.kappa)
        return f"judge and person agree on {self.agreement} of {self.pairs} pairs, kappa {kappa}"

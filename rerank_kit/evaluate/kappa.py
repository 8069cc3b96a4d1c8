"""How far a judge agrees with a person, beyond what chance would give, and between which bounds that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from rerank_kit.combine.agreement import Share, Z
from rerank_kit.texts import counted

S = TypeVar("S", bound=Share)


@dataclass(frozen=True, slots=True)
class Kappa(Share):
    """Cohen's kappa with the bounds between which it is with 95 % confidence: 1 is full agreement, 0 that of chance.

    Without a pool, the upper bound may be above 1: it is as far away as the lower one.
    """


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """Of what the reviewed pairs are a sample, drawn from both kinds apart.

    Attributes:
        relevant: How many pairs the judge calls relevant.
        others: How many it does not.
    """

    relevant: int
    others: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many pairs of query and document a judge and a person labelled alike.

    Where the pairs are a sample that has more of one kind than the pool has, shares are weighted back to the pool:
    that of what the judge calls relevant counts as much as there is of it in the pool, and so does the other one. An
    interval is then put together of Wilson's for both kinds, whose distances from the value are squared and added
    (MOVER: Zou, Huang and Zhang, "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics and Data Analysis 53, 2009). It is for an endless pool, and so rather too
    wide.

    Attributes:
        both_relevant: Both say that the document is relevant.
        judge_alone: The judge says so, the person does not.
        person_alone: The person says so, the judge does not.
        neither: Neither says so.
        pool: Of what they are a sample; `None` where they are all that there is, or drawn without regard to labels.
    """

    both_relevant: int
    judge_alone: int
    person_alone: int
    neither: int
    pool: PoolSizes | None = None

    @classmethod
    def of(cls, labels: Iterable[tuple[bool, bool]], pool: PoolSizes | None = None) -> Agreement:
        """That of labels: each time what the judge says, and what the person says."""
        given = list(labels)
        yes_yes, yes_no, no_yes, no_no = (
            sum(each == pair for each in given) for pair in ((True, True), (True, False), (False, True), (False, False))
        )
        return cls(yes_yes, yes_no, no_yes, no_no, pool)

    @property
    def pairs(self) -> int:
        """How many pairs both labelled."""
        return self.both_relevant + self.judge_alone + self.person_alone + self.neither

    @property
    def agreement(self) -> Share | None:
        """The share of pairs labelled alike, in the pool if there is one.

        `None` of no pairs, and where of one kind in the pool no pair was reviewed.
        """
        if self.pool is None:
            alike = self.both_relevant + self.neither
            return Share.of([1.0] * alike + [0.0] * (self.pairs - alike))
        weight = self._weight
        return None if weight is None else self._put_together(lambda yes, no: weight * yes + (1 - weight) * no, Share)

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
        """Cohen's kappa, in the pool if there is one; `None` where `without_kappa` says why.

        In a pool it is a function of `right_yes` and `right_no` that rises with both, and its interval follows from
        theirs. Without one the interval is the asymptotic one of Fleiss, Cohen and Everitt, "Large sample standard
        errors of kappa and weighted kappa", 1969 (https://doi.org/10.1037/h0028106), as in statsmodels. That has no
        width where all labels agree, however few they are: then look at the bounds of `agreement`.
        """
        if self.without_kappa is not None:
            return None
        weight = self._weight
        if self.pool is not None and weight is not None:
            return self._put_together(lambda yes, no: _kappa(weight, yes, no), Kappa)
        return self._asymptotic()

    @property
    def without_kappa(self) -> str | None:
        """Why there is no kappa: where one of both gives one label to all, it is 0 whatever the labels are worth."""
        counts = (self.both_relevant, self.judge_alone, self.person_alone, self.neither)
        if not self.pairs:
            return "no pair was reviewed"
        if self.pool is not None and self._weight is None:
            kind = "relevant" if self.right_yes is None else "not relevant"
            return f"no pair that the judge calls {kind} was reviewed"
        for who, yes in (("judge", counts[0] + counts[1]), ("person", counts[0] + counts[2])):
            if yes in {0, self.pairs}:
                return f"the {who} calls all of them {'relevant' if yes else 'not relevant'}"
        return None

    @property
    def _weight(self) -> float | None:
        """The share of the pool that the judge calls relevant; `None` where of one kind in it nothing was reviewed."""
        if self.pool is None:
            return None
        kinds = ((self.pool.relevant, self.right_yes), (self.pool.others, self.right_no))
        if any(size and reviewed is None for size, reviewed in kinds):
            return None
        whole = self.pool.relevant + self.pool.others
        return self.pool.relevant / whole if whole else None

    def _put_together(self, value: Callable[[float, float], float], kind: type[S]) -> S:
        """A function of the shares of both kinds that rises with both, and its interval."""
        nothing = Share(0.0, 0.0, 0.0)  # of a kind that is not in the pool, and has no weight
        yes, no = self.right_yes or nothing, self.right_no or nothing
        middle = value(yes.value, no.value)
        low = math.hypot(middle - value(yes.low, no.value), middle - value(yes.value, no.low))
        high = math.hypot(middle - value(yes.high, no.value), middle - value(yes.value, no.high))
        return kind(middle, middle - low, min(1.0, middle + high))

    def _asymptotic(self) -> Kappa:
        shares = {
            (1, 1): self.both_relevant / self.pairs,
            (1, 0): self.judge_alone / self.pairs,
            (0, 1): self.person_alone / self.pairs,
            (0, 0): self.neither / self.pairs,
        }
        judge = {each: shares[each, 0] + shares[each, 1] for each in (0, 1)}
        person = {each: shares[0, each] + shares[1, each] for each in (0, 1)}
        by_chance = sum(judge[each] * person[each] for each in (0, 1))
        kappa = (shares[0, 0] + shares[1, 1] - by_chance) / (1 - by_chance)
        rest = 1 - kappa
        alike = sum(shares[each, each] * (1 - (judge[each] + person[each]) * rest) ** 2 for each in (0, 1))
        apart = sum(shares[one, 1 - one] * (person[one] + judge[1 - one]) ** 2 for one in (0, 1)) * rest**2
        variance = (alike + apart - (kappa - by_chance * rest) ** 2) / (1 - by_chance) ** 2 / self.pairs
        half = Z * math.sqrt(max(0.0, variance))
        return Kappa(kappa, kappa - half, kappa + half)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        known = {name: getattr(self, name) for name in ("agreement", "kappa", "right_yes", "right_no")}
        bounds = {name: each and asdict(each) for name, each in known.items()}
        counts = {name: getattr(self, name) for name in ("both_relevant", "judge_alone", "person_alone", "neither")}
        pool = None if self.pool is None else asdict(self.pool)
        return {"pairs": self.pairs, **bounds, "without_kappa": self.without_kappa, **counts, "pool": pool}

    def __str__(self) -> str:
        """In a sentence."""
        if not self.pairs:
            return "no pair was reviewed"
        why = self.without_kappa
        if self.agreement is None:
            return f"how far judge and person agree cannot be told of {counted(self.pairs, 'pair')}: {why}"
        among = "" if self.pool is None else f", weighted to all {self.pool.relevant + self.pool.others:,}"
        kappa = f"says nothing, since {why}" if why is not None else str(self.kappa)
        return f"judge and person agree on {self.agreement} of {counted(self.pairs, 'pair')}{among}; kappa {kappa}"


def _kappa(weight: float, yes: float, no: float) -> float:
    """Cohen's kappa of a judge that calls a part relevant, and is right in its yes and its no so often."""
    person = weight * yes + (1 - weight) * (1 - no)
    by_chance = weight * person + (1 - weight) * (1 - person)
    alike = weight * yes + (1 - weight) * no
    return (alike - by_chance) / (1 - by_chance)

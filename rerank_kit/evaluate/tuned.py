"""`Tuned`: what came of tuning, in values, in sentences, and in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from rerank_kit.combine.stages import Budget
from rerank_kit.evaluate.comparing import Comparison
from rerank_kit.evaluate.replaying import Replay, Setting
from rerank_kit.evaluate.setting_costs import Taken, kept_within, taken
from rerank_kit.evaluate.verdicts import Verdict, more_queries
from rerank_kit.texts import counted

_ROUNDING = 1e-12
_ALIKE = 0.1  # a share of labelled documents differs by so much, and nothing is said


@dataclass(frozen=True, slots=True)
class Tried:
    """A setting, and what it comes to on all queries.

    Attributes:
        setting: It.
        value: The mean of the measure, on the queries that settings are chosen on: the best of many is too high.
        seconds: About how long a query takes; `None` is unknown.
        dollars: What a query costs at most; `None` is unknown.
    """

    setting: Setting
    value: float
    seconds: float | None
    dollars: float | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of tuning.

    Attributes:
        best: The setting that is best on all queries.
        against: The plain setting that the others are held to; it keeps within the budget.
        measure: By which.
        comparison: What choosing in this way gains on queries that the choice did not see.
        verdict: Whether it is better than the plain setting, on those.
        alone: The same held to the first stage alone; `None` where that is the plain setting, or what both
            halves chose.
        over_budget: The plain setting that was meant, where it is not known to keep within the budget: then `against`
            is the plainest one that is.
        chosen: What each half chose for the other.
        tried: All settings, the best first. Those that read and rank the same are one.
        excluded: How many were left out by the budget, or because their time or price is not known.
        text: All of it in a few sentences.
    """

    best: Setting
    against: Setting
    measure: str
    comparison: Comparison
    verdict: Verdict
    alone: Comparison | None
    over_budget: Setting | None
    chosen: Sequence[Setting]
    tried: Sequence[Tried]
    excluded: int
    text: str

    @property
    def setting(self) -> Setting:
        """What to use: the best one where that is sure, else the plain one."""
        return self.best if self.verdict == "better" else self.against

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "use": str(self.setting),
            "text": self.text,
            "verdict": self.verdict,
            "measure": self.measure,
            "best": asdict(self.best),
            "against": asdict(self.against),
            "held_out": asdict(self.comparison),
            "held_out_against_first_stage": None if self.alone is None else asdict(self.alone),
            "over_budget": None if self.over_budget is None else str(self.over_budget),
            "chosen": [str(each) for each in self.chosen],
            "excluded": self.excluded,
            "tried": [
                {"setting": str(each.setting), "value": each.value, "seconds": each.seconds, "dollars": each.dollars}
                for each in self.tried
            ],
        }

    def __str__(self) -> str:
        """The sentences, and the best setting of each kind."""
        left = f", {self.excluded} left out by the budget" if self.excluded else ""
        count = f"{counted(len(self.tried), 'setting')} tried{left}"
        rows = [f"  {each.value:.3f}  {_time(each.seconds)}  {kind}: {each.setting}" for kind, each in self._shown()]
        told = f"{count}. {self.measure} on the queries they are chosen on, the best of many too high, with its time:"
        found = f"{self.verdict}: " if len(self.tried) > 1 else ""
        return "\n".join([f"{found}{self.text}", "", told, *rows])

    def _shown(self) -> list[tuple[str, Tried]]:
        """The best setting of each kind that was tried, with what it is called."""
        kinds: dict[str, Callable[[Setting], object]] = {
            "plain": lambda each: each == self.against,
            "best": lambda each: each == self.best != self.against,
            "best cascade": lambda each: each.then is not None,
            "best mixture": lambda each: each.mixture is not None,
            "first stage": lambda each: not each.recall,
        }
        first = (
            (kind, next((each for each in self.tried if is_it(each.setting)), None)) for kind, is_it in kinds.items()
        )
        return [(kind, each) for kind, each in first if each is not None]


def _time(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.2g} s"


def _numbers(measure: str, known: Comparison, where: str = "") -> str:
    difference = f"{known.difference:+z.3f} ({known.low:+z.3f} to {known.high:+z.3f})"
    return f"{measure} {known.after:.3f} instead of {known.before:.3f}{where}, {difference}"


def advice(
    best: Setting, plain: Setting, measure: str, known: Comparison, found: Verdict, *, keeps: str, only: bool
) -> str:
    """What to do, in a sentence.

    Args:
        best: The setting that is best on all queries.
        plain: What it is held to.
        measure: By which.
        known: What choosing gains on queries that the choice did not see.
        found: The verdict on that.
        keeps: What is done with the plain one: "keep", or "use" where it is not what somebody has.
        only: Whether nothing else keeps within a budget.
    """
    if only:
        return f"{keeps} {plain}: nothing else that was tried keeps within the budget"
    if known.before >= 1 - _ROUNDING:
        most = f"{measure} is 1.000 on every query, the most that there is. Harder questions would tell more"
        return f"{keeps} {plain}: nothing can be better: {most}"
    numbers = _numbers(measure, known, " on queries that the choice did not see")
    if found == "better":
        return f"use {best}: it is better than {plain}: {numbers}"
    if best == plain:
        return f"{keeps} {plain}: nothing that was tried is better: {numbers}"
    why = {
        "worse": "choosing by these labels makes it worse",
        "equal": "the best of the others is no better",
        "inconclusive": "it is not sure that the best of the others is better",
    }[str(found)]
    more = more_queries(known) if found == "inconclusive" else None
    end = "" if more is None else f"; about {more} more queries would tell"
    return f"{keeps} {plain}: {why} ({best}): {numbers}{end}"


def of_budget(named: Setting, took: Taken, budget: Budget) -> str:
    """That the plain setting which was named is not known to keep within the budget."""
    keeps = "is not known to keep" if None in took else "does not keep"
    return f". {named} {keeps} within {kept_within(budget)}: it takes {taken(took)}"


def of_first_stage(first: Setting, measure: str, known: Comparison, found: Verdict) -> str:
    """What choosing gains over the first stage alone."""
    return f". Against {first}, on the same queries: {_numbers(measure, known)}: {found}"


def unlabelled(replay: Replay, settings: Iterable[Setting]) -> str:
    """That what settings bring has a label unlike often, so that no verdict can be had; nothing where it has alike.

    Labels of what some systems found say nothing of what others find, and that counts as not relevant.
    """
    shares = {each: fmean(replay.values(each, "Judged@10").values()) for each in dict.fromkeys(settings)}
    most, least = (end(shares, key=lambda each: shares[each]) for end in (max, min))
    if shares[most] - shares[least] <= _ALIKE:
        return ""
    told = f"{shares[most]:.0%} have a label with {most}, and {shares[least]:.0%} with {least}"
    return f"of the ten best documents {told}; what has none counts as not relevant. Label what all of them find"


def of_alone(tried: Sequence[Tried], found: Verdict) -> str:
    """That a first stage alone ranks no lower than the plain setting, which comes first and is kept all the same."""
    plain, alone = tried[0], max((each for each in tried if not each.setting.recall), key=_value, default=None)
    if found == "better" or alone is None or not plain.setting.recall or alone.value < plain.value - _ROUNDING:
        return ""
    values = f"{alone.value:.3f} and {plain.value:.3f}"
    told = f"{alone.setting} ranks no lower than that, {values}: nothing shows that the reranker earns its cost"
    return f". On all queries {told}"


def _value(tried: Tried) -> float:
    return tried.value

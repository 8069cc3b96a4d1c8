"""Whether each stage of a cascade earns what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rerank_kit.evaluate.comparing import LEVEL, MARGIN, RESAMPLES, Comparison, Values, compare
from rerank_kit.evaluate.judging import Judged, interval, judge, what_would_tell
from rerank_kit.evaluate.verdicts import Verdict, holm


@dataclass(frozen=True, slots=True)
class UpTo:
    """A cascade up to one of its stages, as a system of its own.

    Attributes:
        name: What sentences call the stage.
        values: Each query's value.
        seconds: How long a query takes, if it is known.
        dollars: What a thousand queries cost, if it is known.
    """

    name: str
    values: Values
    seconds: float | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Earned:
    """What one stage adds to those before it.

    Attributes:
        stage: Its name.
        after: The name of the stage before it.
        comparison: The numbers.
        verdict: One of the four, adjusted for the number of stages.
        seconds: How much longer a query takes; `None` is unknown.
        dollars: How much more a thousand queries cost; `None` is unknown.
        text: All of it in one sentence.
        price: The same without the numbers of the comparison: what it costs, and whether it earns that.
    """

    stage: str
    after: str
    comparison: Comparison
    verdict: Verdict
    seconds: float | None
    dollars: float | None
    text: str
    price: str


def earns(
    stages: Sequence[UpTo],
    *,
    measure: str = "nDCG@10",
    margin: float = MARGIN,
    level: float = LEVEL,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Earned]:
    """Compare each stage of a cascade with the one before it, the first of which is the first stage of retrieval.

    Args:
        stages: The cascade up to its first stage, up to its second, and so on, all on the same queries.
        measure: What sentences call the values.
        margin: Differences up to this make no odds to the user.
        level: The confidence of the intervals.
        seed: Where the random numbers start.
        resamples: How many samples are drawn, at least 100.

    Raises:
        ConfigurationError: What `compare` refuses.
        MissingExtra: NumPy or SciPy is not installed.
    """
    steps = list(pairwise(stages))
    made = [
        compare(before.values, after.values, margin=margin, level=level, seed=seed, resamples=resamples)
        for before, after in steps
    ]
    adjusted = holm([each.p for each in made])

    def known(before: UpTo, after: UpTo, comparison: Comparison, p: float) -> Judged:
        names = after.name, before.name
        return judge(names, "first stage", comparison, p_adjusted=p, measure=measure, among=len(steps))

    return [
        earned(before, after, known(before, after, comparison, p))
        for (before, after), comparison, p in zip(steps, made, adjusted, strict=True)
    ]


def earned(before: UpTo, after: UpTo, known: Judged) -> Earned:
    """What a stage adds, and for what, by a comparison with the one before it that is made already.

    Args:
        before: The cascade without the stage.
        after: The cascade up to the stage.
        known: How the second compares with the first.
    """
    comparison, decided = known.comparison, known.verdict
    seconds, dollars = _more(before.seconds, after.seconds), _more(before.dollars, after.dollars)
    free = max(seconds or 0.0, dollars or 0.0) <= 0 and None not in {seconds, dollars}
    wasted = "" if free else "does not earn its cost: it "
    said = {
        "better": f"{after.name} adds to {before.name}",
        "worse": f"{after.name} {wasted}makes {before.name} worse",
        "equal": f"{after.name} {wasted}equals {before.name} within {comparison.margin:g}",
        "inconclusive": f"whether {after.name} adds to {before.name} is inconclusive",
    }[decided]
    dear = _price(seconds, dollars)
    text = f"{said}: {known.measure} {interval(comparison)}, for {dear}"
    if decided == "inconclusive":
        text = f"{text}; {what_would_tell(comparison, known.more_queries, known.among)}"
    price = f"{said}{'; it takes ' if decided == 'inconclusive' else ', for '}{dear}"
    return Earned(after.name, before.name, comparison, decided, seconds, dollars, text, price)


def _more(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _price(seconds: float | None, dollars: float | None) -> str:
    """What a stage costs, in words."""
    time = "an unknown time" if seconds is None else f"{abs(seconds):.3g} s {_direction(seconds)} per query"
    if dollars is None:
        return f"{time} and an unknown price"
    return f"{time} and ${abs(dollars):.2f} {_direction(dollars)} per 1,000 queries"


def _direction(amount: float) -> str:
    return "less" if amount < 0 else "more"

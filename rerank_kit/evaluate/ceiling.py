"""What a perfect reranker could reach with the candidates that it gets, so that one knows how many it should get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from rerank_kit.checks import check_whole
from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.dataset import Judgements
from rerank_kit.evaluate.measures import measured, parsed

DEPTHS = (10, 20, 50, 100, 200)
ENOUGH = 0.95  # of what the deepest candidates allow


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the candidates of a first stage allow.

    Attributes:
        measure: The measure, such as `nDCG@10`.
        by_depth: For each number of candidates, the mean over all queries that a perfect order of them reaches.
        enough: The smallest of these numbers that reaches 95 % of the highest mean; `None` where no relevant document
            is found at all.
    """

    measure: str
    by_depth: Mapping[int, float]
    enough: int | None

    def text(self, sees: int) -> str:
        """What it means for a reranker, in one sentence.

        Args:
            sees: How many candidates the reranker gets, one of the depths; more than the deepest counts as that.

        Raises:
            ConfigurationError: That depth was not looked at.
        """
        deepest = max(self.by_depth)
        at = min(check_whole("sees", sees), deepest)
        if at not in self.by_depth:
            known = ", ".join(map(str, self.by_depth))
            msg = f"sees must be one of the depths {known}, not {sees}: pass depths=({known}, {sees})"
            raise ConfigurationError(msg)
        if self.enough is None:
            return f"no relevant document is among the first {deepest} candidates: no reranker can help"
        now, enough = self.by_depth[at], self.by_depth[self.enough]
        said = f"your reranker sees {at} candidate{'' if at == 1 else 's'}"
        if at < self.enough:
            return f"{said}; at {self.enough} the ceiling of {self.measure} rises from {now:.2f} to {enough:.2f}"
        said = f"{said}, with which {self.measure} can be {now:.2f}"
        if at > self.enough:
            return f"{said}; {self.enough} would do, with {enough:.2f}"
        return f"{said}; more would add little"


def ceiling(
    rankings: Mapping[str, Sequence[str]],
    judgements: Judgements,
    *,
    measure: str = "nDCG@10",
    depths: Sequence[int] = DEPTHS,
) -> Ceiling:
    """What a perfect reranker reaches within a first stage's candidates.

    Its order is that of the grades. It is measured as any other one is: a query for which nothing relevant is judged,
    or nothing was found, counts as 0.

    Args:
        rankings: For each query, the candidates' ids in the order of the first stage.
        judgements: For each query asked, the grades of documents.
        measure: The measure, as ir-measures writes it.
        depths: How many candidates to look at. In place of those deeper than the longest ranking, its own length is
            looked at, for what nobody has asked for is not known.

    Raises:
        ConfigurationError: There are no judgements, a ranking is of a query without any, a number is not above 0, or
            there is no such measure.
        MissingExtra: ir-measures is not installed.
    """
    if not judgements:
        msg = "judgements is empty: a ceiling needs queries of which relevant documents are known"
        raise ConfigurationError(msg)
    if unknown := [query for query in rankings if query not in judgements]:
        msg = f"rankings has queries that judgements does not have, such as {unknown[0]!r}: leave them out"
        raise ConfigurationError(msg)
    cut = parsed([measure])[0].params.get("cutoff")  # what stands below it counts for nothing
    longest = max([1, *map(len, rankings.values())])
    reached: dict[int, float] = {}
    for depth in sorted({min(check_whole("depths", each), longest) for each in depths}):
        best = {query: _best(ids[:depth], judgements[query])[:cut] for query, ids in rankings.items()}
        reached[depth] = fmean(measured([measure], judgements, best)[measure].values())
    if not reached:
        msg = "depths is empty: name at least one number of candidates, such as the reranker's recall"
        raise ConfigurationError(msg)
    most = max(reached.values())
    enough = next((depth for depth, value in reached.items() if value >= ENOUGH * most), None) if most else None
    return Ceiling(measure, reached, enough)


def _best(candidates: Sequence[str], grades: Mapping[str, int]) -> list[str]:
    """Candidates in the best order, each once; what was never judged comes last."""
    return sorted(dict.fromkeys(candidates), key=lambda each: -grades.get(each, -1))

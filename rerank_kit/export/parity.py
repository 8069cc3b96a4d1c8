"""How close exported files come to the model in torch, on the same pairs, each tokenised by its own side."""

from __future__ import annotations

import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.onnx import OnnxCrossEncoder
from rerank_kit.local.onnx_data import data_files
from rerank_kit.local.scale import sigmoid
from rerank_kit.values import Deadline, finite


@dataclass(frozen=True, slots=True)
class Parity:
    """How close one file comes.

    Attributes:
        file: Its name.
        bytes: Its size, with the weights beside it.
        pairs: How many pairs were compared.
        logit_difference: The largest difference of a logit from torch's.
        score_difference: The largest difference of a score, which is the logit's sigmoid.
        rank_correlation: Spearman's, of the candidates of one query; the mean over the queries.
    """

    file: str
    bytes: int
    pairs: int
    logit_difference: float
    score_difference: float
    rank_correlation: float

    def refuse_difference(self, largest: float) -> None:
        """Refuse a file whose logits are too far from torch's.

        Raises:
            ConfigurationError: A logit differs by more than `largest`.
        """
        if not self.logit_difference <= largest:
            msg = (
                f"{self.file} does not compute what torch does: a logit differs by {self.logit_difference:.3g}, more "
                f"than max_difference={largest:g}; nothing was written. Try other versions of torch and transformers"
            )
            raise ConfigurationError(msg)

    def refuse_correlation(self, lowest: float) -> None:
        """Refuse a file that ranks too differently from torch.

        Raises:
            ConfigurationError: The rank correlation is below `lowest`.
        """
        if not self.rank_correlation >= lowest:
            msg = (
                f"{self.file} ranks unlike torch: the rank correlation is {self.rank_correlation:.3f}, below "
                f"min_correlation={lowest:g}; nothing was written. Leave the file out with int8=False (--no-int8), "
                "compare on your own passages with texts= (--texts), or allow less with min_correlation= "
                "(--min-correlation)"
            )
            raise ConfigurationError(msg)


@dataclass(frozen=True, slots=True)
class Report:
    """How close an export comes to torch. As a string, it is a table.

    Attributes:
        model: What was exported.
        revision: Of which hub commit, tag or branch.
        texts: What it was compared on.
        versions: Of the packages involved.
        files: One entry for each graph; the first is fp32.
    """

    model: str
    revision: str | None
    texts: str
    versions: Mapping[str, str]
    files: Sequence[Parity]

    def __str__(self) -> str:
        """A heading, and a line for each file."""
        about = (
            f"{self.model}, compared with torch {self.versions['torch']} on {self.files[0].pairs} pairs from "
            f"{self.texts}: largest differences, and Spearman's rank correlation"
        )
        rows = [
            f"{each.file:18}{each.bytes / 1e6:8.1f}{each.logit_difference:10.1e}{each.score_difference:10.1e}"
            f"{each.rank_correlation:8.4f}"
            for each in self.files
        ]
        return "\n".join([about, f"{'file':18}{'MB':>8}{'logit':>10}{'score':>10}{'ranks':>8}", *rows])


def compare(
    folder: Path,
    files: Sequence[str],
    queries: Sequence[Sequence[Pair]],
    logits: Callable[[Sequence[Pair]], Sequence[float]],
    extremes: Sequence[Pair] = (),
) -> tuple[Parity, ...]:
    """Compare the graphs in a folder, run by `OnnxCrossEncoder`, with a function that gives the logits they should.

    Args:
        folder: The exported folder.
        files: Its graphs.
        queries: Pairs, grouped by query.
        logits: Takes pairs, of which it reads as many tokens.
        extremes: Further pairs, which are no ranking.

    Raises:
        ConfigurationError: A graph cannot be loaded.
        InvalidResponse: A logit is not finite.
    """
    pairs = [*(pair for group in queries for pair in group), *extremes]
    expected = [finite(logit) for logit in logits(pairs)]
    compared: list[Parity] = []
    for file in files:
        engine = OnnxCrossEncoder(folder, file=file, raw_scores=True)
        found = [finite(score) for score in engine.score(pairs, Deadline()).scores]
        compared.append(
            Parity(
                file=file,
                bytes=sum(path.stat().st_size for path in (folder / file, *data_files(folder / file, file))),
                pairs=len(pairs),
                logit_difference=_largest_difference(expected, found),
                score_difference=_largest_difference(map(sigmoid, expected), map(sigmoid, found)),
                rank_correlation=statistics.fmean(map(spearman, _grouped(expected, queries), _grouped(found, queries))),
            )
        )
    return tuple(compared)


def _largest_difference(one: Iterable[float], other: Iterable[float]) -> float:
    return max(abs(left - right) for left, right in zip(one, other, strict=True))


def _grouped(values: Sequence[float], queries: Sequence[Sequence[Pair]]) -> list[list[float]]:
    rest = iter(values)
    return [[next(rest) for _ in group] for group in queries]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """How alike two scorings of the same things rank them, from -1 to 1.

    Pearson's correlation of the ranks, where equal values share their mean rank: C. Spearman, "The Proof and
    Measurement of Association between Two Things", American Journal of Psychology 15 (1904). 0 where just one of the
    two has no order at all.
    """
    ranks = _ranks(one), _ranks(other)
    if ranks[0] == ranks[1]:
        return 1.0
    try:
        return statistics.correlation(*ranks)
    except statistics.StatisticsError:
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    places: defaultdict[float, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(values)):
        places[value].append(place)
    return [statistics.fmean(places[value]) for value in values]


def versions() -> dict[str, str]:
    """The versions of all that has a say in the figures."""
    packages = ("rerank-kit", "torch", "transformers", "onnx", "onnxruntime")
    return {"python": platform.python_version(), **{package: metadata.version(package) for package in packages}}

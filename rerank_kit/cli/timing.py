"""How fast rerankers are on this machine, on a user's own documents."""

from __future__ import annotations

import datetime as dt
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from rerank_kit.cli.options import named_reranker
from rerank_kit.cli.telling import results_alone
from rerank_kit.local.cpu import usable_cores
from rerank_kit.pricing import Speed
from rerank_kit.reranker import Reranker
from rerank_kit.search import read_folder
from rerank_kit.texts import estimated_tokens

T = TypeVar("T")

_QUESTIONS = 3
_LEAST, _MOST = 5, 15  # rankings that are timed
_SECONDS = 10.0  # after which no more of them begin
_WIDE = 1.5  # the fastest in relation to the slowest, from which on a median is not steady
_INSTANT = 1e-9  # seconds, which no ranking takes less than
_WORDS = 12  # of a passage, which stand for a question
_LENGTHS = 1_000  # passages whose tokens are told, evenly taken


@dataclass(frozen=True, slots=True)
class Rate:
    """Pairs a second, of several rankings of the same documents.

    Attributes:
        median: That of all.
        slowest: Of the slowest one.
        fastest: Of the fastest one.
        times: How many there were.
    """

    median: float
    slowest: float
    fastest: float
    times: int

    @property
    def unsteady(self) -> bool:
        """Whether they are so far apart that another median is likely next time."""
        return self.fastest > self.slowest * _WIDE

    def __str__(self) -> str:
        """They in words."""
        spread = f"the median of {self.times} from {self.slowest:.3g} to {self.fastest:.3g}"
        return f"{self.median:.3g} pairs a second, {spread}"


@dataclass(frozen=True, slots=True)
class Timed:
    """What was found out.

    Attributes:
        lengths: Tokens of passages, guessed on the careful side.
        rates: How fast they are, by the name of the reranker.
        machine: What this machine is.
    """

    lengths: list[int]
    rates: dict[str, Rate]
    machine: str

    def speeds(self, tokens: int | None) -> list[Speed]:
        """They as a plan takes them, for pairs of so many tokens, or for those that it plans with."""
        today = dt.datetime.now(dt.UTC).date()
        source = f"measured here, {self.machine}"
        return [
            Speed(name, rate.median, tokens, source=f"{source}, {rate}", date=today)
            for name, rate in self.rates.items()
        ]

    @property
    def mean(self) -> int:
        """Tokens of a passage on average."""
        return max(1, round(statistics.mean(self.lengths)))


def timed(folder: str, names: Sequence[str], candidates: int, encoding: str) -> Timed:
    """Time rerankers on passages of a folder: each on the same ones, several times, after one that does not count.

    Raises:
        RerankError: The folder cannot be read, or a reranker cannot be made or fails.
    """
    texts = [each.text for each in read_folder(folder, encoding).passages]
    some, asked = evenly(texts, candidates), evenly(texts, _QUESTIONS)
    queries = [" ".join(each.split()[:_WORDS]) for each in asked]
    rates: dict[str, Rate] = {}
    with results_alone():
        for name in names:
            rates[name] = _rate(named_reranker(name), queries, some)
    lengths = [max(1, estimated_tokens(each)) for each in evenly(texts, _LENGTHS)]
    machine = f"{platform.machine() or 'CPU'}, {usable_cores()} cores"
    return Timed(lengths, rates, machine)


def _rate(reranker: Reranker, queries: Sequence[str], texts: Sequence[str]) -> Rate:
    reranker.rerank(queries[0], texts[:1])
    found: list[float] = []
    begun = perf_counter()
    while len(found) < _LEAST or (len(found) < _MOST and perf_counter() - begun < _SECONDS):
        started = perf_counter()
        reranker.rerank(queries[len(found) % len(queries)], texts)
        found.append(len(texts) / max(perf_counter() - started, _INSTANT))
    return Rate(statistics.median(found), min(found), max(found), len(found))


def evenly(values: Sequence[T], count: int) -> list[T]:
    """So many of some values, or all if there are fewer, with the same distance between them."""
    few = min(count, len(values))
    return [values[place * len(values) // few] for place in range(few)]

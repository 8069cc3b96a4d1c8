"""How fast rerankers are on this machine, on a user's own documents."""

from __future__ import annotations

import datetime as dt
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from rerank_kit.cli.folder import read_folder
from rerank_kit.cli.options import named_reranker
from rerank_kit.cli.telling import results_alone
from rerank_kit.local.cpu import usable_cores
from rerank_kit.pricing import Speed
from rerank_kit.texts import estimated_tokens

T = TypeVar("T")

_REPETITIONS = 3
_WORDS = 12  # of a passage, which stand for a question
_LENGTHS = 1_000  # passages whose tokens are told, evenly taken


@dataclass(frozen=True, slots=True)
class Timed:
    """What was found out.

    Attributes:
        lengths: Tokens of passages, guessed on the careful side.
        rates: Pairs a second, by the name of the reranker.
        machine: What this machine is.
    """

    lengths: list[int]
    rates: dict[str, float]
    machine: str

    def speeds(self, tokens: int | None) -> list[Speed]:
        """They as a plan takes them, for pairs of so many tokens, or for those that it plans with."""
        today = dt.datetime.now(dt.UTC).date()
        source = f"measured here, {self.machine}"
        return [Speed(name, rate, tokens, source=source, date=today) for name, rate in self.rates.items()]

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
    some, asked = evenly(texts, candidates), evenly(texts, _REPETITIONS)
    queries = [" ".join(each.split()[:_WORDS]) for each in asked]
    rates: dict[str, float] = {}
    with results_alone():
        for name in names:
            reranker = named_reranker(name)
            reranker.rerank(queries[0], some[:1])
            taken: list[float] = []
            for query in queries:
                begun = perf_counter()
                reranker.rerank(query, some)
                taken.append(perf_counter() - begun)
            rates[name] = len(some) / statistics.median(taken)
    lengths = [max(1, estimated_tokens(each)) for each in evenly(texts, _LENGTHS)]
    machine = f"{platform.machine() or 'CPU'}, {usable_cores()} cores"
    return Timed(lengths, rates, machine)


def evenly(values: Sequence[T], count: int) -> list[T]:
    """So many of some values, or all if there are fewer, with the same distance between them."""
    few = min(count, len(values))
    return [values[place * len(values) // few] for place in range(few)]

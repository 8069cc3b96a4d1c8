"""What contexts would take, before the first call, side by side for every way to have them written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rerank_kit.contextual.asking import Asked, Question
from rerank_kit.contextual.settings import Settings
from rerank_kit.judge import BatchChatModel, CachingChatModel
from rerank_kit.judge.injection import Draw
from rerank_kit.texts import counted, estimated_tokens
from rerank_kit.values import Usage

_MINUTES, _HOURS = 2, 120  # from which on times are told in minutes, and in hours
SEVERAL = 8
"""Chunks in a call, where several are asked about and nobody says how many."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to have contexts written.

    Attributes:
        chunks_per_call: How many chunks are asked about in one call.
        cached: Whether the model's prompt cache is used.
        batch: Whether it is asked in a batch.
        calls: Questions to the model.
        input_tokens: Tokens that it reads at full price, guessed on the careful side: one for three bytes.
        cache_write_tokens: Tokens that are put into the prompt cache.
        cache_read_tokens: Tokens that come from there.
        output_tokens: Tokens that it writes: 100 for each context, the most that was published.
        cost: In US dollars; `None` when the model's price is not known.
        seconds: About how long it takes; `None` where nobody can tell.
    """

    chunks_per_call: int
    cached: bool
    batch: bool
    calls: int
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    cost: float | None
    seconds: float | None

    @property
    def name(self) -> str:
        """What a table calls it."""
        each = "1 chunk a call" if self.chunks_per_call == 1 else f"{self.chunks_per_call} chunks a call"
        return f"{each}, cached" if self.cached else f"{each}, batch" if self.batch else each


@dataclass(frozen=True, slots=True)
class ContextEstimate:
    """What it would take to put documents into context.

    Attributes:
        model: The model's name.
        documents: How many documents.
        chunks: How many chunks with text.
        document_tokens: Their tokens, as a guess.
        ways: Each way to have the contexts written.
        seconds_per_call: What one context was assumed to take.
        concurrency: How many calls there are at once.
        notes: What has to be known beside it.
    """

    model: str
    documents: int
    chunks: int
    document_tokens: int
    ways: tuple[Way, ...]
    seconds_per_call: float
    concurrency: int = 1
    notes: tuple[str, ...] = ()

    @property
    def cheapest(self) -> Way:
        """The way that costs least; where prices are not known, that with the fewest calls."""
        return min(self.ways, key=lambda way: (way.cost is None, way.cost or 0.0, way.calls))

    def __str__(self) -> str:
        """A table, one row for each way."""
        told = (
            f"{self.model}: {counted(self.chunks, 'chunk')} of {counted(self.documents, 'document')}, about "
            f"{self.document_tokens:,} tokens"
        )
        head = ("way", "calls", "input", "cache write", "cache read", "output", "cost", "time")
        rows = [head, *map(_cells, self.ways)]
        wide = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = [
            "  ".join(
                cell.rjust(w) if at else cell.ljust(w) for at, (cell, w) in enumerate(zip(row, wide, strict=True))
            )
            for row in rows
        ]
        assumed = (
            "Tokens are guessed, one for three bytes, which is more than most texts have. Time at "
            f"{self.seconds_per_call:g} s a call for one context, {self.concurrency} calls at once."
        )
        return "\n".join([told, "", *lines, "", assumed, *self.notes])


def _cells(way: Way) -> tuple[str, ...]:
    cost = "?" if way.cost is None else f"${way.cost:,.2f}" if way.cost >= 0.1 else f"${way.cost:.4f}"  # noqa: PLR2004
    tokens = (way.input_tokens, way.cache_write_tokens, way.cache_read_tokens, way.output_tokens)
    return way.name, f"{way.calls:,}", *(f"{each:,}" for each in tokens), cost, _time(way.seconds)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "up to 24 h"
    minutes = seconds / 60
    if minutes < _MINUTES:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < _HOURS else f"{minutes / 60:.1f} h"


def estimate_ways(made: Settings, asked: Sequence[Asked], seconds: float) -> ContextEstimate:
    """The estimate for documents."""
    alone = made.wording.granularity == "document"
    counts = [1] if alone else sorted({1, SEVERAL, made.chunks_per_call or 1})
    ways = [way for count in counts for way in _ways(made, asked, count, seconds)]
    chunks = sum(len(unit.chunks) for each in asked for unit in each.units)
    tokens = sum(estimated_tokens(each.document.text) for each in asked)
    return ContextEstimate(
        made.name, len(asked), chunks, tokens, tuple(ways), seconds, made.concurrency, tuple(_notes(made, asked))
    )


def per_call_of(made: Settings, asked: Asked) -> int:
    """How many chunks of a document are asked about in one call where that is left to us: what costs less."""
    one, several = (
        min((way for way in _ways(made, [asked], count, 1.0) if way.batch == made.batch), key=_worth)
        for count in (1, SEVERAL)
    )
    return SEVERAL if several.cost is None or one.cost is None or several.cost < one.cost else 1


def expected_cost(made: Settings, asked: Sequence[Asked]) -> float | None:
    """What documents will cost as they are going to be asked about, in US dollars; `None` where it is not known."""
    costs: list[float | None] = []
    for each in asked:
        ways = _ways(made, [each], made.chunks_per_call or per_call_of(made, each), 1.0)
        costs.append([way.cost for way in ways if way.batch == made.batch][-1])  # the last one is cached, if one is
    return _sum(costs)


def _worth(way: Way) -> tuple[bool, float]:
    return way.cost is None, way.cost or 0.0


def _notes(made: Settings, asked: Sequence[Asked]) -> list[str]:
    notes: list[str] = []
    price = made.prices.price(made.name)
    if price is None:
        notes.append(f"What {made.name} costs is not known: pass prices=known_prices().override(Price(…)).")
    elif price.date is not None:
        notes.append(f"Price of {price.date}, {price.source}{'' if price.verified else '; not verified'}.")
    short = sum(_too_short(made, list(each.groups(each.units, 1))) for each in asked)
    if short:
        notes.append(
            f"{counted(short, 'document')} too short for the model's prompt cache: each call reads them at full price."
        )
    return notes


def _too_short(made: Settings, groups: Sequence[Sequence[Question]]) -> bool:
    """Whether several calls begin alike, and the model does not cache that."""
    model, alike = made.model, [group for group in groups if len(group) > 1]
    if not isinstance(model, CachingChatModel) or getattr(model, "cache", True) is False:
        return False
    return any(not model.caches(group[0].prompt) for group in alike)


def _ways(made: Settings, asked: Sequence[Asked], per_call: int, seconds: float) -> list[Way]:
    """A number of chunks in a call: without the prompt cache, with it where there is one, and in a batch."""
    groups = [group for each in asked for group in each.groups(each.units, per_call, draw=Draw(0))]
    plain, cached = (_way(made, groups, per_call, seconds, cached=each) for each in (False, True))
    found = [plain, cached] if cached.cache_write_tokens else [plain]
    return [*found, _in_a_batch(made, groups, plain)] if isinstance(made.model, BatchChatModel) else found


def _in_a_batch(made: Settings, groups: Sequence[Sequence[Question]], plain: Way) -> Way:
    usages = [usage for group in groups for usage in _usages(made, group, cached=False)]
    return replace(
        plain, batch=True, cost=_sum(made.prices.cost(made.name, each, batch=True) for each in usages), seconds=None
    )


def _sum(costs: Iterable[float | None]) -> float | None:
    """What they come to; `None` where one is not known."""
    whole = 0.0
    for each in costs:
        if each is None:
            return None
        whole += each
    return whole


def _way(made: Settings, groups: Sequence[Sequence[Question]], per_call: int, seconds: float, *, cached: bool) -> Way:
    usages = [usage for group in groups for usage in _usages(made, group, cached=cached)]
    whole = sum(usages, Usage())
    longest = max((len(group) for group in groups), default=0) if cached else 0
    rounds = max(math.ceil(whole.calls / made.concurrency), min(longest, 2))
    return Way(
        chunks_per_call=per_call,
        cached=cached,
        batch=False,
        calls=whole.calls,
        input_tokens=whole.input_tokens,
        cache_write_tokens=whole.cache_write_tokens,
        cache_read_tokens=whole.cache_read_tokens,
        output_tokens=whole.output_tokens,
        cost=_sum(made.prices.cost(made.name, each) for each in usages),
        seconds=rounds * seconds * max(1.0, per_call / 2),
    )


def _usages(made: Settings, group: Sequence[Question], *, cached: bool) -> list[Usage]:
    """What each call of a group takes: the first one fills the cache, the others read from it."""
    model, found = made.model, list[Usage]()
    uses = cached and len(group) > 1 and isinstance(model, CachingChatModel) and model.caches(group[0].prompt)
    hour = getattr(model, "cache", None) == "1h"
    begun = estimated_tokens(group[0].prompt.parts[0])  # the document, which is long, and the same for all of them
    for place, each in enumerate(group):
        prefix = begun if uses else 0
        whole = begun + sum(map(estimated_tokens, each.prompt.parts[1:]))
        found.append(
            Usage(
                calls=1,
                input_tokens=max(0, whole - prefix),
                output_tokens=each.expected,
                cache_write_tokens=0 if place else prefix,
                cache_write_1h_tokens=prefix if hour and not place else 0,
                cache_read_tokens=prefix if place else 0,
            )
        )
    return found

"""`Price` and `Prices`: the rows of `prices.toml`, those of the user above them, and what a usage costs by them."""

from __future__ import annotations

import datetime as dt
import math
import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

from rerank_kit.arguments import named
from rerank_kit.checks import check_flag, check_instance, check_text, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted
from rerank_kit.values import Usage

_VARIABLE = "RERANK_KIT_PRICES"
_COUNTED = {
    "tokens": ["tokens"],
    "searches": ["units"],
    "chat": [
        *("input_tokens", "output_tokens", "cache_read_tokens"),
        *("cache_write_tokens", "cache_write_1h_tokens", "calls"),
    ],
}
"""What a price of each unit counts, in a usage."""
_MAY_BE_UNKNOWN = ("output", "cache_read", "cache_write", "cache_write_1h", "batch")
_LEAST = {"price": 0, "per": 1, "documents": 1, "chunk_tokens": 1, "above": 0, "monthly_minimum": 0} | dict.fromkeys(
    _MAY_BE_UNKNOWN, 0
)
"""The fields that are numbers, with the least that each can be."""
_MOST = {"batch": 1}


@named
@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs.

    Attributes:
        model: The model's name, as it is passed to the reranker.
        unit: What is counted. `"tokens"`: the query's once for each document, and the documents'. `"searches"`: one
            query with up to `documents` documents. `"chat"`: the tokens that an LLM reads and writes.
        price: What `per` units cost, in US dollars; of an LLM, what it reads.
        per: How many units the price is for.
        documents: For searches: how many documents are in one.
        chunk_tokens: For searches: a document counts as one for each begun piece of so many tokens, the query's
            included in each, up to half of it.
        output: For LLMs: the price of what it writes.
        cache_read: For LLMs: the price of what it takes from its prompt cache.
        cache_write: For LLMs: the price of what it puts there, for as long as is usual.
        cache_write_1h: For LLMs: the price of what it puts there for an hour.
        batch: For LLMs: the share of all these prices that is paid for what is asked in a batch, such as 0.5.
        above: For LLMs: the row is for prompts of more tokens than this, and then for all tokens of the request.
        monthly_minimum: What a month costs at least, by contract; `plan` counts it.
        date: When the price was looked up.
        source: Where.
        verified: Whether that was the vendor's own price list.
    """

    model: str
    unit: Literal["tokens", "searches", "chat"]
    price: float
    per: int
    documents: int = 100
    chunk_tokens: int = 500
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    batch: float | None = None
    above: int = 0
    monthly_minimum: float = 0.0
    date: dt.date | None = None
    source: str = ""
    verified: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be a price."""
        check_text("model of a price", self.model)
        if not isinstance(self.unit, str) or self.unit not in {"tokens", "searches", "chat"}:
            msg = f"unit of the price of {self.model!r} must be 'tokens', 'searches' or 'chat', not {quoted(self.unit)}"
            raise ConfigurationError(msg)
        check_flag(f"verified of the price of {self.model!r}", self.verified)
        check_instance(f"source of the price of {self.model!r}", self.source, str, "text")
        if self.date is not None:
            check_day(f"date of the price of {self.model!r}", self.date)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None or name not in _MAY_BE_UNKNOWN or (name == "output" and self.unit == "chat"):
                self._check_number(name, value, least)

    def _check_number(self, name: str, value: object, least: int) -> None:
        of_what = f"price of {self.model!r}" if name == "price" else f"{name} of the price of {self.model!r}"
        most = _MOST.get(name, math.inf)
        if not is_number(value) or value < least or value > most:
            at_most = "" if most == math.inf else f" and {most} at most"
            msg = f"{of_what} must be a number of at least {least}{at_most}, not {quoted(value)}"
            raise ConfigurationError(msg)
        check_most(of_what, value)

    def cost(self, usage: Usage, *, batch: bool = False) -> float | None:
        """What a usage costs, in US dollars, by what the vendor counted; `None` if it did not say, or nonsense.

        Args:
            usage: What was counted.
            batch: Whether it was asked in a batch. Without a price for that, the cost is not known.
        """
        if batch:
            cost = self.cost(usage)
            return None if cost is None or self.batch is None else cost * self.batch
        counted = [getattr(usage, each) for each in _COUNTED[self.unit]]
        if not all(is_number(each) and each >= 0 for each in counted):
            return None
        if self.unit == "chat":
            return self._chat(usage)
        if not any(counted) and usage.pairs:
            return None
        return float(counted[0]) * self.price / self.per

    def estimate(self, query_tokens: int, document_tokens: Sequence[int]) -> float:
        """What a query would cost, in US dollars: the vendor's own rule, applied to estimated lengths."""
        if self.unit == "chat":
            msg = f"what {self.model!r} costs depends on the prompt: ask the estimate(query, documents) of its reranker"
            raise ConfigurationError(msg)
        if self.unit == "tokens":
            units = query_tokens * len(document_tokens) + sum(document_tokens)
        else:
            room = max(self.chunk_tokens - query_tokens, self.chunk_tokens / 2)
            chunks = sum(max(1, math.ceil(each / room)) for each in document_tokens)
            units = math.ceil(chunks / self.documents)
        return units * self.price / self.per

    def _chat(self, usage: Usage) -> float | None:
        priced = [
            (usage.input_tokens, self.price),
            (usage.output_tokens, self.output),
            (usage.cache_read_tokens, self.cache_read),
            (usage.cache_write_tokens - usage.cache_write_1h_tokens, self.cache_write),
            (usage.cache_write_1h_tokens, self.cache_write_1h),
        ]
        nothing = usage.calls and not any(tokens for tokens, _ in priced)
        if nothing or usage.cache_write_1h_tokens > usage.cache_write_tokens:
            return None
        known = [float(tokens) * price for tokens, price in priced if tokens and price is not None]
        return sum(known) / self.per if len(known) == sum(tokens > 0 for tokens, _ in priced) else None


def check_day(name: str, value: object) -> None:
    """Refuse what is no day. One with a time cannot be compared with one without.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        msg = f"{name} must be a date without a time, such as 2026-11-23, not {quoted(value)}"
        raise ConfigurationError(msg)


def check_most(name: str, value: float, most: int = 10**12) -> None:
    """Refuse dollars, pairs and the like of which sums would be no numbers.

    Raises:
        ConfigurationError: It is more than that.
    """
    if value > most:
        msg = f"{name} must be {most:,} at most, not {quoted(value)}"
        raise ConfigurationError(msg)


class Prices:
    """A price list: a row for each model, or several for prompts of different lengths."""

    @named
    def __init__(self, rows: Iterable[Price] = ()) -> None:
        """Make a list of rows; of two for the same the later one counts."""
        listed = [*rows]
        for row in listed:
            check_instance("a row of prices", row, Price, "a rerank_kit.pricing.Price")
        self._rows = {(row.model, row.above): row for row in listed}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML file with a `[[price]]` for each model.

        Raises:
            ConfigurationError: The file is not there, or not such a file.
        """
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a path of any kind
                return cls(_rows(tomllib.load(file)))
        except (OSError, ValueError, ConfigurationError, TypeError) as error:
            msg = f"prices cannot be read from {os.fspath(path)!r}: {error}"
            raise ConfigurationError(msg) from error

    def override(self, other: Prices | Price) -> Prices:
        """This list with rows added, which win over all those for the same models."""
        more = [other] if isinstance(other, Price) else other.rows
        new = {row.model for row in more}
        return Prices([*(row for row in self.rows if row.model not in new), *more])

    @property
    def rows(self) -> tuple[Price, ...]:
        """All rows."""
        return tuple(self._rows.values())

    def price(self, model: str | None, prompt_tokens: float = 0) -> Price | None:
        """The row for a model, and for prompts of so many tokens; `None` if there is none."""
        rows = [row for row in self.rows if row.model == model and (not row.above or prompt_tokens > row.above)]
        return max(rows, key=lambda row: row.above, default=None)

    def cost(self, model: str | None, usage: Usage, *, batch: bool = False) -> float | None:
        """What a usage costs, in US dollars; `None` when the price or what was counted is not known.

        A usage of several calls to an LLM is priced as that many prompts of equal length.

        Args:
            model: The model's name.
            usage: What was counted.
            batch: Whether the LLM was asked in a batch, which has a price of its own.
        """
        read = (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
        known = is_number(usage.calls) and all(map(is_number, read))
        price = self.price(model, sum(map(float, read)) / max(1, usage.calls) if known else 0)
        cost = None if price is None else price.cost(usage, batch=batch)
        return cost if cost is None or math.isfinite(cost) else None


def known_prices() -> Prices:
    """The rows that come with the package, and above them those of the file that `RERANK_KIT_PRICES` names."""
    path = os.environ.get(_VARIABLE)
    return _shipped().override(Prices.load(path)) if path else _shipped()


@cache
def _shipped() -> Prices:
    return Prices(_rows(tomllib.loads(files("rerank_kit.pricing").joinpath("prices.toml").read_text("utf-8"))))


def _rows(table: dict[str, Any]) -> list[Price]:
    if table.keys() != {"price"}:
        told = ", ".join(sorted(table)) or "nothing"
        msg = f"it has {told} at its top, where it must have [[price]], once for each model, and nothing else"
        raise ConfigurationError(msg)
    rows: Any = table["price"]
    known = {each.name for each in fields(Price)}
    for row in rows:
        if unknown := set(row) - known:
            msg = f"a [[price]] has no {', '.join(sorted(unknown))}: it has {', '.join(sorted(known))}"
            raise ConfigurationError(msg)
    return [Price(**row) for row in rows]

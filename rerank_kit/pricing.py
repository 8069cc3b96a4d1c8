"""What a ranking costs: dated rows of prices, which the user can override. What is not known is `None`, never 0."""

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

from rerank_kit.errors import ConfigurationError
from rerank_kit.values import Usage

_VARIABLE = "RERANK_KIT_PRICES"


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs.

    Attributes:
        model: The model's name, as it is passed to the reranker.
        unit: What is counted. `"tokens"`: the query's once for each document, and the documents'. `"searches"`: one
            query with up to `documents` documents.
        price: What `per` units cost, in US dollars.
        per: How many units the price is for.
        documents: For searches: how many documents are in one.
        chunk_tokens: For searches: a document counts as one for each begun piece of so many tokens.
        date: When the price was looked up.
        source: Where.
        verified: Whether that was the vendor's own price list.
    """

    model: str
    unit: Literal["tokens", "searches"]
    price: float
    per: int
    documents: int = 100
    chunk_tokens: int = 500
    date: dt.date | None = None
    source: str = ""
    verified: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be a price."""
        if self.unit not in {"tokens", "searches"}:
            msg = f"unit of the price of {self.model!r} must be 'tokens' or 'searches', not {self.unit!r}"
            raise ConfigurationError(msg)
        numbers = {"price": self.price, "per": self.per, "documents": self.documents, "chunk_tokens": self.chunk_tokens}
        for name, value in numbers.items():
            least = 0 if name == "price" else 1
            if not isinstance(value, int | float) or not math.isfinite(value) or value < least:
                msg = f"{name} of the price of {self.model!r} must be a number of at least {least}, not {value!r}"
                raise ConfigurationError(msg)

    def cost(self, usage: Usage) -> float | None:
        """What a usage costs, in US dollars, by what the vendor counted; `None` if it did not say."""
        counted = usage.tokens if self.unit == "tokens" else usage.units
        if not counted and usage.pairs:
            return None
        return counted * self.price / self.per

    def estimate(self, query_tokens: int, document_tokens: Sequence[int]) -> float:
        """What a query would cost, in US dollars: the vendor's own rule, applied to estimated lengths."""
        if self.unit == "tokens":
            units = query_tokens * len(document_tokens) + sum(document_tokens)
        else:
            chunks = sum(max(1, math.ceil(each / self.chunk_tokens)) for each in document_tokens)
            units = math.ceil(chunks / self.documents)
        return units * self.price / self.per


class Prices:
    """A price list: at most one row for each model."""

    def __init__(self, rows: Iterable[Price] = ()) -> None:
        """Make a list of rows; of two for one model the later one counts."""
        self._rows = {row.model: row for row in rows}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML file with a `[[price]]` for each model.

        Raises:
            ConfigurationError: The file is not there, or not such a file.
        """
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a path of any kind
                return cls(_rows(tomllib.load(file)))
        except (OSError, tomllib.TOMLDecodeError, ConfigurationError, TypeError) as error:
            msg = f"prices cannot be read from {os.fspath(path)!r}: {error}"
            raise ConfigurationError(msg) from error

    def override(self, other: Prices | Price) -> Prices:
        """This list with rows added, which win over those for the same models."""
        more = [other] if isinstance(other, Price) else other.rows
        return Prices([*self.rows, *more])

    @property
    def rows(self) -> tuple[Price, ...]:
        """All rows."""
        return tuple(self._rows.values())

    def price(self, model: str | None) -> Price | None:
        """The row for a model; `None` if there is none."""
        return None if model is None else self._rows.get(model)

    def cost(self, model: str | None, usage: Usage) -> float | None:
        """What a usage costs, in US dollars; `None` when the price or what was counted is not known."""
        price = self.price(model)
        return None if price is None else price.cost(usage)


def known_prices() -> Prices:
    """The rows that come with the package, and above them those of the file that `RERANK_KIT_PRICES` names."""
    path = os.environ.get(_VARIABLE)
    return _shipped().override(Prices.load(path)) if path else _shipped()


@cache
def _shipped() -> Prices:
    return Prices(_rows(tomllib.loads(files("rerank_kit").joinpath("prices.toml").read_text("utf-8"))))


def _rows(table: dict[str, Any]) -> list[Price]:
    rows: Any = table.get("price", [])
    known = {each.name for each in fields(Price)}
    for row in rows:
        if unknown := set(row) - known:
            msg = f"a [[price]] has no {', '.join(sorted(unknown))}: it has {', '.join(sorted(known))}"
            raise ConfigurationError(msg)
    return [Price(**row) for row in rows]

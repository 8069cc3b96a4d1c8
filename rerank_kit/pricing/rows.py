"""The rows of a plan: each back end with what it costs, how long it takes, and whether it will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

from rerank_kit.errors import ConfigurationError
from rerank_kit.pricing.backends import Backend, Speed, chat_backend, known_backends, nearest
from rerank_kit.pricing.bills import Bill, Machines, dollars, together
from rerank_kit.pricing.metering import (
    api_dollars,
    bill_of,
    capacity,
    chat_dollars,
    contextual_dollars,
    contextual_price,
    machines,
    pairs_per_second,
    price_of,
)
from rerank_kit.pricing.prices import Price, Prices
from rerank_kit.pricing.workload import SEVERAL, Workload
from rerank_kit.quoting import quoted


@dataclass(frozen=True, slots=True)
class Row:
    """A back end of a plan. What is not known is `None`.

    Attributes:
        backend: Its name.
        kind: `"api"`, `"local"`, `"judge"` or `"decision"`.
        vendor: Who gets questions and documents; empty where they stay.
        dollars: What a month costs, in US dollars, with the stages behind it.
        per_query: What a query costs by itself, where each is paid for.
        machines: How many machines it needs.
        capacity: Queries a month that one machine serves.
        seconds: Of one query on an idle machine, or as others say.
        latency_source: Where the seconds are from.
        languages: As the vendor or the card says it.
        licence: Of the weights, or the vendor's terms.
        price_source: Where the price is from, with its date.
        verified: Whether that was the vendor's own price list.
        against: Why it will not do; empty where it will, as far as is known.
        bill: What it costs as a function of the volume, with the stages of which that is known.
        price: The row of the price list.
        row: What is known of it.
    """

    backend: str
    kind: str
    vendor: str
    dollars: float | None
    per_query: float | None
    machines: int | None
    capacity: float | None
    seconds: float | None
    latency_source: str
    languages: str
    licence: str
    price_source: str
    verified: bool | None
    against: tuple[str, ...]
    bill: Bill | None
    price: Price | None
    row: Backend

    @property
    def fits(self) -> bool:
        """Whether nothing that is known speaks against it."""
        return not self.against

    def known_dollars(self, queries: int) -> float | None:
        """What can be compared: what a month costs, without stages of which that is not known and all rows have."""
        return _month(self.bill, queries)

    def to_dict(self) -> dict[str, Any]:
        """It as plain values."""
        names = (
            *("backend", "kind", "vendor", "dollars", "per_query", "machines", "capacity", "seconds"),
            *("latency_source", "languages", "licence", "price_source", "verified"),
        )
        return {**{name: getattr(self, name) for name in names}, "against": list(self.against), "fits": self.fits}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is paid for besides reranking.

    Attributes:
        name: What it is.
        dollars: What a month costs, in US dollars; `None` if unknown.
        once: What is paid once, at the beginning; `None` if unknown.
        in_batches: The same where it is asked in batches; `None` if unknown, or where there are none.
        bill: What a month costs as a function of the volume; contexts do not depend on it.
        price: The row of the price list.
        model: Who is asked.
    """

    name: str
    dollars: float | None
    once: float | None
    in_batches: float | None
    bill: Bill | None
    price: Price | None
    model: str

    def to_dict(self) -> dict[str, Any]:
        """It as plain values."""
        price = self.price
        return {
            **{name: getattr(self, name) for name in ("name", "model", "dollars", "once", "in_batches")},
            "price_source": _source(price),
            "verified": None if price is None else price.verified,
        }


def stages(prices: Prices, work: Workload) -> tuple[Stage, ...]:
    """The stages that are wanted."""
    found: list[Stage] = []
    if work.judge is not None:
        found.append(_asked("judge", work.judge, min(work.judged, work.candidates), prices, work))
    if work.decision is not None:
        found.append(_asked("decision", work.decision, min(work.decided, work.candidates), prices, work))
    if work.contextual is not None:
        found.append(_contexts(work.contextual, prices, work))
    return tuple(found)


def _asked(kind: Literal["judge", "decision"], model: str, count: int, prices: Prices, work: Workload) -> Stage:
    """What is asked about so many documents of each query."""
    backend = chat_backend(kind, model)
    price = price_of(backend, prices, work, count)
    bill = bill_of(chat_dollars(backend, prices, work, count), price)
    return Stage(f"{kind} {model} on {count}", _month(bill, work.queries), 0.0, None, bill, price, model)


def _contexts(model: str, prices: Prices, work: Workload) -> Stage:
    backend = chat_backend("judge", model)
    price, once = contextual_price(backend, prices, work), contextual_dollars(backend, prices, work)
    in_batches = contextual_dollars(backend, prices, work, batch=True)
    bill = None if once is None else bill_of(0.0, price, once * work.changed)
    return Stage(f"contexts by {model}", _month(bill, work.queries), once, in_batches, bill, price, model)


def _month(bill: Bill | None, queries: int) -> float | None:
    return None if bill is None else dollars(bill, queries)


def row_of(
    backend: Backend, prices: Prices, speeds: Mapping[str, Sequence[Speed]], work: Workload, behind: Sequence[Stage]
) -> Row:
    """A back end with a workload, and the stages behind it."""
    price = price_of(backend, prices, work, work.candidates)
    per_query = count = served = None
    seconds, latency_source = backend.seconds, backend.latency_source
    if backend.kind == "local":
        own, served, seconds, latency_source = _local(backend, speeds.get(backend.name, ()), work)
        count = None if served is None else Machines(0.0, served).count(work.queries)
    else:
        api = backend.kind == "api"
        if price is not None:
            per_query = api_dollars(price, work) if api else chat_dollars(backend, prices, work, work.candidates)
        own = bill_of(per_query, price)
        if latency_source and backend.latency_date is not None:
            latency_source = f"{latency_source}, {backend.latency_date}"
    known = [each.bill for each in behind if each.bill is not None]
    bill = None if own is None else together([own, *known])
    row = Row(
        backend=backend.name,
        kind=backend.kind,
        vendor=backend.vendor,
        dollars=_month(bill, work.queries) if len(known) == len(behind) else None,
        per_query=per_query,
        machines=count,
        capacity=served,
        seconds=seconds,
        latency_source=latency_source,
        languages=backend.languages,
        licence=backend.licence,
        price_source=_source(price),
        verified=None if price is None else price.verified,
        against=(),
        bill=bill,
        price=price,
        row=backend,
    )
    return replace(row, against=tuple(_against(row, work)))


def _local(
    backend: Backend, speeds: Sequence[Speed], work: Workload
) -> tuple[Bill | None, float | None, float | None, str]:
    """The bill for machines, queries a month that one serves, seconds of a query, and who says so."""
    lengths = sum(work.lengths) / len(work.lengths)
    speed = nearest(speeds, lengths + work.query_tokens)
    if speed is None:
        return None, None, None, ""
    pairs = pairs_per_second(backend, speed, work)
    scaled = ""
    if work.cores is not None and speed.cores is not None and work.cores != speed.cores:
        scaled = f", in proportion to {work.cores} cores"
    when = "" if speed.date is None else f", {speed.date}"
    return machines(pairs, work), capacity(pairs, work), work.candidates / pairs, f"{speed.source}{when}{scaled}"


def _source(price: Price | None) -> str:
    if price is None:
        return ""
    when = "no date" if price.date is None else f"{price.date}"
    return f"{price.source or 'no source'}, {when}"


def _against(row: Row, work: Workload) -> list[str]:
    """What is known that speaks against a row."""
    found: list[str] = []
    if work.data_must_stay and row.vendor:
        found.append(f"data go to {row.vendor}")
    if work.vendors and row.vendor and row.vendor.lower() not in work.vendors:
        allowed = [work.vendor] if isinstance(work.vendor, str) else work.vendor or ()
        found.append(f"another vendor than {' and '.join(allowed)}")
    if row.row.reads("*" if work.language == SEVERAL else work.language) is False:
        found.append(f"languages: {row.languages}")
    if work.latency is not None and row.seconds is not None and row.seconds > work.latency:
        found.append(f"takes {row.seconds:.2g} s")
    return found


def speeds_by_backend(speeds: Sequence[Speed], work: Workload) -> dict[str, list[Speed]]:
    """The speeds of each back end. A user's own go before those that come with the package.

    Those are of one machine: where another one is named, without its cores, they say nothing.
    """
    known = known_backends()
    found: dict[str, list[Speed]] = {}
    if work.hardware is None or work.cores is not None:
        for each in known.speeds:
            found.setdefault(each.backend, []).append(each)
    for name in {each.backend for each in speeds}:
        found[name] = [each for each in speeds if each.backend == name]
    return found


def no_row(backend: object, names: Sequence[str]) -> ConfigurationError:
    """With the nearest of the same engine or vendor, or of all where there is none such."""
    begins = f"{str(backend).partition(':')[0]}:"
    alike = [each for each in names if each.startswith(begins)] or names
    close = get_close_matches(str(backend), alike, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    msg = (
        f"no back end of the plan is called {quoted(backend)}: {meant}Its table has all, and a model of your own whose "
        "speed is told with pairs_per_second"
    )
    return ConfigurationError(msg)

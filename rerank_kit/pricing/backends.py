"""What is known of back ends besides their prices: rows of `backends.toml`, and speeds of local models."""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_text, is_number
from rerank_kit.errors import ConfigurationError
from rerank_kit.pricing.prices import Prices, check_most
from rerank_kit.quoting import quoted

Kind = Literal["api", "local", "judge", "decision"]
_SLOWEST = 1e-6  # pairs a second: with less, machines would be without number
_ITS = "its vendor"
_KINDS: Mapping[Kind, str] = MappingProxyType(
    {"api": "a rerank API", "local": "a reranker", "judge": "an LLM", "decision": "a decision model"}
)
_ENGINES = ("onnx", "local", "sentence-transformers", "flashrank")


@dataclass(frozen=True, slots=True)
class Backend:
    """A row of the table. What is empty or `None` is not known.

    Attributes:
        name: As rerank-kit calls it.
        kind: What it is.
        model: Its name in the price list; of a local one, on the hub.
        vendor: Who gets questions and documents; empty where nobody does.
        languages: As the vendor or the card says it.
        speaks: The same as codes; `"*"` is many.
        licence: Of the weights that one runs, or the vendor's terms.
        max_length: Tokens that a local model reads of a pair.
        first_for: Languages for which it is the first choice; `"*"` for all that no other has.
        seconds: Of one query, as others say.
        candidates: With so many documents.
        latency_source: Who says so.
        latency_date: When it was read.
        tokens_factor: Tokens in relation to the usual number.
        cache_least: The shortest prefix that an LLM caches.
        tokens_per_call: The most that goes into one call of a decision model.
    """

    name: str
    kind: Kind
    model: str
    vendor: str = ""
    languages: str = ""
    speaks: Sequence[str] = ()
    licence: str = ""
    max_length: int | None = None
    first_for: Sequence[str] = ()
    seconds: float | None = None
    candidates: int | None = None
    latency_source: str = ""
    latency_date: dt.date | None = None
    tokens_factor: float = 1.0
    cache_least: int | None = None
    tokens_per_call: int | None = None

    def reads(self, language: str) -> bool | None:
        """Whether it reads a language; `None` where nobody says which it does."""
        return None if not self.speaks else language in self.speaks or "*" in self.speaks


@named
@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a local model is on one machine.

    Attributes:
        backend: Its name, such as `"onnx:embedded"`.
        pairs_per_second: Pairs of a query and a document.
        tokens: Of such a pair; `None` for those that are planned with.
        cores: Of the machine; `None` where they are no part of it, such as a GPU.
        source: Who says so.
        date: When it was measured.
    """

    backend: str
    pairs_per_second: float
    tokens: int | None = None
    cores: int | None = None
    source: str = "as you say"
    date: dt.date | None = None

    def __post_init__(self) -> None:
        """Refuse what is no speed."""
        check_text("backend", self.backend)
        if not is_number(self.pairs_per_second) or self.pairs_per_second < _SLOWEST:
            msg = f"pairs_per_second of {self.backend} must be a number above 0, not {quoted(self.pairs_per_second)}"
            raise ConfigurationError(msg)
        check_most(f"pairs_per_second of {self.backend}", self.pairs_per_second)
        check_count("tokens", self.tokens, none="for those that are planned with")
        check_count("cores", self.cores, none="where they do not count")

    def at(self, tokens: float, cores: int | None) -> float:
        """Pairs of so many tokens a second, on so many cores: both in proportion."""
        longer = 1.0 if self.tokens is None else tokens / self.tokens
        more = 1.0 if cores is None or self.cores is None else cores / self.cores
        return self.pairs_per_second * more / longer


@dataclass(frozen=True, slots=True)
class Asking:
    """What an LLM or a decision model reads and writes besides queries and documents, in tokens.

    Attributes:
        call_tokens: Read in each call.
        document_tokens: Read with each document.
        answer_tokens: Written in each call.
        answer_document_tokens: Written for each document.
        documents_per_call: So many go into one call; `None` where tokens alone count.
        state_document_tokens: Of what is read with each document, what counts towards a call's limit.
        longest_document: Longer ones are cut.
    """

    call_tokens: int
    document_tokens: int
    answer_tokens: int = 0
    answer_document_tokens: int = 0
    documents_per_call: int | None = None
    state_document_tokens: int = 0
    longest_document: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All of `backends.toml`."""

    backends: tuple[Backend, ...]
    speeds: tuple[Speed, ...]
    machine: str
    cores: int
    asking: Mapping[str, Asking]
    instruction_tokens: int
    context_tokens: int
    contextual_source: str
    managed_below: int
    self_hosted_above: int


@cache
def known_backends() -> Known:
    """What comes with the package."""
    table = tomllib.loads(files("rerank_kit.pricing").joinpath("backends.toml").read_text("utf-8"))
    measured, contextual, rules = table["measured"], table["contextual"], table["rules_of_thumb"]
    source = f"{measured['source']}, {measured['machine']}"
    return Known(
        backends=tuple(Backend(**row) for row in table["backend"]),
        speeds=tuple(
            Speed(name, pairs, int(tokens), measured["cores"], source, measured["date"])
            for name, rows in measured["speeds"].items()
            for tokens, pairs in rows.items()
        ),
        machine=measured["machine"],
        cores=measured["cores"],
        asking={kind: Asking(**row) for kind, row in table["prompt"].items()},
        instruction_tokens=contextual["instruction_tokens"],
        context_tokens=contextual["context_tokens"],
        contextual_source=contextual["source"],
        managed_below=rules["managed_below"],
        self_hosted_above=rules["self_hosted_above"],
    )


def all_backends(prices: Prices, speeds: Iterable[Speed]) -> list[Backend]:
    """The rows that come with the package, and one for each model of users' own prices and speeds."""
    backends = list(known_backends().backends)
    priced = {each.model for each in backends}
    for price in prices.rows:
        if price.unit != "chat" and price.model not in priced:
            priced.add(price.model)
            backends.append(Backend(f"endpoint:{price.model}", "api", price.model, _ITS))
    others = dict.fromkeys(each.backend for each in speeds).keys() - {each.name for each in backends}
    return [*backends, *(Backend(name, "local", name.partition(":")[2] or name) for name in sorted(others))]


def check_vendor(vendor: str) -> None:
    """Refuse a vendor of which there is no back end.

    Raises:
        ConfigurationError: There is none.
    """
    names = [*sorted({each.vendor for each in known_backends().backends if each.vendor}), _ITS]
    by_lower = {each.lower(): each for each in names}
    if vendor.lower() not in by_lower:
        close = [by_lower[each] for each in get_close_matches(vendor.lower(), by_lower, n=1)]
        meant = f"did you mean {close[0]!r}? " if close else ""
        known = f"{', '.join(names[:-1])}, and {_ITS!r}, that of a model in your own prices"
        msg = f"vendor={quoted(vendor)} has no back end here: {meant}There are {known}"
        raise ConfigurationError(msg)


def check_kind(name: str, kind: Literal["judge", "decision"], model: str) -> None:
    """Refuse as the model of a stage what is known to be of another kind.

    Raises:
        ConfigurationError: It is.
    """
    of = [each for each in known_backends().backends if model in {each.model, each.name}]
    if not of or any(each.kind == kind and each.model == model for each in of):
        return
    if any(each.kind == kind for each in of):
        told = f"is written {of[0].model!r} there"
    else:
        told = f"is {_KINDS[of[0].kind]}, and not {_KINDS[kind]}"
    ours = [each.model for each in known_backends().backends if each.kind == kind]
    msg = f"{name}={quoted(model)} {told}: take one such as {' or '.join(ours)}"
    raise ConfigurationError(msg)


def check_local(name: object) -> None:
    """Refuse the name of what is no model for a machine of one's own.

    Those that are known will do, and so do a folder and a name on the hub, behind the engine that runs it.

    Raises:
        ConfigurationError: It is another one.
    """
    known = [each.name for each in known_backends().backends if each.kind == "local"]
    engine, _, model = check_text("pairs_per_second", name).partition(":")
    if name in known or (engine in _ENGINES and len(model.split("/")) > 1):
        return
    close = get_close_matches(str(name), known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    msg = (
        f"pairs_per_second names {quoted(name)}, which is no model for a machine of yours: {meant}There are "
        f"{', '.join(known)}; a model of your own is an engine and a folder or a name on the hub, such as onnx:./mine"
    )
    raise ConfigurationError(msg)


def nearest(speeds: Iterable[Speed], tokens: float) -> Speed | None:
    """Of the speeds of one model the one whose pairs are most alike in length; `None` where there are none."""
    return min(speeds, key=lambda each: abs(math.log((each.tokens or tokens) / tokens)), default=None)


def chat_backend(kind: Literal["judge", "decision"], model: str) -> Backend:
    """The row of an LLM or a decision model, or what can be said of one without a row."""
    found = (each for each in known_backends().backends if each.kind == kind and each.model == model)
    return next(found, Backend(f"{kind}:{model}", kind, model, _ITS))

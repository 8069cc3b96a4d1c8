"""`Workload`: how much is asked in a month, and what has to be kept to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from rerank_kit.checks import (
    check_flag,
    check_instance,
    check_seconds,
    check_text,
    check_whole,
    is_number,
)
from rerank_kit.errors import ConfigurationError
from rerank_kit.pricing.backends import chat_backend, check_kind, check_vendor, known_backends
from rerank_kit.pricing.prices import check_most
from rerank_kit.quoting import quoted

SEVERAL = "several"
_CANDIDATES = 100_000  # of one query
_PEAK = 1_000_000
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked in a month. The fields are the arguments of `plan`, which says what each is."""

    queries: int
    candidates: int = 50
    tokens_per_document: int | Sequence[int] = 300
    query_tokens: int = 20
    language: str = "en"
    data_must_stay: bool = False
    latency: float | None = None
    vendor: str | Sequence[str] | None = None
    peak: float = 5.0
    hardware: str | None = None
    machine_price: float | None = None
    cores: int | None = None
    judge: str | None = None
    judged: int = 10
    decision: str | None = None
    decided: int = 30
    contextual: str | None = None
    corpus_tokens: int | None = None
    document_tokens: int = 8_000
    changed: float = 0.0
    vendors: tuple[str, ...] = field(init=False)
    """Those that may be used besides one's own machines, in small letters; none where all may."""
    lengths: tuple[int, ...] = field(init=False)
    """Tokens of documents, shortest first: one or more, of which candidates are taken evenly."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("queries", "candidates", "query_tokens", "judged", "decided", "document_tokens"):
            _whole(name, getattr(self, name))
        check_most("candidates", self.candidates, _CANDIDATES)
        for name in ("hardware", "judge", "decision", "contextual"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        object.__setattr__(self, "vendors", _vendors(self.vendor))
        check_flag("data_must_stay", self.data_must_stay)
        for name in ("cores", "corpus_tokens"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name))
        if self.latency is not None:
            check_seconds("latency", self.latency)
        self._check_amounts()
        object.__setattr__(self, "language", _language(self.language))
        object.__setattr__(self, "lengths", _lengths(self.tokens_per_document))
        self._check_stages()
        if self.contextual is not None and self.corpus_tokens is None:
            msg = "corpus_tokens is missing: contextual needs to know how many tokens all documents have together"
            raise ConfigurationError(msg)

    def _check_stages(self) -> None:
        """Refuse what is no model for a stage, and one that would send data to a vendor where they must stay."""
        kinds: tuple[Literal["judge", "decision"], ...] = ("judge", "decision", "judge")
        for name, kind in zip(("judge", "decision", "contextual"), kinds, strict=True):
            model = getattr(self, name)
            if model is None:
                continue
            check_kind(name, kind, model)
            if self.data_must_stay and chat_backend(kind, model) in known_backends().backends:
                msg = f"{name}={model!r} gets questions and documents, and data_must_stay=True: leave one of them out"
                raise ConfigurationError(msg)

    def _check_amounts(self) -> None:
        if not is_number(self.peak) or self.peak < 1:
            msg = f"peak must be at least 1, not {quoted(self.peak)}: the busiest hour in relation to the mean"
            raise ConfigurationError(msg)
        if self.machine_price is not None and not (is_number(self.machine_price) and self.machine_price >= 0):
            msg = (
                f"machine_price must be US dollars a month of at least 0, or None where it is not known, not "
                f"{quoted(self.machine_price)}"
            )
            raise ConfigurationError(msg)
        check_most("peak", self.peak, _PEAK)
        check_most("machine_price", self.machine_price or 0)
        if not is_number(self.changed) or not 0 <= self.changed <= 1:
            msg = (
                f"changed must be between 0 and 1, not {quoted(self.changed)}: the part of the documents that is new "
                "or changes in a month"
            )
            raise ConfigurationError(msg)

    def documents(self, count: int, more: int = 0) -> list[int]:
        """The tokens of so many documents, each with so many more."""
        last = len(self.lengths)
        return [self.lengths[min(last - 1, (2 * place + 1) * last // (2 * count))] + more for place in range(count)]

    def given(self) -> dict[str, Any]:
        """All that was passed or is the default, as plain values."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        return {**values, "tokens_per_document": round(sum(self.lengths) / len(self.lengths))}


def _language(value: object) -> str:
    """The code of a language, or that there are several.

    Raises:
        ConfigurationError: It is none.
    """
    code = value.lower().partition("-")[0] if isinstance(value, str) else ""
    if code == SEVERAL or _LANGUAGE.fullmatch(code):
        return code
    msg = f"language must be a code such as 'en', 'zh' or 'de', or {SEVERAL!r}, not {quoted(value)}"
    raise ConfigurationError(msg)


def _lengths(value: object) -> tuple[int, ...]:
    """Tokens of documents, shortest first.

    Raises:
        ConfigurationError: There are none, or one is no length.
    """
    if isinstance(value, list | tuple):
        given = cast("Sequence[object]", value)
        if not given:
            msg = "tokens_per_document is empty: pass the mean, or the lengths of some documents"
            raise ConfigurationError(msg)
        return tuple(sorted(_whole("tokens_per_document", each) for each in given))
    check_instance("tokens_per_document", value, int, "a whole number, or a list of them")
    return (_whole("tokens_per_document", value),)


def _whole(name: str, value: object) -> int:
    """A number of queries and the like, of which sums are numbers.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, int):
        check_most(name, value)
    return check_whole(name, value)


def _vendors(value: object) -> tuple[str, ...]:
    """The vendors that may be used, in small letters.

    Raises:
        ConfigurationError: There is none of that name.
    """
    if value is None:
        return ()
    given = cast("Sequence[object]", value) if isinstance(value, list | tuple) else [value]
    if not given:
        msg = "vendor is empty: name one or several, or pass None for all"
        raise ConfigurationError(msg)
    names = [check_text("vendor", each) for each in given]
    for each in names:
        check_vendor(each)
    return tuple(dict.fromkeys(each.lower() for each in names))

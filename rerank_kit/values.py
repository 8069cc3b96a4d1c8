"""What goes into a reranker and what a ranking is made of: frozen values."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from rerank_kit.arguments import named
from rerank_kit.caller import Caller, check_caller, current_caller
from rerank_kit.errors import DeadlineExceeded, InvalidResponse
from rerank_kit.quoting import quoted, whole

Passage: TypeAlias = tuple[int, int]
"""A part of a text, as start and end in characters."""

UNJUDGED = "unjudged"
"""The verdict of a document that could not be judged."""


@named
@dataclass(frozen=True, slots=True)
class Document:
    """A candidate that the first stage found.

    Attributes:
        text: What the model reads.
        metadata: What business rules read; a model never sees it.
        score: The score from the stage before, if there was one.
        id: What the caller knows it by, for `Ranking.to_run`.
    """

    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    score: float | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One document of a ranking.

    Attributes:
        index: Its place in the sequence that the caller passed in, from 0.
        score: Its relevance score; higher is better. Cross-encoders give 0 to 1 unless asked for raw scores.
        why: The reason, from rerankers that can give one.
        passage: The part of the text that the score is for, when only that part of a long document was decisive.
        verdict: What a judge decided: `"yes"` or `"no"`, a grade such as `"2"`, or `"unjudged"`.
        logit: What the model gave, where the score is the sigmoid of that. It orders hits whose scores are the same,
            as they are where the sigmoid has come to 1.0.
        probabilities: The probability of each verdict that there could have been, from models that tell.
    """

    index: int
    score: float
    why: str | None = None
    passage: Passage | None = None
    verdict: str | None = None
    logit: float | None = None
    probabilities: Mapping[str, float] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A document that is not among the hits of a ranking.

    Attributes:
        index: Its place in the sequence that the caller passed in, from 0.
        why: The reason, as a clause.
        score: The score that it was left out with, where it has one.
    """

    index: int
    why: str
    score: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Usage:
    """What a ranking took. Usages add up: `sum(usages, Usage())`.

    Attributes:
        pairs: Query-document pairs that a model scored.
        tokens: Tokens that the model read, the query's and special ones included.
        truncated: Pairs that were longer than the model reads, so that the document's end went unseen.
        query_truncated: Queries that were longer than their share of what the model reads, so that a part of them
            went unseen.
        empty: Documents without text: never sent, ranked last.
        duplicates: Documents with the same text as another, scored once for all.
        windows: Pairs among `pairs` that were further windows of a long document.
        cached: Documents whose score came from a cache, or whose token vectors came from a store.
        requests: Requests to a vendor or server that were sent, repeated ones included.
        retries: Requests among them that repeated one that had failed.
        splits: Requests among them that were further parts of a list too long for one.
        units: What the vendor bills besides tokens, such as Cohere's search units, as the vendor counted it.
        calls: Questions to an LLM that were answered.
        input_tokens: Tokens that LLMs read at full price.
        output_tokens: Tokens that LLMs wrote.
        cache_read_tokens: Tokens that LLMs took from their prompt cache.
        cache_write_tokens: Tokens that LLMs put into it, for however long.
        cache_write_1h_tokens: Tokens among them that are kept for an hour, which has a price of its own.
        unjudged: Documents that a judge could not judge, whatever the reason.
        repaired: Answers of LLMs that were not as asked for, but could be read.
        unparsable: Answers in which nothing could be read.
        refused: Answers that were refusals.
        missing: Documents that an answer left out.
        repeated: Documents that an answer named more than once.
        unknown_labels: Documents that an answer named, and that were not in the question.
        unread: Pairs in a script that the model does not read, of queries with more of these than of others.
    """

    pairs: int = 0
    tokens: int = 0
    truncated: int = 0
    query_truncated: int = 0
    empty: int = 0
    duplicates: int = 0
    windows: int = 0
    cached: int = 0
    requests: int = 0
    retries: int = 0
    splits: int = 0
    units: float = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    unjudged: int = 0
    repaired: int = 0
    unparsable: int = 0
    refused: int = 0
    missing: int = 0
    repeated: int = 0
    unknown_labels: int = 0
    unread: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Add field by field."""
        return Usage(*(getattr(self, name) + getattr(other, name) for name in _USAGE_FIELDS))

    @whole
    def __repr__(self) -> str:
        """Such as `Usage(pairs=50, tokens=4210)`, without zeros."""
        counts = ((name, getattr(self, name)) for name in _USAGE_FIELDS)
        return f"Usage({', '.join(f'{name}={count!r}' for name, count in counts if count)})"


_USAGE_FIELDS = tuple(each.name for each in dataclasses.fields(Usage))


@dataclass(frozen=True, slots=True)
class Span:
    """What one reranker did for one query: the record that hooks and traces receive.

    Attributes:
        backend: The reranker's class, such as `"OnnxCrossEncoder"`.
        model: The model's name, where there is one.
        documents_in: Documents received, empty ones included.
        documents_out: Hits returned, after `threshold` and `top_n`.
        seconds: Wall-clock time. Queries that were ranked together share it.
        usage: What it took.
        outcome: `"ok"`; `"degraded"` when the ranking is not what was asked for; `"failed"` when there is none;
            `"skipped"` when a condition said that it need not run.
        problem: What went wrong, or why it was skipped, unless `"ok"`.
        stage: What a cascade calls this stage; `None` outside of one.
        cost: What it cost, in the currency of the prices; `None` when that is not known, which is not 0.
        started: When it began, in seconds since 1970.
        hits: What a stage of a cascade made of the documents, best first; they point into the sequence of the caller.
        inner: The spans of all rerankers inside, each one after those inside itself.
    """

    backend: str
    model: str | None
    documents_in: int
    documents_out: int
    seconds: float
    usage: Usage = Usage()
    outcome: Literal["ok", "degraded", "failed", "skipped"] = "ok"
    problem: str | None = None
    stage: str | None = None
    cost: float | None = None
    started: float = 0.0
    hits: tuple[Hit, ...] = field(default=(), repr=False)
    inner: tuple[Span, ...] = field(default=(), repr=False)

    @property
    def children(self) -> tuple[Span, ...]:
        """The spans directly inside, in the order in which they ran."""
        return outermost(self.inner)

    def at(self, places: Sequence[int]) -> Span:
        """The same span, with hits that point to where its documents stand in a longer sequence."""
        hits = tuple(dataclasses.replace(hit, index=places[hit.index]) for hit in self.hits)
        return dataclasses.replace(self, hits=hits, inner=tuple(each.at(places) for each in self.inner))


def outermost(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Those of a ranking's spans that are not inside another one."""
    found: list[Span] = []
    place = len(spans)
    while place > 0:  # each span comes after those inside it, so that their number says how far to jump
        found.append(spans[place - 1])
        place -= 1 + len(found[-1].inner)
    return tuple(reversed(found))


def total_cost(spans: Iterable[Span]) -> float | None:
    """What they cost together; `None` when that is not known of any of them."""
    costs = [span.cost for span in spans]
    known = [cost for cost in costs if cost is not None]
    return sum(known, 0.0) if costs and len(known) == len(costs) else None


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which a ranking must be there.

    Attributes:
        at: The moment on `clock`, in seconds; `None` is never.
        clock: A clock that only goes forward.
        caller: Who waits for the ranking, where that may end before.
    """

    at: float | None = None
    clock: Callable[[], float] = time.monotonic
    caller: Caller | None = field(default=None, repr=False, compare=False)

    @classmethod
    def after(cls, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The moment that many seconds from now; `None` is never."""
        return cls(None if seconds is None else clock() + seconds, clock)

    def bound(self) -> Deadline:
        """The same moment, for threads that do not know who waits: `check` there asks for the caller of here."""
        caller = current_caller()
        return self if caller is None else replace(self, caller=caller)

    def remaining(self) -> float | None:
        """Seconds left, 0.0 when it has passed; `None` when there is no limit."""
        return None if self.at is None else max(0.0, self.at - self.clock())

    def check(self) -> None:
        """Do nothing while there is time and somebody waits.

        Raises:
            DeadlineExceeded: The moment has passed.
            Abandoned: Nobody waits for the ranking any more. It is no `Exception`; let it pass.
            ShuttingDown: Python is about to cut this thread off.
        """
        check_caller()
        if self.caller is not None:
            self.caller.check()
        if self.at is not None and self.clock() >= self.at:
            msg = "reranking did not finish in the time allowed: raise timeout= (seconds), or rerank fewer candidates"
            raise DeadlineExceeded(msg)


def finite(score: object) -> float:
    """A score as a Python float, whatever number type the back end uses.

    Raises:
        InvalidResponse: It is not a number, NaN, infinite, or too great for a float.
    """
    try:
        # Text and truth values would convert, but who gives them as scores has something else in mind.
        value = math.nan if isinstance(score, str | bytes | bytearray | bool) else float(score)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - numpy's and torch's scalars convert; what does not may raise anything
        value = math.nan
    if not math.isfinite(value):
        msg = f"a relevance score must be a finite number, but the model gave {quoted(score)}"
        raise InvalidResponse(msg)
    return value

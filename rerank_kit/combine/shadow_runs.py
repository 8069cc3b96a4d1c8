"""`ShadowRun`: what a live reranker answered and what a candidate would have, for one query."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from rerank_kit.checks import is_number
from rerank_kit.ranking import Ranking
from rerank_kit.texts import encodable
from rerank_kit.values import Document

_KEPT = 100  # hits of a ranking, the best
_LONGEST = 100  # characters of an id, and of an error's class
_TEXT = 2000  # characters of a query
_BEGINNING = 200  # characters of a document and of an error


@dataclass(frozen=True, slots=True)
class ShadowSide:
    """What one of the two rerankers answered.

    Attributes:
        model: Its model, or else its class.
        hits: The documents, best first, the first 100: where each stood among the candidates, from 0, and its score.
        seconds: How long it took. Queries that were ranked together share it.
        usage: What it took, by the names of `Usage`, without zeros.
        cost: What it cost, in US dollars; `None` where that is not known.
        problem: Why there is no ranking: the class of the error, with its message where texts are kept.
        degraded: Whether it did less than it was asked to.
    """

    model: str
    hits: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    usage: Mapping[str, float] = field(default_factory=dict[str, float])
    cost: float | None = None
    problem: str | None = None
    degraded: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ShadowSide:
        """It, of plain values.

        Raises:
            KeyError, TypeError, ValueError: They are not such.
        """
        side = cls(**values)
        hits = tuple((int(place), float(score)) for place, score in side.hits)
        numbers: list[object] = [side.seconds, 0.0 if side.cost is None else side.cost, *side.usage.values()]
        words: list[object] = [side.model, side.problem or ""]
        if not all(map(is_number, numbers)) or not all(isinstance(each, str) for each in words):
            msg = "these are no values of a side"
            raise ValueError(msg)
        return replace(side, hits=hits)

    @classmethod
    def of(cls, model: str, ranking: Ranking, seconds: float) -> ShadowSide:
        """That of a ranking."""
        usage = {name: count for name, count in asdict(ranking.usage).items() if count}
        hits = tuple((hit.index, float(f"{hit.score:.6g}")) for hit in ranking.hits[:_KEPT])
        problem = None if ranking.failure is None else "nothing was ranked"
        return cls(model, hits, seconds, usage, ranking.cost, problem, ranking.degraded)


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """One query, ranked by both.

    Attributes:
        at: When, in seconds since 1970.
        query: The query's hash, or its text where texts are kept.
        documents: How many candidates there were.
        live: What was answered.
        candidate: What would have been.
        names: The ids of the documents among the hits, by their places; the hash of the text where there is no id.
        texts: How the three best of both begin, by their places, where texts are kept.
    """

    at: float
    query: str
    documents: int
    live: ShadowSide
    candidate: ShadowSide
    names: Mapping[int, str] = field(default_factory=dict[int, str])
    texts: Mapping[int, str] = field(default_factory=dict[int, str])

    @classmethod
    def of(
        cls,
        at: float,
        query: str,
        documents: Sequence[Document],
        live: ShadowSide,
        candidate: ShadowSide,
        *,
        keep_texts: bool,
    ) -> ShadowRun:
        """That of a query, with hashes in place of texts unless they are to be kept."""
        sides = (live, candidate)
        places = sorted({place for side in sides for place, _ in side.hits})
        first = sorted({place for side in sides for place, _ in side.hits[:3]})
        return cls(
            at,
            encodable(query)[:_TEXT] if keep_texts else _hash(query),
            len(documents),
            live,
            candidate,
            {place: _name(documents[place]) for place in places},
            {place: encodable(documents[place].text[:_BEGINNING]) for place in first} if keep_texts else {},
        )

    def to_dict(self) -> dict[str, Any]:
        """It as plain values, from which `from_dict` makes it again."""
        return {
            **asdict(self),
            "names": {str(place): name for place, name in self.names.items()},
            "texts": {str(place): text for place, text in self.texts.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ShadowRun:
        """It, of plain values.

        Raises:
            KeyError, TypeError, ValueError: They are not such.
        """
        live, candidate = (ShadowSide.from_dict(values[each]) for each in ("live", "candidate"))
        names, texts = ({int(place): str(text) for place, text in values[each].items()} for each in ("names", "texts"))
        return cls(float(values["at"]), str(values["query"]), int(values["documents"]), live, candidate, names, texts)


class Recorder(Protocol):
    """Where runs go, in place of a file: an object of your own."""

    def record(self, run: ShadowRun, /) -> object:
        """Keep a run. It is called in a thread of its own, one run after the other; what it raises is logged."""
        ...


def problem_of(error: BaseException, *, keep_texts: bool) -> str:
    """An error as a run has it: its class alone where no texts are kept, for a message may quote one."""
    name = type(error).__name__[:_LONGEST]
    if not keep_texts:
        return name
    try:
        return f"{name}: {encodable(str(error))[:_BEGINNING]}"
    except Exception:  # noqa: BLE001 - an error of anybody's class, which may not even be shown
        return name


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _name(document: Document) -> str:
    """What a document is known by."""
    known = document.id
    if not isinstance(known, str):
        return _hash(document.text)
    return encodable(known) if len(known) <= _LONGEST else _hash(known)

"""What systems made of queries: found, reranked, timed, and kept, so that nothing is asked for twice."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from rerank_kit.errors import ConfigurationError, RerankError
from rerank_kit.evaluate.first_stages import FirstStage, Found
from rerank_kit.evaluate.store import RunStore, key_of, text_key
from rerank_kit.evaluate.systems import System, key_of_reranker
from rerank_kit.ranking import Ranking, best_first
from rerank_kit.reranker import Reranker
from rerank_kit.values import Document, Hit, Usage

_VERSION = 1  # of what is kept: raise it when its meaning changes


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took.

    Attributes:
        seconds: By the clock.
        waiting: Of these, those in which this process computed nothing: it waited, as for an API.
    """

    seconds: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system made of one query.

    Attributes:
        candidates: What the first stage brought, in its order.
        order: Places among the candidates, best first.
        scores: Their scores, in that order.
        why: Their reasons.
        timing: How long the reranking took, or the first stage alone; `None` where that was not measured, because all
            scores were known.
        usage: What it took, this time or when the scores were computed.
        cost: In US dollars; `None` where it is not known, as where scores came from a run with more candidates.
        remote: Whether an API or a server was asked, this time or when the scores were computed.
        problem: Why it is not what was asked for.
        fresh: Whether the reranker was asked in this run.
    """

    candidates: tuple[Found, ...]
    order: tuple[int, ...]
    scores: tuple[float, ...]
    why: tuple[str | None, ...]
    timing: Timing | None = None
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None
    remote: bool = False
    problem: str | None = None
    fresh: bool = False

    @property
    def ids(self) -> list[str]:
        """The documents' ids, best first, each once."""
        return list(dict.fromkeys(self.candidates[place].id for place in self.order))


class Stopwatch:
    """Measures what is done inside a `with`."""

    timing: Timing

    def __enter__(self) -> Self:
        """Begin."""
        self._begun, self._computed = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *others: object) -> None:
        """End."""
        seconds, computed = time.perf_counter() - self._begun, time.process_time() - self._computed
        self.timing = Timing(seconds, max(0.0, seconds - computed))


class Outcomes:
    """Asks first stages and rerankers, unless what they said is in the store."""

    def __init__(self, store: RunStore, data: str) -> None:
        """Begin.

        Args:
            store: Where rows are kept.
            data: What the queries and documents are, as a key.
        """
        self._store, self._data = store, data
        self._found: dict[tuple[str, str], tuple[int, tuple[Found, ...], Timing]] = {}

    def first(self, stage: FirstStage, query_id: str, query: str, depth: int) -> tuple[tuple[Found, ...], Timing]:
        """What a first stage brings, and how long it took to bring as many as were ever asked for in this run."""
        known = self._found.get((stage.name, query_id))
        if known is not None and known[0] >= depth:
            return known[1][:depth], known[2]
        key = key_of("first", _VERSION, self._data, stage.name, stage.key, query_id, query, depth)
        row = self._store.get(key)
        if row is None:
            with Stopwatch() as watch:
                found = tuple(stage.find(query_id, query, depth))
            timing = watch.timing
            kept = [[each.id, each.text, each.score, _plain(each.metadata)] for each in found]
            if all(each[3] is not None for each in kept):
                self._store.put([(key, {"found": kept, "timing": asdict(timing)})])
        else:
            found = tuple(Found(*each) for each in row["found"])
            timing = Timing(**row["timing"])
        self._found[stage.name, query_id] = depth, found, timing
        return found, timing

    def has(self, system: System, query: str, candidates: Sequence[Found]) -> bool:
        """Whether it is known what a system's reranker makes of candidates."""
        return system.reranker is None or self._store.get(_key(system, system.reranker, query, candidates)) is not None

    def reranked(self, system: System, query: str, candidates: Sequence[Found]) -> Outcome:
        """What a system's reranker makes of candidates; without one they stay as they are."""
        reranker = system.reranker
        if reranker is None:
            scores = tuple(0.0 if each.score is None else each.score for each in candidates)
            order, cost = tuple(range(len(candidates))), 0.0 if system.first_stage.free else None
            return Outcome(tuple(candidates), order, scores, (None,) * len(candidates), cost=cost)
        key = _key(system, reranker, query, candidates)
        row = self._store.get(key)
        fresh = row is None
        if row is None:
            row = self._made(reranker, query, candidates)
            if row["problem"] is None:  # what went wrong is tried again by the next run
                self._store.put([(key, row)])
        usage = Usage(**{name: row["usage"].get(name, 0) for name in (each.name for each in fields(Usage))})
        timing = None if row["timing"] is None else Timing(**row["timing"])
        hits = tuple(row["order"]), tuple(row["scores"]), tuple(row["why"])
        return Outcome(tuple(candidates), *hits, timing, usage, row["cost"], row["remote"], row["problem"], fresh)

    def _made(self, reranker: Reranker, query: str, candidates: Sequence[Found]) -> dict[str, Any]:
        """Ask the reranker, for those alone of which no score is known where each has one of its own."""
        texts = [text_key(each.text) for each in candidates]
        pointwise = reranker.pointwise and reranker.fingerprint is not None and not reranker.reads_metadata
        key = key_of("pairs", _VERSION, reranker.fingerprint, query)
        row: dict[str, Any] = (self._store.get(key) if pointwise else None) or {"scores": {}, "remote": False}
        known: dict[str, list[Any]] = row["scores"]
        places = [place for place, text in enumerate(texts) if text not in known]
        ranking, timing = Ranking(()), None
        if places:
            with Stopwatch() as watch:
                ranking = _asked(reranker, query, [candidates[place] for place in places])
            timing = watch.timing
        whole = len(places) == len(candidates)
        remote = row["remote"] or bool(ranking.usage.requests or ranking.usage.calls)
        if not pointwise or ranking.degraded:
            hits = tuple(replace(hit, index=places[hit.index]) for hit in ranking)
        else:
            known |= {texts[places[hit.index]]: [hit.score, hit.logit, hit.why] for hit in ranking}
            self._store.put([(key, {"scores": known, "remote": remote})])
            scored = [(place, known[text]) for place, text in enumerate(texts) if text in known]
            hits = best_first(Hit(place, each[0], each[2], logit=each[1]) for place, each in scored)
        return {
            "order": [hit.index for hit in hits],
            "scores": [hit.score for hit in hits],
            "why": [hit.why for hit in hits],
            "timing": None if timing is None or not whole else asdict(timing),
            "usage": {name: count for name, count in asdict(ranking.usage).items() if count},
            "cost": (ranking.cost if whole else None) if remote else 0.0,
            "remote": remote,
            "problem": ranking.problem,
        }

    def timed(self, system: System, query_id: str, query: str, outcome: Outcome) -> Timing | None:
        """How long the reranking takes by itself, where its scores came from a run with more candidates.

        `None` where an API or a server would have to be asked again.
        """
        if outcome.timing is not None or outcome.remote or system.reranker is None:
            return outcome.timing
        texts = [text_key(each.text) for each in outcome.candidates]
        key = key_of("timed", _VERSION, self._data, key_of_reranker(system.name, system.reranker), query_id, texts)
        row = self._store.get(key)
        if row is None:
            with Stopwatch() as watch:
                system.reranker.rerank(query, documents_of(outcome.candidates))
            row = asdict(watch.timing)
            self._store.put([(key, row)])
        return Timing(**row)


def _key(system: System, reranker: Reranker, query: str, candidates: Sequence[Found]) -> str:
    """On what it depends what a system's reranker makes of candidates."""
    texts = [text_key(each.text) for each in candidates]
    metadata = [_plain(each.metadata) for each in candidates] if reranker.reads_metadata else []
    return key_of("ranked", _VERSION, key_of_reranker(system.name, reranker), query, texts, metadata)


def _asked(reranker: Reranker, query: str, candidates: Sequence[Found]) -> Ranking:
    """The ranking; where the reranker fails, one without hits that says why."""
    try:
        return reranker.rerank(query, documents_of(candidates))
    except ConfigurationError:
        raise
    except RerankError as error:
        return Ranking((), failure=f"{type(error).__name__}: {error}")


def documents_of(candidates: Sequence[Found]) -> list[Document]:
    """Candidates as a reranker gets them."""
    return [Document(each.text, each.metadata, each.score, each.id) for each in candidates]


def _plain(metadata: Mapping[str, Any]) -> Any:
    """Metadata that JSON can hold; `None` for other."""
    try:
        return json.loads(json.dumps(metadata))
    except (TypeError, ValueError):
        return None

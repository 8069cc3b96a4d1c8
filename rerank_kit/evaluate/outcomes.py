"""What systems made of queries: found, reranked, timed, and kept, so that nothing is asked for twice."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from rerank_kit.errors import ConfigurationError
from rerank_kit.evaluate.first_stages import FirstStage, Found
from rerank_kit.evaluate.known_scores import Asking, has_own_scores
from rerank_kit.evaluate.store import RunStore, key_of, row_of, text_key
from rerank_kit.evaluate.systems import System, key_of_reranker
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker
from rerank_kit.values import Document, Usage

_VERSION = 4  # of what is kept: raise it when its meaning changes


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took.

    Attributes:
        seconds: By the clock.
        waiting: Of these, those in which this process computed nothing: it waited, as for an API.
    """

    seconds: float
    waiting: float

    @property
    def busy(self) -> Timing:
        """The same time without waiting: what waits on this machine waits for this machine."""
        return Timing(self.seconds, 0.0)


_NO_TIME = Timing(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system made of one query.

    Attributes:
        candidates: What the first stage brought, in its order.
        order: Places among the candidates, best first.
        scores: Their scores, in that order.
        why: Their reasons.
        timing: How long the reranking took, or the first stage alone; `None` where that was not measured, because all
            scores were known, or because the reranker was asked for the first time, and had to load its model.
        usage: What it took, this time or when the scores were computed.
        cost: In US dollars; `None` where it is not known, as where scores came from a run with more candidates.
        remote: Whether an API or a server was asked, this time or when the scores were computed.
        problem: Why it is not what was asked for.
        price: What it cost to ask for what was not known yet, whenever that was; `None` where it is not known.
        paid: What of that was paid in this run.
        took: Seconds of the call that made it, a model's loading included.
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
    price: float | None = 0.0
    paid: float = 0.0
    took: float = 0.0

    @property
    def ids(self) -> list[str]:
        """The documents' ids, best first, each once."""
        return list(dict.fromkeys(self.candidates[place].id for place in self.order))


@dataclass(frozen=True, slots=True)
class Brought:
    """What a first stage brought for a query.

    Attributes:
        found: The candidates, best first.
        timing: How long it took.
        problem: Why there are none.
        cold: Whether it was the first call, which may load a model or connect, so that its time says little.
    """

    found: tuple[Found, ...]
    timing: Timing
    problem: str | None = None
    cold: bool = False


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
    """Asks first stages and rerankers, those of which the store does not know what they said.

    What first stages bring is not kept: whether a retriever is still the same cannot be told.

    Attributes:
        kept: Of systems whose rerankers have no fingerprint, the queries whose rankings are those of an earlier run.
    """

    def __init__(self, store: RunStore) -> None:
        """Begin, with what is kept there."""
        self._store = store
        self._brought: dict[tuple[int, str], Brought] = {}
        self._warm: set[int] = set()
        self._whole: set[int] = set()
        self._here: set[str] = set()
        self.kept: dict[str, set[str]] = {}
        self._keys: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def first(self, stage: FirstStage, query_id: str, query: str, depth: int) -> Brought:
        """What a first stage brings for a query, in this run asked once."""
        key = id(stage), query_id
        if key not in self._brought:
            found, problem = [], None
            with Stopwatch() as watch:
                try:
                    found = list(stage.find(query_id, query, depth))
                except (Exception, SystemExit) as error:  # noqa: BLE001 - retrievers raise whatever they like
                    problem = f"{type(error).__name__}: {error}"
            apart = tuple(self._apart(_plain(each), stage.name) for each in found)
            took = watch.timing.busy if stage.free else watch.timing
            self._brought[key] = Brought(apart, took, problem, cold=not self._was_asked(stage))
        return self._brought[key]

    def _was_asked(self, asked: object) -> bool:
        """Whether somebody was asked before, in this run; from now on it was."""
        before = id(asked) in self._warm
        self._warm.add(id(asked))
        return before

    def _apart(self, found: Found, stage: str) -> Found:
        """The candidate, under another id where its own is that of another text: chunks are often counted from 0."""
        name = found.id
        while self._texts.setdefault(name, found.shown) != found.shown:
            name = f"{name} of {stage}"
        return found if name == found.id else replace(found, id=name)

    def _known_by(self, system: System, reranker: Reranker) -> str:
        """What a reranker is known by: told before it is asked anything, which may change what is inside."""
        if system.name not in self._keys:
            self._keys[system.name] = key_of_reranker(system.name, reranker)
        return self._keys[system.name]

    def _key(self, system: System, reranker: Reranker, query: str, candidates: Sequence[Found]) -> str:
        """On what it depends what a system's reranker makes of candidates."""
        texts = [text_key(each.text) for each in candidates]
        read = [] if has_own_scores(reranker) else [[each.score, each.metadata] for each in candidates]
        return key_of("ranked", _VERSION, self._known_by(system, reranker), query, texts, read)

    def has(self, system: System, reranker: Reranker, query: str, candidates: Sequence[Found]) -> bool:
        """Whether it is known what a system's reranker makes of candidates."""
        return row_of(self._store.get(self._key(system, reranker, query, candidates)), _KEPT) is not None

    def reranked(self, system: System, query: str, brought: Brought, *, timing: bool = False) -> Outcome:
        """What a system's reranker makes of candidates; without one they stay as they are.

        Args:
            system: The system.
            query: The query.
            brought: The candidates.
            timing: Whether models of this machine are to compute what is known from other systems, to be timed.
        """
        reranker, candidates = system.reranker, brought.found[: system.recall]
        if reranker is None or not candidates:
            scores = tuple(0.0 if each.score is None else each.score for each in candidates)
            order, cost = tuple(range(len(candidates))), 0.0 if system.first_stage.free else None
            took = brought.timing if reranker is None else _NO_TIME
            why = (None,) * len(candidates)
            return Outcome(candidates, order, scores, why, took, cost=cost, problem=brought.problem)
        key = self._key(system, reranker, query, candidates)
        row = row_of(self._store.get(key), _KEPT)
        fresh = row is None
        if row is not None and key not in self._here and reranker.fingerprint is None:
            self.kept.setdefault(system.name, set()).add(query)
        self._here.add(key)
        if row is None:
            row = self._made(reranker, query, candidates, timing=timing)
            if row["problem"] is None:  # what went wrong is tried again by the next run
                self._store.put([(key, row)])
        usage = Usage(**{name: row["usage"].get(name, 0) for name in (each.name for each in fields(Usage))})
        timed = None if row["timing"] is None else Timing(**row["timing"])
        return Outcome(
            candidates,
            tuple(row["order"]),
            tuple(row["scores"]),
            tuple(row["why"]),
            timed,
            usage,
            row["cost"],
            remote=row["remote"],
            problem=row["problem"],
            price=row["price"],
            paid=(row["price"] or 0.0) if fresh else 0.0,
            took=row["took"],
        )

    def _made(self, reranker: Reranker, query: str, candidates: Sequence[Found], *, timing: bool) -> dict[str, Any]:
        """Ask the reranker for what is not known."""
        asking = Asking(reranker, self._store, timing=timing)
        with Stopwatch() as watch:
            ranking = self._by_parts(asking, reranker, query, candidates)
        price = _price(ranking.cost)
        remote = asking.spared_money or price != 0.0
        measured = not asking.spared and self._was_asked(reranker)
        return {
            "order": [hit.index for hit in ranking],
            "scores": [hit.score for hit in ranking],
            "why": [hit.why for hit in ranking],
            "timing": asdict(watch.timing if remote else watch.timing.busy) if measured else None,
            "usage": {name: count for name, count in asdict(ranking.usage).items() if count},
            "took": watch.timing.seconds,
            "cost": None if asking.spared_money else price,
            "remote": remote,
            "problem": ranking.problem,
            "price": price,
        }

    def _by_parts(self, asking: Asking, reranker: Reranker, query: str, candidates: Sequence[Found]) -> Ranking:
        """The ranking by what asks only for what is not known, unless the reranker leaves documents out."""
        if id(reranker) not in self._whole:
            try:
                return asking.reranker.rerank(query, documents_of(candidates))
            except ConfigurationError:  # scores of what is left out cannot be kept
                self._whole.add(id(reranker))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - functions of users raise whatever they like
                return _failed(error)
        return _asked(reranker, query, candidates)

    def timed(self, system: System, query: str, outcome: Outcome) -> Timing | None:
        """How long the reranking takes by itself, where that was not measured while it was asked for its scores.

        `None` where an API or a server would have to be asked again, or it fails.
        """
        if outcome.timing is not None or outcome.remote or system.reranker is None:
            return outcome.timing
        texts = [text_key(each.text) for each in outcome.candidates]
        key = key_of("timed", _VERSION, self._known_by(system, system.reranker), query, texts)
        row = row_of(self._store.get(key), asdict(_NO_TIME))
        if row is None:
            if not self._was_asked(system.reranker):
                _asked(system.reranker, query, outcome.candidates)
            with Stopwatch() as watch:
                ranking = _asked(system.reranker, query, outcome.candidates)
            took = [watch.timing.busy] if ranking.failure is None else []
            self._store.put((key, asdict(each)) for each in took)
            return next(iter(took), None)
        return Timing(row["seconds"], row["waiting"])


_KEPT = frozenset({"order", "scores", "why", "timing", "took", "usage", "cost", "remote", "problem", "price"})


def _price(cost: float | None) -> float | None:
    """A price, where it is one."""
    return cost if cost is not None and math.isfinite(cost) and cost >= 0 else None


def _plain(found: Found) -> Found:
    """The candidate without a score that is none."""
    return replace(found, score=None) if found.score is not None and not math.isfinite(found.score) else found


def _asked(reranker: Reranker, query: str, candidates: Sequence[Found]) -> Ranking:
    """The ranking; where the reranker fails, one without hits that says why."""
    try:
        return reranker.rerank(query, documents_of(candidates))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - functions of users raise whatever they like
        return _failed(error)


def _failed(error: BaseException) -> Ranking:
    return Ranking((), failure=f"{type(error).__name__}: {error}")


def said_of_failures(system: str, problems: Sequence[str], of: int) -> str:
    """That some of a system's rankings are not what was asked for, in a sentence."""
    return f"{system}: {len(problems)} of {of} rankings are not what was asked for, such as: {problems[0]}"


def documents_of(candidates: Sequence[Found]) -> list[Document]:
    """Candidates as a reranker gets them."""
    return [Document(each.text, dict(each.metadata), each.score, each.id) for each in candidates]

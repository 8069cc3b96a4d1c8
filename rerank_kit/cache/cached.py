"""`Cached`: each score is computed once, then read from a store, in memory or in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.cache.checked_store import CheckedStore
from rerank_kit.cache.store import Kept, Key, MemoryStore, Store
from rerank_kit.errors import ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking, best_first, likeliest
from rerank_kit.reranker import Reranker, RerankRequest
from rerank_kit.settled import Settled
from rerank_kit.values import UNJUDGED, Deadline, Document, Hit, Usage
from rerank_kit.wrong_kind import check_reranker


class Cached(Settled, Reranker):
    """Ranks exactly as the reranker inside does, which is asked only for scores that are not in the store.

        sound = (new for part, new in zip(parts, fresh, strict=True) if not (part.degraded or part.usage.unread))
        worth = {key: kept for key, kept in chain.from_iterable(sound) if kept.verdict != UNJUDGED}

    Attributes:
        reranker: The reranker inside.
    """

    @named
    def __init__(self, reranker: Reranker, store: Store | None = None, *, fingerprint: str | None = None) -> None:
        """Put a cache before a reranker.

        Args:
            reranker: A pointwise reranker that scores every document it is given.
            store: Where to keep scores: `SQLiteStore(path)` for a file; `None` is a `MemoryStore` of its own.
            fingerprint: Vouches for a reranker without a fingerprint of its own that its scores depend on this
                string, query and text alone. Change it whenever the model or a setting changes.

        Raises:
            ConfigurationError: The reranker's scores cannot be kept, or `store` is none.
        """
        check_reranker("reranker", reranker, Reranker)
        name = type(reranker).__name__
        if not reranker.pointwise:
            msg = (
                f"reranker={name}: its scores depend on the other documents, so they cannot be kept for one document: "
                "cache a pointwise reranker, such as a cross-encoder"
            )
            raise ConfigurationError(msg)
        known = reranker.fingerprint if fingerprint is None else fingerprint
        if not isinstance(known, str) or not known.strip():
            msg = (
                f"fingerprint={quoted(fingerprint)}: {name} does not say what its scores depend on, such as on what "
                "shares a batch, or leaves documents out, such as by min_answerable=; if they depend on query and text "
                "alone, and all documents come out, pass a fingerprint= that names the model and its settings"
            )
            raise ConfigurationError(msg)
        self.reranker = reranker
        self._checked = CheckedStore(MemoryStore() if store is None else store)
        self.model = reranker.model
        self._fingerprint = known
        self._settle(Cached)

    @property
    def store(self) -> Store:
        """Where the scores are. It belongs to the caller, who closes it if it can be closed."""
        return self._checked.store

    @property
    def fingerprint(self) -> str:
        """The fingerprint under which the scores are kept."""
        return self._fingerprint

    @property
    def calibrated_threshold(self) -> float | None:
        """That of the reranker inside."""
        return self.reranker.calibrated_threshold

    def cost(self, usage: Usage) -> float:
        """Nothing, when every score was in the store: only then is it asked."""
        return 0.0

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: all that is not in the store goes to the reranker inside in one call."""
        wanted = [[(self._fingerprint, query, each.text) for each in documents] for query, documents in requests]
        distinct = list(dict.fromkeys(chain.from_iterable(wanted)))
        found = yield from self._checked.get(distinct, deadline)
        stored: Mapping[Key, Kept] = {} if found is None else found
        missing = _missing(requests, wanted, stored)
        asked = [(query, list(new.values())) for (query, _), new in zip(requests, missing, strict=True) if new]
        answers = iter((yield from self.reranker.reranking(asked, deadline=deadline)))
        parts = [next(answers) if new else Ranking(()) for new in missing]
        fresh = [self._kept(answer, list(new)) for answer, new in zip(parts, missing, strict=True)]
        sound = (new for part, new in zip(parts, fresh, strict=True) if not (part.degraded or part.usage.unread))
        worth = {key: kept for key, kept in chain.from_iterable(sound) if kept.verdict != UNJUDGED}
        if worth and found is not None:  # a store that has just failed is not waited for once more
            yield from self._checked.put(worth, deadline)
        known = {**stored, **dict(chain.from_iterable(fresh))}
        return [
            _ranking(keys, known, sum(key in stored for key in keys), answer)
            for keys, answer in zip(wanted, parts, strict=True)
        ]

    def _kept(self, answer: Ranking, keys: Sequence[Key]) -> list[tuple[Key, Kept]]:
        """What the answer says of each document it was asked for."""
        if len(answer) != len(keys):
            left_out = "".join(f" ({why})" for why in dict.fromkeys(each.why for each in answer.dropped[:1]))
            msg = (
                f"reranker={type(self.reranker).__name__} returned {len(answer)} of {len(keys)} documents{left_out}, "
                "and what is left out has no score to keep: cache a reranker that scores every document, and filter "
                "after it"
            )
            raise ConfigurationError(msg)
        return [(keys[hit.index], _of_hit(hit, answer)) for hit in answer]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made of copies of reranker and store."""
        return partial(type(self), fingerprint=self._fingerprint), (self.reranker, self.store), {"hooks": self.hooks}

    @whole
    def __repr__(self) -> str:
        """Say what is cached where."""
        return f"Cached({self.reranker!r}, {self.store!r})"


def _missing(
    requests: Sequence[RerankRequest], wanted: Sequence[Sequence[Key]], stored: Mapping[Key, Kept]
) -> list[dict[Key, Document]]:
    """The documents to score for each request: each distinct pair once, for the first request that has it."""
    seen = set(stored)
    missing: list[dict[Key, Document]] = []
    for (_, documents), keys in zip(requests, wanted, strict=True):
        new = {key: document for key, document in zip(keys, documents, strict=True) if key not in seen}
        seen |= new.keys()
        missing.append(new)
    return missing


def _ranking(keys: Sequence[Key], known: Mapping[Key, Kept], cached: int, answer: Ranking) -> Ranking:
    """The ranking of one request; its usage and spans are those of `answer`, which scored what was missing."""
    kept = (known[key] for key in keys)
    hits = [_hit(place, each) for place, each in enumerate(kept)]
    usage = answer.usage + Usage(cached=cached, duplicates=len(keys) - cached - len(answer))
    failure = None if cached else answer.failure
    answerable = likeliest(known[key].answerable for key in keys)
    return Ranking(best_first(hits), usage, answer.spans, failure, answerable=answerable)


def _of_hit(hit: Hit, answer: Ranking) -> Kept:
    """What is kept of a hit: how likely it answers is its score, where that of the best is how likely any does."""
    best = max((each.score for each in answer if each.verdict != UNJUDGED), default=None)
    told = answer.answerable is not None and answer.answerable == best and hit.verdict != UNJUDGED
    answerable = hit.score if told else None
    probabilities = None if hit.probabilities is None else dict(hit.probabilities)
    return Kept(hit.score, hit.why, hit.passage, hit.logit, hit.verdict, probabilities, answerable)


def _hit(place: int, kept: Kept) -> Hit:
    return Hit(place, kept.score, kept.why, kept.passage, kept.verdict, kept.logit, kept.probabilities)

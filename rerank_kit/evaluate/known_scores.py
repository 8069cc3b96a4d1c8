"""Scores that are known already: of a reranker with more candidates, in a stage of a cascade, or in another run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rerank_kit.cache import Cached
from rerank_kit.cache.store import Kept, Key
from rerank_kit.combine.calibrated import Calibrated
from rerank_kit.combine.cascade import Cascade
from rerank_kit.evaluate.store import RunStore, key_of
from rerank_kit.local.cross_encoder import CrossEncoder
from rerank_kit.reranker import Reranker

_VERSION = 1  # of what is kept: raise it when its meaning changes


def has_own_scores(reranker: Reranker) -> bool:
    """Whether each document has a score that depends on query and text alone."""
    read = reranker.reads_text and not reranker.reads_metadata
    return reranker.pointwise and read and reranker.fingerprint is not None


class KnownScores:
    """The scores in the file of an evaluation, as a cache's store.

    Attributes:
        found: Whether it had any that was asked for.
    """

    waits = False

    def __init__(self, store: RunStore, *, forgets: bool = False) -> None:
        """Begin.

        Args:
            store: Where they are.
            forgets: Whether it says that it has none, so that all is computed, and kept.
        """
        self._store = store
        self._forgets = forgets
        self.found = False

    def get(self, keys: Sequence[Key], /) -> Mapping[Key, Kept]:
        """Look them up."""
        if self._forgets:
            return {}
        rows = self._store.get_many({key_of("score", _VERSION, *key): key for key in keys})
        self.found = self.found or bool(rows)
        return {key: _kept(row) for key, row in rows.items()}

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep them."""
        self._store.put((key_of("score", _VERSION, *key), list(kept)) for key, kept in entries.items())


def _kept(row: Any) -> Kept:
    score, why, passage, *others = row
    return Kept(score, why, None if passage is None else tuple(passage), *others)


class Asking:
    """A reranker in whose place one is asked that knows scores already.

    Attributes:
        reranker: What to ask. It ranks as the reranker itself does.
    """

    def __init__(self, reranker: Reranker, store: RunStore, *, timing: bool) -> None:
        """Put it in its place.

        Args:
            reranker: The reranker.
            store: Where scores are.
            timing: Whether cross-encoders on this machine are to compute all the same, so that their time can be told.
        """
        self._paid = KnownScores(store)
        self._free = KnownScores(store, forgets=timing)
        self.reranker = self._standing_in(reranker)

    @property
    def spared(self) -> bool:
        """Whether scores were known, so that the time that it took says nothing."""
        return self._paid.found or self._free.found

    @property
    def spared_money(self) -> bool:
        """Whether some of them were of others than cross-encoders on this machine."""
        return self._paid.found

    def _standing_in(self, reranker: Reranker) -> Reranker:
        if type(reranker) is Cascade and not _is_limited(reranker):
            stages = [
                replace(each, reranker=self._standing_in(each.reranker), name=each.label) for each in reranker.stages
            ]
            standing_in = Cascade(*stages, keep_rest=reranker.keep_rest)
            standing_in.hooks = reranker.hooks
            return standing_in
        if has_own_scores(reranker):
            return Cached(reranker, self._free if _is_free(reranker) else self._paid)
        return reranker


def _is_free(reranker: object) -> bool:
    """Whether a model of this machine gives the scores, or a wrapper around one."""
    if isinstance(reranker, Cached | Calibrated):
        return _is_free(reranker.reranker)
    return isinstance(reranker, CrossEncoder) and type(reranker).cost is CrossEncoder.cost


def _is_limited(cascade: Cascade) -> bool:
    """Whether it depends on time or money what comes out."""
    limits = [cascade.budget.seconds, cascade.budget.money]
    limits += [limit for stage in cascade.stages for limit in (stage.timeout, stage.money)]
    return any(each is not None for each in limits)

"""A score is computed once; then it comes from the store, and the ranking is the same."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import (
    Cached,
    ConfigurationError,
    Deadline,
    Document,
    Hit,
    MemoryStore,
    Ranking,
    Reranker,
    Span,
    SQLiteStore,
    Store,
    Usage,
)
from rerank_kit.cache.store import Kept, Key
from rerank_kit.flow import Flow, run
from rerank_kit.local import OnnxCrossEncoder
from tests.conftest import Colour
from tests.doubles import Answering, Scripted

TEXTS = ["grape 0.25", "fig 0.5", "apple 0.75"]


class Known(Scripted):
    """Vouches for its scores."""

    @property
    def fingerprint(self) -> str:
        return "known"


@dataclass
class Explaining(Reranker):
    """Gives reasons and passages."""

    fingerprint: Any = "explaining"  # pyright: ignore[reportIncompatibleMethodOverride]

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        yield from ()
        hits = [Hit(place, 1.0 - place / 10, each.text.upper(), (0, place + 1)) for place, each in enumerate(documents)]
        return Ranking(tuple(hits))


def sent(reranker: Scripted) -> list[tuple[str, list[str]]]:
    return [(query, [each.text for each in documents]) for query, documents in reranker.sent]


def test_a_repeated_query_is_answered_from_the_store(store: Store, colour: Colour) -> None:
    inner = Known()
    cached = Cached(inner, store)
    first = colour(cached, "rerank", "query", TEXTS)
    again = colour(cached, "rerank", "query", TEXTS)
    assert first.hits == again.hits == inner.rerank("query", TEXTS).hits
    assert (first.usage, again.usage) == (Usage(pairs=3), Usage(cached=3))
    assert len(inner.sent) == 2  # one of them our own


def test_only_what_is_new_is_scored(store: Store, colour: Colour) -> None:
    inner = Known()
    cached = Cached(inner, store)
    colour(cached, "rerank", "query", TEXTS[:2])
    ranking = colour(cached, "rerank", "query", [TEXTS[2], TEXTS[0], "date 0.1", TEXTS[1], "date 0.1"], top_n=4)
    assert [hit.index for hit in ranking] == [0, 3, 1, 2]
    assert ranking.usage == Usage(pairs=2, cached=2, duplicates=1)
    assert sent(inner)[1:] == [("query", [TEXTS[2], "date 0.1"])]


def test_another_query_or_reranker_has_scores_of_its_own(store: Store) -> None:
    inner, other = Known(), Scripted(score=lambda text: 1 - float(text.split()[-1]))
    Cached(inner, store).rerank("query", TEXTS)
    assert Cached(inner, store).rerank("another", TEXTS).usage == Usage(pairs=3)
    ranking = Cached(other, store, fingerprint="other").rerank("query", TEXTS)
    assert [hit.index for hit in ranking] == [0, 1, 2]
    assert ranking.usage == Usage(pairs=3)


def test_queries_together_reach_the_reranker_in_one_call_and_each_pair_once(store: Store, colour: Colour) -> None:
    inner = Known()
    cached = Cached(inner, store)
    colour(cached, "rerank", "b", TEXTS[:1])
    queries, documents = ["a", "b", "a"], [TEXTS[:2], TEXTS[:1], TEXTS]
    rankings = colour(cached, "rerank_many", queries, documents)
    assert [each.hits for each in rankings] == [
        inner.rerank(query, texts).hits for query, texts in zip(queries, documents, strict=True)
    ]
    assert sent(inner)[1:3] == [("a", TEXTS[:2]), ("a", TEXTS[2:])]
    assert [each.usage for each in rankings] == [Usage(pairs=2), Usage(cached=1), Usage(pairs=1, duplicates=2)]


def test_reasons_and_passages_are_kept_too(store: Store, colour: Colour) -> None:
    cached = Cached(Explaining(), store)
    first = colour(cached, "rerank", "query", TEXTS)
    assert colour(cached, "rerank", "query", TEXTS).hits == first.hits
    assert first.hits[1] == Hit(1, 0.9, "FIG 0.5", (0, 2))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8), st.data())
def test_a_cached_ranking_is_the_plain_one_to_the_last_bit(numbers: list[float], data: st.DataObject) -> None:
    texts = [f"{place} {number!r}" for place, number in enumerate(numbers)]
    known = data.draw(st.sets(st.sampled_from(texts))) if texts else set[str]()
    inner = Known()
    plain = inner.rerank("query", texts)
    with TemporaryDirectory() as folder, SQLiteStore(Path(folder, "scores")) as on_disk:
        for store in (MemoryStore(), on_disk):
            cached = Cached(inner, store)
            cached.rerank("query", sorted(known))
            for _ in range(2):
                assert [(hit.index, repr(hit.score)) for hit in cached.rerank("query", texts)] == [
                    (hit.index, repr(hit.score)) for hit in plain
                ]


def test_the_embedded_model_is_cached_exactly(store: Store, embedded: OnnxCrossEncoder, colour: Colour) -> None:
    texts = ["The GST threshold is 75,000 dollars.", "Cats sleep.", "GST began in 2000.", "The GST threshold"]
    plain = embedded.rerank("GST threshold", texts)
    cached = Cached(embedded, store)
    colour(cached, "rerank", "GST threshold", texts[2:])
    for _ in range(2):
        assert colour(cached, "rerank", "GST threshold", texts).hits == plain.hits
    assert cached.model == embedded.model
    assert Cached(OnnxCrossEncoder(max_length=128), store).rerank("GST threshold", texts).usage.cached == 0


def test_it_can_be_asked_for_one_query_by_a_combinator(store: Store) -> None:
    ranking = run(Cached(Known(), store).flow("query", [Document(text) for text in TEXTS], Deadline()))
    assert [hit.index for hit in ranking] == [2, 1, 0]


# ── What cannot be kept ──


def test_a_list_wise_reranker_is_refused() -> None:
    inner = Known()
    inner.pointwise = False
    with pytest.raises(ConfigurationError, match="Known: its scores depend on the other documents"):
        Cached(inner, fingerprint="mine")


@pytest.mark.parametrize("fingerprint", [None, "", " "])
def test_an_engine_whose_scores_may_depend_on_the_batch_is_refused_unless_told_otherwise(fingerprint: Any) -> None:
    with pytest.raises(ConfigurationError, match="Scripted does not say what its scores depend on"):
        Cached(Scripted(), fingerprint=fingerprint)
    assert Cached(Scripted(), fingerprint="mine").fingerprint == "mine"


def test_onnx_batches_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="shares a batch"):
        Cached(OnnxCrossEncoder(batch_size=2))


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pass SQLiteStore\(path\)"):
        Cached(Known(), tmp_path)  # type: ignore[arg-type]


def test_a_reranker_that_leaves_documents_out_is_refused_at_the_first_ranking(store: Store, colour: Colour) -> None:
    cached = Cached(Answering(Ranking((Hit(0, 1.0),))), store, fingerprint="filter")
    with pytest.raises(ConfigurationError, match="Answering returned 1 of 3 documents"):
        colour(cached, "rerank", "query", TEXTS)


def test_what_was_not_read_for_its_script_is_told_each_time(store: Store, colour: Colour) -> None:
    reranker = Cached(Answering(Ranking.by_score([0.1, 0.2, 0.3], Usage(pairs=3, unread=2))), store, fingerprint="x")
    for _ in range(2):
        assert colour(reranker, "rerank", "query", TEXTS).usage == Usage(pairs=3, unread=2)


def test_a_degraded_ranking_is_passed_on_and_not_kept(store: Store, colour: Colour) -> None:
    span = Span("Answering", None, 3, 3, 0.1, outcome="degraded", problem="half of it was down")
    whole = Ranking(tuple(Hit(place, 1.0 - place / 4) for place in range(3)), spans=(span,))
    inner = Answering(whole)
    cached = Cached(inner, store, fingerprint="answering")
    for _ in range(2):
        ranking = colour(cached, "rerank", "query", TEXTS)
        assert (ranking.degraded, ranking.usage.cached, ranking.hits) == (True, 0, whole.hits)
    inner.answer = replace(whole, spans=())
    colour(cached, "rerank", "query", TEXTS)
    assert colour(cached, "rerank", "query", TEXTS).usage.cached == 3


# ── A store of a user's own ──


@dataclass
class Broken:
    """A store that fails."""

    waits: bool
    failing: str
    entries: dict[Key, Kept] = field(default_factory=dict[Key, Kept])

    def get(self, keys: Sequence[Key], /) -> Mapping[Key, Kept]:
        if self.failing == "get":
            raise OSError(self.failing)
        return {key: self.entries[key] for key in keys if key in self.entries}

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        if self.failing == "put":
            raise OSError(self.failing)
        self.entries.update(entries)


@pytest.mark.parametrize("failing", ["get", "put"])
@pytest.mark.parametrize("waits", [False, True])
def test_a_store_that_fails_is_logged_once_and_does_not_cost_the_ranking(
    waits: bool, failing: str, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    cached = Cached(Known(), Broken(waits, failing))
    for _ in range(3):
        ranking = colour(cached, "rerank", "query", TEXTS)
        assert [hit.index for hit in ranking] == [2, 1, 0]
        assert ranking.usage == Usage(pairs=3)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("rerank_kit", logging.WARNING)
    assert f"failed, rankings go on without it: {failing}" in record.getMessage()


def test_a_store_that_waits_is_asked_outside_of_the_event_loop() -> None:
    class Watched(Broken):
        def get(self, keys: Sequence[Key], /) -> Mapping[Key, Kept]:
            threads.append(threading.get_ident())
            return super().get(keys)

    threads: list[int] = []
    asyncio.run(Cached(Known(), Watched(waits=True, failing="")).arerank("query", TEXTS))
    Cached(Known(), Watched(waits=True, failing="")).rerank("query", TEXTS)
    assert threads[0] != threading.get_ident()
    assert threads[1] == threading.get_ident()


# ── The store in memory ──


def keys(*names: str) -> dict[Key, Kept]:
    return {("fingerprint", "query", name): Kept(float(place)) for place, name in enumerate(names)}


def test_what_was_unused_for_longest_is_forgotten_first() -> None:
    store = MemoryStore(3)
    store.put(keys("a", "b", "c"))
    store.get([*keys("a")])
    store.put(keys("d"))
    assert [text for _, _, text in store.get([*keys("a", "b", "c", "d")])] == ["a", "c", "d"]
    assert len(store) == 3


def test_without_a_bound_nothing_is_forgotten() -> None:
    store = MemoryStore(None)
    store.put(keys(*map(str, range(1000))))
    assert len(store) == 1000


@pytest.mark.parametrize("most", [0, -1, 1.5])
def test_a_bound_is_at_least_one(most: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_entries"):
        MemoryStore(most)


def test_threads_share_a_store(store: Store) -> None:
    cached = Cached(Known(), store)
    texts = [f"text {number / 100}" for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        rankings = list(pool.map(lambda start: cached.rerank("query", texts[start:]), range(64)))
    assert [len(each) for each in rankings] == [100 - start for start in range(64)]
    assert cached.rerank("query", texts).usage == Usage(cached=100)


# ── Copies and names ──


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_a_cached_reranker_can_be_copied_and_pickled(travel: Any, tmp_path: Path, embedded: OnnxCrossEncoder) -> None:
    for store, kept in ((MemoryStore(5), 0), (SQLiteStore(tmp_path / "scores"), 2)):
        cached = Cached(embedded, store)
        cached.hooks = [print]
        cached.rerank("query", ["one", "two"])
        other = travel(cached)
        assert (repr(other), other.fingerprint, other.hooks) == (repr(cached), cached.fingerprint, [print])
        assert other.rerank("query", ["one", "two"]).usage.cached == kept


def test_it_says_what_is_cached_where() -> None:
    cached = Cached(Known(), MemoryStore(7))
    assert repr(cached) == f"Cached({cached.reranker!r}, MemoryStore(max_entries=7))"
    assert repr(Cached(Known()).store) == "MemoryStore(max_entries=100000)"

"""A store of a user's own can fail and give whatever it likes: what is no score is computed."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import Cached, ConfigurationError, Deadline, MemoryStore
from rerank_kit.cache.store import Kept, Key, LockOfProcess
from rerank_kit.errors import ShuttingDown
from tests.cache.test_cached import TEXTS, Known
from tests.conftest import Colour

PLAIN = Known().rerank("query", TEXTS).hits


class Giving:
    """Gives what a test says, for each key or at all."""

    def __init__(self, value: object = None, *, waits: bool = False, answer: object = None) -> None:
        self.waits = waits
        self.value = value
        self.answer = answer
        self.kept: dict[Key, Kept] = {}

    def get(self, keys: Sequence[Key], /) -> Any:
        return dict.fromkeys(keys, self.value) if self.answer is None else self.answer

    def put(self, entries: Mapping[Key, Kept], /) -> None:
        self.kept.update(entries)


class Hostile:
    """Raises whatever is done to it."""

    def __repr__(self) -> Any:
        raise RuntimeError

    __len__ = __iter__ = __float__ = __bool__ = __hash__ = __repr__


class HostileMapping(Mapping[Any, Any]):
    def __getitem__(self, key: object) -> object:
        raise OSError(key)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Any:
        raise OSError

    def __len__(self) -> int:
        return 3


NO_SCORES: list[Any] = [
    None,
    0.5,
    True,
    "0.5",
    b"0.5",
    {},
    {"score": 0.5},
    (),
    (None,),
    ("0.5",),
    (True,),
    (np.True_,),
    (float("nan"),),
    (float("inf"),),
    (10**400,),
    (1j,),
    (Decimal(1),),
    ([0.5],),
    (0.5, 3),
    (0.5, b"why"),
    (0.5, None, 3),
    (0.5, None, (1,)),
    (0.5, None, (0, 1, 2)),
    (0.5, None, ("0", "1")),
    (0.5, None, (0.0, 1.0)),
    (0.5, None, (True, True)),
    (0.5, None, (-1, 1)),
    (0.5, None, (2, 1)),
    (0.5, None, (0, 1000)),
    (0.5, None, None, None, 3),
    (0.5, None, None, None, "yes", 0.5),
    (0.5, None, None, None, "yes", [["yes", 0.5]]),
    (0.5, None, None, None, "yes", {1: 0.5}),
    (0.5, None, None, None, "yes", {"yes": "0.5"}),
    (0.5, None, None, None, "yes", {"yes": float("nan")}),
    (0.5, None, None, None, None, None, "0.5"),
    (0.5, None, None, None, None, None, None, None),
    (0.5, None, None, "1.0"),
    (0.5, None, None, True),
    (0.5, None, None, float("nan")),
    (0.5, None, None, 10**400),
    Hostile(),
    (Hostile(),),
    (0.5, None, Hostile()),
]


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_no_score_is_a_miss_and_said_once(
    waits: bool, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    for value in NO_SCORES:
        caplog.clear()
        store = Giving(value, waits=waits)
        cached = Cached(Known(), store)
        for _ in range(2):
            ranking = colour(cached, "rerank", "query", TEXTS)
            assert (type(value), ranking.hits, ranking.usage.cached) == (type(value), PLAIN, 0)
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("rerank_kit", logging.WARNING)
        assert "gave what is no score, rankings go on without it" in record.getMessage()
        assert len(store.kept) == 3


@pytest.mark.parametrize(
    "answer",
    [[], [0.5, 0.5, 0.5], "scores", 3, iter(()), HostileMapping()],
    ids=["list", "scores", "text", "number", "iterator", "hostile"],
)
def test_what_is_no_mapping_is_a_miss(answer: object, colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    ranking = colour(Cached(Known(), Giving(answer=answer)), "rerank", "query", TEXTS)
    assert (ranking.hits, ranking.usage.cached) == (PLAIN, 0)
    assert len(caplog.records) == 1


def test_one_bad_score_costs_none_of_the_others(colour: Colour) -> None:
    inner = Known()
    cached = Cached(inner, Giving())
    cached.rerank("query", TEXTS)
    store = Giving(answer={("known", "query", text): (9.0,) for text in TEXTS} | {("known", "query", TEXTS[0]): "no"})
    ranking = colour(Cached(inner, store), "rerank", "query", TEXTS)
    assert (ranking.usage.cached, [hit.score for hit in ranking]) == (2, [9.0, 9.0, 0.25])


def test_keys_that_nobody_asked_for_are_left_alone(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    answer = {("known", "query", TEXTS[1]): Kept(0.5), ("other", "query", TEXTS[0]): "?", 3: None}
    ranking = colour(Cached(Known(), Giving(answer=answer)), "rerank", "query", TEXTS)
    assert (ranking.hits, ranking.usage.cached) == (PLAIN, 1)
    assert caplog.records == []


@pytest.mark.parametrize(
    "value", [Kept(0.5), (0.5,), [0.5, None, None], (np.float32(0.5), "why"), [1, "why", [0, 3], 2]]
)
def test_what_went_through_json_or_numpy_is_a_score(value: Any, colour: Colour) -> None:
    ranking = colour(Cached(Known(), Giving(value)), "rerank", "query", TEXTS)
    assert ranking.usage.cached == 3
    assert {type(hit.score) for hit in ranking} == {float}
    assert {type(hit.passage) for hit in ranking} <= {tuple, type(None)}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=6))
def test_no_value_costs_a_ranking(value: Any) -> None:
    ranking = Cached(Known(), Giving(value)).rerank("query", TEXTS)
    assert ranking.usage.cached == 3 or ranking.hits == PLAIN


# ── What is no store ──


class Async:
    waits = True

    async def get(self, keys: Sequence[Key], /) -> dict[Key, Kept]:
        return {}

    async def put(self, entries: Mapping[Key, Kept], /) -> None:
        """Keep nothing."""


class Attributes:
    waits, get, put = True, None, "put"


@pytest.mark.parametrize("store", [MemoryStore, object(), {}, "scores.sqlite", Attributes()])
def test_what_cannot_be_asked_is_refused(store: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must have get, put and waits"):
        Cached(Known(), store)


def test_a_store_of_async_methods_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ConfigurationError, match="store=Async has async methods: write get and put as plain functions"):
        Cached(Known(), Async())  # type: ignore[arg-type]


# ── Time ──


class Hurrying(MemoryStore):
    """Wants to know until when."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: list[Deadline] = []

    def get(self, keys: Sequence[Key], /, *, deadline: Deadline | None = None) -> dict[Key, Kept]:
        assert deadline is not None
        self.deadlines.append(deadline)
        return super().get(keys)

    def put(self, entries: Mapping[Key, Kept], /, *, deadline: Deadline | None = None) -> None:
        assert deadline is not None
        self.deadlines.append(deadline)
        super().put(entries)


@pytest.mark.parametrize("waits", [False, True])
def test_a_store_that_asks_for_it_is_told_the_deadline(waits: bool, colour: Colour) -> None:
    store = Hurrying()
    store.waits = waits
    colour(Cached(Known(), store), "rerank", "query", TEXTS, timeout=3600)
    assert [3500 < (each.remaining() or 0) <= 3600 for each in store.deadlines] == [True, True]


def test_a_store_that_has_failed_is_not_asked_again_in_the_same_ranking(colour: Colour) -> None:
    class Down(Giving):
        def get(self, keys: Sequence[Key], /) -> Any:
            raise ConnectionError

    store = Down()
    assert colour(Cached(Known(), store), "rerank", "query", TEXTS).hits == PLAIN
    assert store.kept == {}


def test_a_store_written_in_c_is_asked_without_a_deadline(colour: Colour) -> None:
    class Native:
        __signature__ = "none"

        def __call__(self, keys: Any) -> Any:
            return {}

    store: Any = Giving()
    store.get = Native()
    assert colour(Cached(Known(), store), "rerank", "query", TEXTS).hits == PLAIN


def test_a_process_has_a_lock_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = LockOfProcess()
    here = lock()
    assert lock() is here
    own = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: own + 1)
    assert lock() is not here


class Ending(Giving):
    """Is asked in a thread that Python is about to cut off."""

    def get(self, keys: Sequence[Key], /) -> Any:
        raise ShuttingDown("Python is shutting down", backend="test")


@pytest.mark.parametrize("waits", [False, True])
def test_a_thread_that_python_is_about_to_cut_off_hears_of_it_and_writes_nothing(
    waits: bool, colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ShuttingDown):
        colour(Cached(Known(), Ending(waits=waits)), "rerank", "query", TEXTS)
    assert caplog.text == ""

"""A vector store and BM25 hold the same chunks, whatever happens in between."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, Deadline
from rerank_kit.contextual import (
    ChunkedDocument,
    Context,
    Contexts,
    ContextSource,
    Contextualizer,
    HeadingContext,
    hybrid_index,
)
from rerank_kit.contextual.bookkeeping import Chunk, Given
from rerank_kit.contextual.hybrid_index import Hybrid, check_ids, check_weights, load_hybrid
from rerank_kit.contextual.sources import fingerprint_of
from rerank_kit.flow import Flow, arun, run, sleep
from rerank_kit.judge import OpenAICompatible
from tests.contextual.indexes import Store, Titled, given

BOTH = (0.8, 0.2)


def add(index: Hybrid, *documents: Given) -> None:
    run(index.adding(documents, Deadline()))


def found(index: Hybrid, query: str, limit: int = 10, weights: tuple[float, float] = BOTH) -> list[str]:
    return [chunk.item["text"] for chunk, _ in run(index.searching(query, limit, weights))]


def searched(index: Hybrid) -> list[str]:
    """The texts that can be found, by BM25."""
    return sorted(chunk.text for chunk in index._searched.chunks.values())


def in_step(index: Hybrid, store: Store) -> bool:
    """Whether both indexes hold the same, and all of it is surely there."""
    books = index._books
    return searched(index) == sorted(store.texts.values()) and not books.doubtful and not books.unfinished


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chunks are embedded at a time."""
    monkeypatch.setattr(hybrid_index, "_AT_ONCE", 2)


# ── What is found ──


def test_chunks_are_found_by_their_contexts_in_both_indexes() -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "The limit is 75,000.", title="GST"), given("b", "The limit is 120.", title="speed"))
    assert found(index, "GST limit")[0] == "The limit is 75,000."
    for weights in ((1.0, 0.0), (0.0, 1.0)):
        assert found(index, "speed", weights=weights) == ["The limit is 120."]
    assert index.ids == ["a", "b"]


def test_places_are_fused_with_their_weights() -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "cat", "dog", title=""))
    ((_, score),) = run(index.searching("cat", 10, (3.0, 1.0)))
    assert score == pytest.approx(4.0)
    assert len(run(index.searching("cat dog", 1, BOTH))) == 1


def test_an_index_of_nothing_finds_nothing() -> None:
    assert found(Hybrid(Store(), Titled()), "cat") == []


def test_what_the_store_has_besides_is_not_found() -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "cat"))
    store.texts["foreign"] = "cat cat"
    assert found(index, "cat") == ["cat"]


# ── What changes, and what does not ──


def test_a_document_that_is_the_same_is_neither_asked_about_nor_embedded_again() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "one", "two"))
    before = index._searched
    add(index, given("a", "one", "two"))
    assert index._searched is before  # nothing is indexed for BM25 again
    assert source.asked == ["one", "two"]
    assert len(store.embedded) == 2


def test_of_a_changed_document_only_new_chunks_are_asked_about_and_embedded_and_old_ones_go() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "one", "two"))
    add(index, given("a", "one", "three"))
    assert source.asked == ["one", "two", "three"]
    assert len(store.embedded) == 3
    assert found(index, "one two three") == ["one", "three"] or found(index, "one two three") == ["three", "one"]
    assert in_step(index, store)


def test_a_chunk_that_comes_twice_is_told_apart_and_asked_about_with_the_other() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "one"))
    add(index, given("a", "one", "one", "two"))
    assert source.asked == ["one", "one", "one", "two"]
    assert len(store.texts) == 3
    assert in_step(index, store)


def test_a_chunk_that_moves_to_another_title_keeps_the_context_that_was_paid_for() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "one", "two", title="old"))
    add(index, given("a", "one", "new", title="new"))
    assert sorted(store.texts.values()) == ["new\n\nnew", "old\n\none"]


def test_contexts_that_cost_nothing_follow_the_document() -> None:
    store = Store()
    index = Hybrid(store, HeadingContext())
    add(index, given("a", "one", title="old"))
    add(index, given("a", "one", title="new"))
    assert list(store.texts.values()) == ["new\n\none"]
    assert in_step(index, store)


def test_another_source_of_contexts_writes_all_of_a_document_that_is_added_again(tmp_path: Path) -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "one", title="x"))
    index.save(tmp_path)
    other = Titled(fingerprint="other")
    loaded = load_hybrid(tmp_path, store, other)
    add(loaded, given("a", "one", title="x"))
    assert other.asked == ["one"]


def test_a_chunk_whose_context_failed_is_asked_about_again_and_no_other_is() -> None:
    store, source = Store(), Titled(failing=frozenset({"two"}))
    index = Hybrid(store, source)
    add(index, given("a", "one", "two"))
    assert sorted(store.texts.values()) == ["about tax\n\none", "two"]
    source.failing = frozenset()
    add(index, given("a", "one", "two"))
    assert source.asked == ["one", "two", "two"]
    assert sorted(store.texts.values()) == ["about tax\n\none", "about tax\n\ntwo"]
    assert in_step(index, store)


def test_a_document_without_chunks_is_known_and_asks_nothing() -> None:
    source = Titled()
    index = Hybrid(Store(), source)
    add(index, given("a"))
    assert (index.ids, source.asked, found(index, "cat")) == (["a"], [], [])


def test_removed_documents_leave_both_indexes() -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "cat"), given("b", "dog"))
    run(index.removing(["a"]))
    assert (index.ids, found(index, "cat")) == (["b"], [])
    assert in_step(index, store)


def test_ids_that_nobody_knows_are_refused_and_nothing_is_removed() -> None:
    index = Hybrid(Store(), Titled())
    add(index, given("a", "cat"))
    with pytest.raises(ConfigurationError, match="no document 'b'"):
        run(index.removing(["a", "b"]))
    assert index.ids == ["a"]
    add(index, given("c", "dog"))  # it is not held


# ── What breaks in the middle ──


@pytest.mark.usefixtures("few_at_once")
def test_where_embedding_fails_what_was_there_is_found_and_the_next_add_embeds_only_the_rest() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "old cat"))
    store.fails = {"write": 3}
    with pytest.raises(ConnectionError):
        add(index, given("a", "new cat", "b", "c", "d"))
    assert found(index, "cat") == ["old cat"]
    before = len(store.embedded)
    add(index)
    assert found(index, "cat") == ["new cat"]
    assert len(store.embedded) - before == 2  # one of the second two had been embedded, but nobody could know
    assert len(source.asked) == 5
    assert in_step(index, store)


@pytest.mark.parametrize("after", [0, 1])
def test_where_deleting_fails_the_next_change_brings_it_to_an_end(after: int) -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "cat", "dog"), given("b", "cow"))
    store.fails = {"delete": after}
    with pytest.raises(ConnectionError):
        run(index.removing(["a"]))
    assert index.ids == ["a", "b"]
    run(index.removing(["a"]))
    assert index.ids == ["b"]
    assert in_step(index, store)


def test_where_no_contexts_can_be_had_nothing_changes() -> None:
    store, source = Store(), Titled()
    index = Hybrid(store, source)
    add(index, given("a", "cat"))
    source.error = RuntimeError("no more")
    with pytest.raises(RuntimeError):
        add(index, given("a", "dog"))
    assert found(index, "cat dog") == ["cat"]
    assert in_step(index, store)


class Short(ContextSource):
    """A source of somebody's own that leaves something out."""

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        yield from ()
        return Contexts(tuple(documents), tuple(tuple([Context("x")] * (len(each.chunks) - 1)) for each in documents))


def test_a_source_that_leaves_chunks_out_is_told_so() -> None:
    with pytest.raises(ConfigurationError, match=r"Short gave 0 contexts for the 1 chunks of 'a'"):
        add(Hybrid(Store(), Short()), given("a", "cat"))


def test_what_broke_off_is_completed_after_saving_and_loading(tmp_path: Path) -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "old"), given("b", "cow"))
    store.fails = {"write": 1}
    with pytest.raises(ConnectionError):
        add(index, given("a", "new", "other"))
    store.fails = {}
    index.save(tmp_path)
    source = Titled()
    loaded = load_hybrid(tmp_path, store, source)
    assert found(loaded, "old new") == ["old"]
    run(loaded.removing(["b"]))
    assert sorted(store.texts.values()) == ["about tax\n\nnew", "about tax\n\nother"]
    assert source.asked == []
    assert in_step(loaded, store)


def test_nothing_is_embedded_for_loading(tmp_path: Path) -> None:
    store = Store()
    index = Hybrid(store, Titled())
    add(index, given("a", "cat"), given("b", "dog"))
    index.save(tmp_path)
    loaded = load_hybrid(tmp_path, store, Titled())
    add(loaded, given("a", "cat"), given("b", "dog"))
    assert found(loaded, "dog tax")[0] == "dog"
    assert len(store.embedded) == 2


CHUNKS = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=5)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.one_of(st.none(), CHUNKS),
        st.sampled_from(["", "write", "delete", "save"]),
        st.integers(0, 4),
        st.sampled_from(["x", "y"]),
    ),
    max_size=12,
)


@drawn(steps=STEPS)
@settings(max_examples=60)
def test_after_any_steps_and_failures_both_indexes_are_what_was_last_wanted(
    steps: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store()
    source = HeadingContext()
    index = Hybrid(store, source)
    wanted: dict[str, set[str]] = {}
    for name, chunks, trouble, after, title in steps:
        before = searched(index)
        known = {*index.ids, *index._books.unfinished}
        if chunks is None and name not in known:
            continue
        store.fails = {trouble: after}
        if chunks is None:
            wanted.pop(name, None)
        else:
            wanted[name] = {f"{title}\n\n{each}" for each in chunks}
        try:
            if chunks is None:
                run(index.removing([name]))
            else:
                add(index, given(name, *chunks, title=title))
        except ConnectionError:
            assert searched(index) == before
        if trouble == "save":
            folder = tmp_path_factory.mktemp("books")
            index.save(folder)
            index = load_hybrid(folder, store, source)
    store.fails = {}
    add(index)
    assert in_step(index, store)
    assert {
        name: {each.text for each in document.chunks} for name, document in index._books.documents.items()
    } == wanted


# ── Several at once ──


class Gated(Store):
    """Writes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = threading.Event(), threading.Event()

    def _fail(self, what: str) -> None:
        self.begun.set()
        assert self.gate.wait(30)


def test_changes_wait_for_each_other_and_searches_for_none() -> None:
    store = Gated()
    index = Hybrid(store, Titled())
    threads = [threading.Thread(target=add, args=(index, given(name, name))) for name in ("a", "b")]
    threads[0].start()
    assert store.begun.wait(30)
    threads[1].start()
    assert found(index, "a") == []
    store.gate.set()
    for each in threads:
        each.join(30)
    assert sorted(index.ids) == ["a", "b"]
    assert in_step(index, store)


def test_async_changes_wait_for_each_other_on_one_loop() -> None:
    store = Store()
    index = Hybrid(store, Titled())

    async def both() -> None:
        await asyncio.gather(*(arun(index.adding([given(name, name)], Deadline())) for name in ("a", "b", "c")))

    asyncio.run(both())
    assert sorted(index.ids) == ["a", "b", "c"]
    assert in_step(index, store)


class Slow(Store):
    """Takes its time."""

    slow = False

    def write(self, chunks: Sequence[Chunk]) -> Flow[None]:
        yield from super().write(chunks[:1])
        if self.slow:
            yield from sleep(60)
        yield from super().write(chunks[1:])


def test_a_change_that_is_cancelled_is_completed_by_the_next_one() -> None:
    store = Slow()
    index = Hybrid(store, Titled())
    add(index, given("a", "old"))
    store.slow = True

    async def cancelled() -> None:
        task = asyncio.create_task(arun(index.adding([given("a", "new", "other")], Deadline())))
        while len(store.texts) < 2:  # noqa: ASYNC110 - what is waited for is in another thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    store.slow = False
    assert found(index, "old new") == ["old"]
    add(index)
    assert sorted(found(index, "new other")) == ["new", "other"]
    assert in_step(index, store)


def test_a_deep_copy_is_the_same_index() -> None:
    index = Hybrid(Store(), Titled())
    assert copy.deepcopy(index) is index


# ── Arguments ──


@pytest.mark.parametrize("weights", [(1,), (1, 2, 3), (-1, 2), (0, 0), ("1", 1), None, 3, (float("nan"), 1), (True, 1)])
def test_weights_that_cannot_be_are_refused(weights: Any) -> None:
    with pytest.raises(ConfigurationError, match="weights must be two numbers"):
        check_weights(weights)


def test_weights_may_be_a_list_of_whole_numbers() -> None:
    assert check_weights([4, 1]) == (4.0, 1.0)


@pytest.mark.parametrize("ids", ["a", None, 3, [1], ["a", None]])
def test_ids_that_are_none_are_refused(ids: Any) -> None:
    with pytest.raises(ConfigurationError, match="ids must be a list"):
        check_ids(ids)
    assert check_ids(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("contexts", [None, "headings", HeadingContext])
def test_what_writes_no_contexts_is_refused(contexts: Any) -> None:
    with pytest.raises(ConfigurationError, match="contexts must be a ContextSource"):
        Hybrid(Store(), contexts)


class Own(ContextSource):
    """A source of somebody's own."""

    model = "m"

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        raise NotImplementedError


class Other(Own):
    """Another."""


def asking(model: str = "m", **settings: Any) -> Contextualizer:
    return Contextualizer(OpenAICompatible("http://localhost", model=model), **settings)


@pytest.mark.parametrize(
    "other",
    [
        lambda: HeadingContext(neighbours=5),
        lambda: asking(model="n"),
        lambda: asking(prompt="Say what {chunk} is."),
        lambda: asking(granularity="section"),
        Own,
        Other,
        Titled,
    ],
)
def test_a_fingerprint_differs_where_contexts_may(other: Callable[[], ContextSource]) -> None:
    assert fingerprint_of(other()) == fingerprint_of(other())
    assert fingerprint_of(other()) not in {fingerprint_of(HeadingContext()), fingerprint_of(asking())}


def test_a_fingerprint_is_the_same_where_only_the_way_there_is_another() -> None:
    assert fingerprint_of(asking(concurrency=2, on_error="keep")) == fingerprint_of(asking())

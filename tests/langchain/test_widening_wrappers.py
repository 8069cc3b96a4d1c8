"""Widening through what wraps a retriever: LangChain's own wrappers, bindings, and nested reranking."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.retrievers import (
    EnsembleRetriever,
    MergerRetriever,
    MultiQueryRetriever,
    RePhraseQueryRetriever,
)
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import ConfigurableField, RunnableBranch, RunnableConfig, RunnableLambda
from langchain_text_splitters import CharacterTextSplitter

from langchain_rerank_kit import BM25Retriever, RecallWarning, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import (
    RECALL,
    SIZE,
    CountedByK,
    Unknown,
    answer,
    bm25,
    brought,
    many_vectors,
    mmr,
    new_store,
    notes,
    parents,
    self_query,
    settings,
    similar,
    time_weighted,
)


def changes(retriever: RetrieverLike, recall: int = RECALL) -> list[str]:
    return [str(change) for change in widen(retriever, recall).changes]


# ── Retrievers around retrievers ──


def test_every_retriever_of_an_ensemble_is_raised_and_none_lowered(colour: Colour) -> None:
    ensemble = EnsembleRetriever(retrievers=[bm25(), CountedByK(k=80), mmr()], weights=[0.5, 0.3, 0.2], c=10)
    assert changes(ensemble) == [
        "EnsembleRetriever.retrievers[0].k: 4 → 50",
        "EnsembleRetriever.retrievers[2].search_kwargs['k']: default → 50",
        "EnsembleRetriever.retrievers[2].search_kwargs['fetch_k']: default → 100",
    ]
    widened: Any = widen(ensemble, RECALL).widened
    assert (widened.weights, widened.c) == ([0.5, 0.3, 0.2], 10)
    assert widened.retrievers[1] is ensemble.retrievers[1]
    assert brought(colour, ensemble) >= 80


def test_a_copy_searches_the_same_index() -> None:
    words = bm25()
    widened: Any = widen(words, RECALL).widened
    assert widened.docs is words.docs
    assert widened._index is words._index


def test_a_merger_brings_that_many_from_each(colour: Colour) -> None:
    merger = MergerRetriever(retrievers=[similar(), bm25()])
    assert brought(colour, merger) == 2 * RECALL
    assert widen(merger, RECALL).notes == ()


def test_each_of_several_queries_brings_that_many() -> None:
    several = MultiQueryRetriever.from_llm(similar(), FakeListLLM(responses=["note one\nnote two"]))
    assert changes(several) == ["MultiQueryRetriever.retriever.search_kwargs['k']: default → 50"]


def test_another_phrase_brings_that_many() -> None:
    rephrasing = RePhraseQueryRetriever.from_llm(similar(), FakeListLLM(responses=["note"]))  # it has no async colour
    before = settings(rephrasing)
    assert len(rephrasing.invoke("Please, the notes!")) == 4
    assert len(widen(rephrasing, RECALL).widened.invoke("Please, the notes!")) == RECALL
    assert settings(rephrasing) == before


def test_wrappers_in_wrappers_are_widened_down_to_the_last(colour: Colour) -> None:
    deep = EnsembleRetriever(
        retrievers=[
            MergerRetriever(retrievers=[MultiQueryRetriever.from_llm(similar(), FakeListLLM(responses=["note"]))])
        ],
        weights=[1.0],
    ).with_retry()
    before = settings(deep)
    assert changes(deep) == ["EnsembleRetriever.retrievers[0].retrievers[0].retriever.search_kwargs['k']: default → 50"]
    assert brought(colour, deep) == RECALL
    assert settings(deep) == before


@pytest.mark.parametrize("kind", ["parents", "many vectors"])
def test_that_children_are_counted_is_noted(kind: str) -> None:
    retriever = parents() if kind == "parents" else many_vectors()
    name = type(retriever).__name__
    assert widen(retriever, RECALL).notes == (
        f"{name}: its k counts child chunks, and several may share a parent: raise recall for more",
    )


def test_parents_with_several_children_each_are_fewer_and_a_higher_recall_helps(colour: Colour) -> None:
    splitter = CharacterTextSplitter(separator="|", chunk_size=8, chunk_overlap=0)
    retriever = parents(
        splitter,
        [Document(page_content=f"a {number}|b {number}|c {number}", id=str(number)) for number in range(60)],
    )
    assert brought(colour, retriever) < RECALL
    assert brought(colour, retriever, recall=180) == 60


def test_mmr_given_as_an_enum_raises_its_pool_too() -> None:
    retriever = many_vectors(search_type="mmr", search_kwargs={"k": 3})
    assert type(retriever.search_type) is not str
    assert changes(retriever) == [
        "MultiVectorRetriever.search_kwargs['k']: 3 → 50",
        "MultiVectorRetriever.search_kwargs['fetch_k']: default → 100",
    ]


def test_a_widened_time_weighted_retriever_shares_its_memory(colour: Colour) -> None:
    original = time_weighted()
    widening = widen(original, RECALL)
    widened: Any = widening.widened
    assert widened.memory_stream is original.memory_stream
    assert widening.notes == (
        "TimeWeightedVectorStoreRetriever: it marks every candidate as just accessed, not only the reranked ones",
    )
    original.add_documents([Document(page_content="note just taken")])
    assert "note just taken" in {note.page_content for note in answer(colour, widened)}


# ── A model that reads a limit out of the question ──


def test_a_limit_that_the_model_may_read_is_warned_of() -> None:
    with pytest.warns(RecallWarning, match=r"^SelfQueryRetriever lets the model read .* enable_limit=False") as caught:
        reranked = with_rerank(self_query(enable_limit=True), Scripted())
    assert [warning.filename for warning in caught] == [__file__]
    assert reranked.widening.limited == ("SelfQueryRetriever",)
    assert reranked.widening.unknown == ()


def test_without_a_limit_there_is_no_such_warning() -> None:
    assert with_rerank(self_query(enable_limit=False), Scripted()).widening.limited == ()


def test_a_limit_is_found_however_deep() -> None:
    deep = EnsembleRetriever(retrievers=[similar(), self_query(enable_limit=True)], weights=[0.5, 0.5])
    with pytest.warns(RecallWarning, match=r"EnsembleRetriever\.retrievers\[1\] lets the model read a limit"):
        with_rerank(deep.with_retry(), Scripted())


def test_a_limit_that_the_model_reads_overrides_what_was_widened(colour: Colour) -> None:
    assert brought(colour, self_query(enable_limit=True)) == RECALL
    widening = widen(self_query(enable_limit=True, limit=3), RECALL)
    assert len(answer(colour, widening.widened)) == 3
    assert "note: SelfQueryRetriever: a limit that the model reads out of the question overrides k" in str(widening)


# ── Bindings ──


def test_bound_arguments_rise_and_what_else_is_bound_is_kept() -> None:
    bound: Any = mmr().bind(k=5, fetch_k=10, lambda_mult=0.1)
    widened: Any = widen(bound, RECALL).widened
    assert widened.kwargs == {"k": 50, "fetch_k": 100, "lambda_mult": 0.1}
    assert bound.kwargs == {"k": 5, "fetch_k": 10, "lambda_mult": 0.1}


def test_a_higher_bound_number_is_kept(colour: Colour) -> None:
    assert brought(colour, similar().bind(k=90)) == 90


def test_a_bound_pool_is_raised_so_far_that_mmr_brings_all(colour: Colour) -> None:
    assert brought(colour, mmr(k=80).bind(fetch_k=10)) == 80
    assert brought(colour, mmr().bind(k=70)) == 70


def test_tags_and_retries_stay_with_the_copy() -> None:
    tagged: Any = widen(similar().with_config(tags=["mine"]), RECALL).widened
    assert tagged.config["tags"] == ["mine"]
    retried: Any = widen(similar().with_retry(stop_after_attempt=7), RECALL).widened
    assert retried.max_attempt_number == 7


def test_a_fallback_is_widened_like_what_it_stands_in_for(colour: Colour) -> None:
    class Down(CountedByK):
        def size(self) -> int:
            raise ConnectionError

    either = Down().with_fallbacks([bm25()])
    assert brought(colour, either) == RECALL
    assert changes(either) == ["RunnableWithFallbacks.k: 4 → 50"] * 2


@pytest.mark.parametrize("query", ["note?", "note"])
def test_every_branch_is_widened(query: str, colour: Colour) -> None:
    either = RunnableBranch((lambda query: "?" in query, bm25()), similar())
    assert len(colour(widen(either, RECALL).widened, "invoke", query)) == RECALL


def test_a_rewriting_step_is_left_as_it_is(colour: Colour) -> None:
    rewriting = RunnableLambda(str.upper)
    widened: Any = widen(rewriting | bm25(), RECALL).widened
    assert widened.first is rewriting
    assert len(answer(colour, widened)) == RECALL


# ── What is only known at call time ──


@pytest.mark.parametrize(
    ("chosen", "seen"), [({}, 50), ({"search": {"k": 2}}, 50), ({"search": {"k": 70}}, 70), ({"search": {}}, 50)]
)
def test_fields_configured_in_the_call_are_widened(chosen: dict[str, Any], seen: int, colour: Colour) -> None:
    configurable = similar().configurable_fields(search_kwargs=ConfigurableField(id="search"))
    config: RunnableConfig = {"configurable": chosen}
    reranker = Scripted()
    reranked = with_rerank(configurable, reranker, recall=RECALL)
    answer(colour, reranked, config=config)
    assert len(reranker.sent[0][1]) == seen
    assert len(answer(colour, configurable, config=config)) == chosen.get("search", {}).get("k", 4)


def test_a_filter_configured_in_the_call_is_kept(colour: Colour) -> None:
    configurable = similar().configurable_fields(search_kwargs=ConfigurableField(id="search"))
    config: RunnableConfig = {"configurable": {"search": {"filter": lambda note: len(note.page_content) == 8}}}
    found = answer(colour, widen(configurable, RECALL).widened, config=config)
    assert len(found) == SIZE - 100
    assert {len(note.page_content) for note in found} == {8}


@pytest.mark.parametrize("engine", ["vectors", "words", "late"])
def test_the_alternative_chosen_in_the_call_is_widened(engine: str, colour: Colour) -> None:
    def late() -> BM25Retriever:
        return BM25Retriever.from_documents(notes(), k=2)

    configurable = similar().configurable_alternatives(
        ConfigurableField(id="engine"), default_key="vectors", words=bm25(), late=late
    )
    config: RunnableConfig = {"configurable": {"engine": engine}}
    widened = widen(configurable, RECALL).widened
    assert len(answer(colour, widened, config=config)) == RECALL
    assert len(answer(colour, widened.with_config(config))) == RECALL
    assert len(answer(colour, configurable, config=config)) < RECALL


def test_a_configurable_retriever_that_is_widened_further_keeps_the_users_function(colour: Colour) -> None:
    def more(each: RetrieverLike, recall: int) -> RetrieverLike | None:
        return CountedByK(k=recall) if isinstance(each, Unknown) else None

    configurable = Unknown().configurable_fields(tags=ConfigurableField(id="tags"))
    once = widen(configurable, 20, more)
    assert len(answer(colour, once.widened)) == 20
    assert len(answer(colour, widen(once.widened, RECALL).widened)) == RECALL
    assert widen(once.widened, RECALL, more).changes == widen(once.widened, RECALL).changes


def test_adding_to_the_store_afterwards_is_seen_by_the_copy(colour: Colour) -> None:
    growing = new_store()
    widened = widen(growing.as_retriever(), RECALL).widened
    growing.add_documents(notes())
    assert len(answer(colour, widened)) == RECALL

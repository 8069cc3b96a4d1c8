"""Widening: what holds for every first stage alike, and how it is reported."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MergerRetriever,
    MultiQueryRetriever,
)
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.language_models import FakeListLLM
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)

from langchain_rerank_kit import Change, RecallWarning, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import (
    RECALL,
    SIZE,
    BedrockByDict,
    BedrockByModel,
    CountedByK,
    CountedByTopK,
    CountedByTopKResults,
    CountedInSearchKwargs,
    FirstFew,
    Redundant,
    Unknown,
    answer,
    bm25,
    brought,
    many_vectors,
    mmr,
    parents,
    search,
    search_in_async,
    self_query,
    settings,
    similar,
    store,
    time_weighted,
    unchanged,
)


def keeping_the_question() -> RetrieverLike:
    side_by_side: Runnable[str, dict[str, Any]] = RunnableParallel(found=similar(), question=RunnablePassthrough())
    return side_by_side | RunnableLambda(itemgetter("found"))


SHAPES: dict[str, Callable[[], RetrieverLike]] = {
    "similarity": similar,
    "similarity with k": lambda: similar(k=3),
    "similarity with a filter": lambda: similar(filter=lambda note: note.page_content != "note 3"),
    "mmr": mmr,
    "mmr with k": lambda: mmr(k=5),
    "mmr with everything": lambda: mmr(k=5, fetch_k=30, lambda_mult=0.9),
    "score threshold": lambda: store().as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.01}
    ),
    "bm25": bm25,
    "k": CountedByK,
    "top_k": CountedByTopK,
    "top_k_results": CountedByTopKResults,
    "search_kwargs without a vector store": CountedInSearchKwargs,
    "bedrock by dict": BedrockByDict,
    "bedrock by model": BedrockByModel,
    "ensemble": lambda: EnsembleRetriever(retrievers=[bm25(), similar()], weights=[0.5, 0.5]),
    "merger": lambda: MergerRetriever(retrievers=[bm25(), similar()]),
    "several queries": lambda: MultiQueryRetriever.from_llm(
        similar(), FakeListLLM(responses=["note one\nnote two"]), include_original=True
    ),
    "parents": parents,
    "many vectors": many_vectors,
    "many vectors by mmr": lambda: many_vectors(search_type="mmr"),
    "many vectors over a threshold": lambda: many_vectors(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.01}
    ),
    "self query": lambda: self_query(enable_limit=False),
    "self query by mmr": lambda: self_query(enable_limit=False, search_type="mmr"),
    "time weighted": time_weighted,
    "compression": lambda: ContextualCompressionRetriever(base_retriever=similar(), base_compressor=FirstFew()),
    "a pipeline of compressors": lambda: ContextualCompressionRetriever(
        base_retriever=similar(),
        base_compressor=DocumentCompressorPipeline(transformers=[Redundant(), FirstFew()]),
    ),
    "reranked already": lambda: with_rerank(similar(), Scripted(), recall=20, top_n=3),
    "bound k": lambda: similar().bind(k=5),
    "bound fetch_k": lambda: mmr().bind(fetch_k=10),
    "bound k of a function": lambda: RunnableLambda(search).bind(k=5),
    "with_config": lambda: similar().with_config(tags=["mine"]),
    "with_retry": lambda: similar().with_retry(),
    "with_fallbacks": lambda: similar().with_fallbacks([bm25()]),
    "configurable fields": lambda: similar().configurable_fields(search_kwargs=ConfigurableField(id="search")),
    "configurable alternatives": lambda: similar().configurable_alternatives(
        ConfigurableField(id="engine"), default_key="vectors", words=bm25()
    ),
    "configurable and bound": lambda: (
        similar().configurable_fields(search_kwargs=ConfigurableField(id="search")).bind(k=2)
    ),
    "rewritten first": lambda: RunnableLambda(str.strip) | similar(),
    "cleaned up later": lambda: similar() | RunnableLambda(unchanged),
    "both": lambda: RunnableLambda(str.strip) | similar() | RunnableLambda(unchanged),
    "side by side": keeping_the_question,
    "branch": lambda: RunnableBranch((lambda query: "?" in query, bm25()), similar()),
    "function": lambda: RunnableLambda(search),
    "function for either colour": lambda: RunnableLambda(search, afunc=search_in_async),
}


@pytest.fixture(params=list(SHAPES.values()), ids=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> RetrieverLike:
    """Every first stage that can be widened."""
    built: RetrieverLike = request.param()
    return built


def test_a_widened_first_stage_really_brings_that_many(shape: RetrieverLike, colour: Colour) -> None:
    assert 0 < len(answer(colour, shape)) < RECALL
    assert brought(colour, shape) >= RECALL


def test_the_original_stays_as_it_was(shape: RetrieverLike, colour: Colour) -> None:
    before, brought_before = settings(shape), len(answer(colour, shape))
    widening = widen(shape, RECALL)
    answer(colour, widening.widened)
    assert settings(shape) == before
    assert len(answer(colour, shape)) == brought_before
    assert widening.original is shape
    assert widening.widened is not shape


def test_what_brings_more_already_is_left_alone(shape: RetrieverLike) -> None:
    widening = widen(widen(shape, 60).widened, 40)
    assert widening.widened is widening.original
    assert widening.changes == ()


def test_widening_twice_changes_nothing(shape: RetrieverLike) -> None:
    once = widen(shape, RECALL)
    twice = widen(once.widened, RECALL)
    assert twice.widened is once.widened
    assert twice.changes == ()
    assert twice.unknown == once.unknown == ()


def test_a_widened_first_stage_can_be_widened_further(shape: RetrieverLike, colour: Colour) -> None:
    further = widen(widen(shape, 20).widened, RECALL)
    assert further.changes
    assert len(answer(colour, further.widened)) >= RECALL


def test_every_change_is_reported_and_goes_up(shape: RetrieverLike) -> None:
    widening = widen(shape, RECALL)
    assert widening.recall == RECALL
    assert widening.changes
    for change in widening.changes:
        assert change.after >= RECALL
        assert change.before is None or change.before < change.after
        assert str(change) in str(widening)


def test_with_rerank_shows_the_reranker_all_of_them(shape: RetrieverLike, colour: Colour) -> None:
    reranker = Scripted()
    best = answer(colour, with_rerank(shape, reranker, recall=RECALL, top_n=2))
    ((query, seen),) = reranker.sent[-1:]
    assert query == "note"
    assert len(seen) >= RECALL
    assert len(best) == 2


def test_a_report_reads_like_this() -> None:
    widening = widen(EnsembleRetriever(retrievers=[similar(), Unknown()], weights=[0.5, 0.5]), RECALL)
    assert str(widening).splitlines() == [
        "EnsembleRetriever.retrievers[0].search_kwargs['k']: default → 50",
        "not widened: EnsembleRetriever.retrievers[1]",
    ]
    assert str(widen(CountedByTopK(top_k=None), RECALL)) == (
        "note: CountedByTopK.top_k is None, which leaves the number of documents to the retriever"
    )
    assert str(widen(similar(k=3), RECALL)) == "VectorStoreRetriever.search_kwargs['k']: 3 → 50"
    assert str(widen(similar(k=80), RECALL)) == "nothing to do: 50 or more came already"


def test_a_report_is_a_value() -> None:
    first, second = widen(similar(), RECALL), widen(similar(), RECALL)
    assert first == second
    assert first.changes == (Change("VectorStoreRetriever.search_kwargs['k']", None, RECALL),)
    assert "VectorStore(" not in repr(first)


def test_a_note_is_given_once() -> None:
    alike = CountedByTopK(top_k=None).with_fallbacks([CountedByTopK(top_k=None)])
    assert len(widen(alike, RECALL).notes) == 1


# ── A vector store's own retriever ──


def test_mmr_raises_its_pool_too() -> None:
    widened = widen(mmr(), RECALL)
    assert getattr(widened.widened, "search_kwargs", None) == {"k": 50, "fetch_k": 100}
    assert [str(change) for change in widened.changes] == [
        "VectorStoreRetriever.search_kwargs['k']: default → 50",
        "VectorStoreRetriever.search_kwargs['fetch_k']: default → 100",
    ]


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ({"k": 5, "fetch_k": 30}, {"k": 50, "fetch_k": 100}),
        ({"k": 80}, {"k": 80, "fetch_k": 160}),
        ({"k": 80, "fetch_k": 500}, {"k": 80, "fetch_k": 500}),
        ({"fetch_k": 500, "lambda_mult": 0.3}, {"k": 50, "fetch_k": 500, "lambda_mult": 0.3}),
        ({"k": None}, {"k": None, "fetch_k": 100}),
    ],
)
def test_mmr_keeps_what_is_more_and_every_other_argument(given: dict[str, Any], becomes: dict[str, Any]) -> None:
    assert getattr(widen(mmr(**given), RECALL).widened, "search_kwargs", None) == becomes


def test_mmr_really_chooses_from_more_than_it_returns(colour: Colour) -> None:
    plain = [note.id for note in answer(colour, widen(similar(), RECALL).widened)]
    diverse = [note.id for note in answer(colour, widen(mmr(lambda_mult=0.0), RECALL).widened)]
    assert len(plain) == len(diverse) == RECALL
    assert set(plain) != set(diverse)


def test_a_score_threshold_is_kept_and_noted(colour: Colour) -> None:
    strict = store().as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"k": 100, "score_threshold": 0.7}
    )
    widening = widen(strict, RECALL)
    assert widening.notes == (
        "VectorStoreRetriever.search_kwargs: documents under the score threshold are left out before reranking",
    )
    assert 0 < len(answer(colour, widening.widened)) < RECALL


def test_other_search_arguments_are_kept(colour: Colour) -> None:
    few = similar(k=3, filter=lambda note: int(note.page_content.split()[-1]) < 10)
    with pytest.warns(RecallWarning, match="brought 10 candidates where 50 were asked for"):
        best = answer(colour, with_rerank(few, Scripted(), recall=RECALL, top_n=2))
    assert [note.page_content for note in best] == ["note 9", "note 8"]


def test_a_vector_store_is_taken_as_it_is(colour: Colour) -> None:
    reranker = Scripted()
    reranked = with_rerank(store(), reranker, recall=SIZE, top_n=1)
    assert [note.page_content for note in answer(colour, reranked)] == [f"note {SIZE - 1}"]
    assert len(reranker.sent[0][1]) == SIZE


# ── A recall for one call ──


@pytest.mark.parametrize("recall", [20, 80])
def test_a_recall_for_one_call_widens_the_original_anew(shape: RetrieverLike, recall: int, colour: Colour) -> None:
    reranker = Scripted()
    reranked = with_rerank(shape, reranker, recall=RECALL, top_n=2, distinct=None)
    before = settings(reranked)
    answer(colour, reranked, recall=recall)
    seen = len(reranker.sent[-1][1])
    assert seen == len(answer(colour, widen(shape, recall).widened))
    assert seen >= recall
    answer(colour, reranked)
    assert len(reranker.sent[-1][1]) >= RECALL
    assert settings(reranked) == before


def test_a_lower_recall_for_one_call_really_is_lower(colour: Colour) -> None:
    reranker = Scripted()
    answer(colour, with_rerank(mmr(), reranker, recall=RECALL), recall=25)
    assert len(reranker.sent[-1][1]) == 25

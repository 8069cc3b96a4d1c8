"""Widening: what holds for every first stage alike, and how it is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MergerRetriever,
    MultiQueryRetriever,
    RePhraseQueryRetriever,
)
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.vectorstores import VectorStoreRetriever

from langchain_rerank_kit import BM25Retriever, Change, RecallWarning, Widening, widen, with_rerank
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
    brought,
    many_vectors,
    notes,
    parents,
    self_query,
    settings,
    store,
    time_weighted,
)


def similar(**search_kwargs: Any) -> VectorStoreRetriever:
    return store().as_retriever(search_kwargs=search_kwargs)


def mmr(**search_kwargs: Any) -> VectorStoreRetriever:
    return store().as_retriever(search_type="mmr", search_kwargs=search_kwargs)


def bm25() -> BM25Retriever:
    return BM25Retriever.from_documents(notes())


def search(query: str, k: int = 4) -> list[Document]:
    return notes()[:k]


async def search_in_async(query: str, k: int = 4) -> list[Document]:  # noqa: RUF029 - async is what it is here for
    return notes()[:k]


def whatever(query: str) -> list[Document]:
    return notes()[:4]


def unchanged(documents: list[Document]) -> list[Document]:
    return documents


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


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
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
    answer(colour, widening.retriever)
    assert settings(shape) == before
    assert len(answer(colour, shape)) == brought_before
    assert widening.original is shape
    assert widening.retriever is not shape


def test_what_brings_more_already_is_left_alone(shape: RetrieverLike) -> None:
    widening = widen(widen(shape, 60).retriever, 40)
    assert widening.retriever is widening.original
    assert widening.changes == ()


def test_widening_twice_changes_nothing(shape: RetrieverLike) -> None:
    once = widen(shape, RECALL)
    twice = widen(once.retriever, RECALL)
    assert twice.retriever is once.retriever
    assert twice.changes == ()
    assert twice.unknown == once.unknown == ()


def test_a_widened_first_stage_can_be_widened_further(shape: RetrieverLike, colour: Colour) -> None:
    further = widen(widen(shape, 20).retriever, RECALL)
    assert further.changes
    assert len(answer(colour, further.retriever)) >= RECALL


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
    twice = EnsembleRetriever(
        retrievers=[CountedByTopK(top_k=None).with_config(tags=["a"])] * 2, weights=[0.5, 0.5], id_key="id"
    )
    own = widen(twice, RECALL, lambda each, recall: each if each is twice else None).notes
    assert own == ("EnsembleRetriever was widened by the function given as widen=",)


# ── A vector store's own retriever ──


def test_mmr_raises_its_pool_too() -> None:
    widened = widen(mmr(), RECALL)
    assert getattr(widened.retriever, "search_kwargs", None) == {"k": 50, "fetch_k": 100}
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
    assert getattr(widen(mmr(**given), RECALL).retriever, "search_kwargs", None) == becomes


def test_mmr_really_chooses_from_more_than_it_returns(colour: Colour) -> None:
    plain = [note.id for note in answer(colour, widen(similar(), RECALL).retriever)]
    diverse = [note.id for note in answer(colour, widen(mmr(lambda_mult=0.0), RECALL).retriever)]
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
    assert 0 < len(answer(colour, widening.retriever)) < RECALL


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


@pytest.mark.parametrize("recall", [20, 30, 50, 80])
def test_a_recall_for_one_call_widens_the_original_anew(shape: RetrieverLike, recall: int, colour: Colour) -> None:
    reranker = Scripted()
    reranked = with_rerank(shape, reranker, recall=RECALL, top_n=2)
    before = settings(reranked)
    answer(colour, reranked, recall=recall)
    seen = len(reranker.sent[-1][1])
    assert seen == len(answer(colour, widen(shape, recall).retriever))
    assert seen >= recall
    answer(colour, reranked)
    assert len(reranker.sent[-1][1]) >= RECALL
    assert settings(reranked) == before


def test_a_lower_recall_for_one_call_really_is_lower(colour: Colour) -> None:
    reranker = Scripted()
    answer(colour, with_rerank(mmr(), reranker, recall=RECALL), recall=25)
    assert len(reranker.sent[-1][1]) == 25


# ── What cannot be widened ──


def test_a_retriever_without_a_known_setting_is_reported() -> None:
    unknown = Unknown()
    widening = widen(unknown, RECALL)
    assert widening.unknown == ("Unknown",)
    assert widening.retriever is unknown
    assert str(widening) == "not widened: Unknown"


@pytest.mark.parametrize(
    "made",
    [
        Unknown,
        lambda: whatever,
        lambda: RunnableLambda(whatever),
        lambda: RunnableLambda(str.strip) | RunnableLambda(whatever),
        lambda: RunnableLambda(whatever).with_config(tags=["mine"]),
        lambda: RunnableLambda(whatever).with_fallbacks([RunnableLambda(whatever)]),
        lambda: Unknown().with_retry(),
        lambda: Unknown().configurable_fields(tags=ConfigurableField(id="tags")),
        lambda: RunnableBranch((lambda query: "?" in query, Unknown()), similar()),
        lambda: MergerRetriever(retrievers=[similar(), Unknown()]),
        lambda: ContextualCompressionRetriever(base_retriever=Unknown(), base_compressor=FirstFew()),
        lambda: {"note": notes()}.pop,
    ],
)
def test_with_rerank_warns_of_what_it_could_not_widen_and_names_the_remedy(made: Callable[[], Any]) -> None:
    with pytest.warns(RecallWarning, match=r"could not widen .*Make it bring 50 itself, or pass widen=") as caught:
        with_rerank(made(), Scripted())
    assert [warning.filename for warning in caught] == [__file__]


def test_a_part_that_cannot_be_widened_is_named_by_its_place() -> None:
    merger = MergerRetriever(retrievers=[similar(), RePhraseQueryRetriever(retriever=Unknown(), llm_chain=similar())])
    assert widen(merger, RECALL).unknown == ("MergerRetriever.retrievers[1].retriever",)
    functions = EnsembleRetriever(retrievers=[RunnableLambda(whatever), similar()], weights=[0.5, 0.5])
    assert widen(functions, RECALL).unknown == ("EnsembleRetriever.retrievers[0] (whatever)",)
    either = RunnableLambda(whatever).with_fallbacks([similar()])
    assert widen(either, RECALL).unknown == ("RunnableWithFallbacks (whatever)",)


def test_an_unknown_retriever_still_works_and_says_how_little_it_brought(colour: Colour) -> None:
    with pytest.warns(RecallWarning, match="could not widen"):
        reranked = with_rerank(Unknown(), Scripted(), top_n=1)
    with pytest.warns(RecallWarning, match="brought 4 candidates where 50 were asked for"):
        assert [note.page_content for note in answer(colour, reranked)] == ["note 3"]


# ── widen= ──


class Mine(BaseRetriever):
    """A retriever whose limit only its owner knows how to raise."""

    page: dict[str, int] = {"rows": 4}

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return notes()[: self.page["rows"]]


def more_rows(each: RetrieverLike, recall: int) -> RetrieverLike | None:
    return each.model_copy(update={"page": {"rows": recall}}) if isinstance(each, Mine) else None


@pytest.mark.parametrize(
    "around",
    [
        lambda mine: mine,
        lambda mine: mine.with_retry(),
        lambda mine: mine.with_fallbacks([similar()]),
        lambda mine: mine.configurable_fields(tags=ConfigurableField(id="tags")),
        lambda mine: RunnableLambda(str.strip) | mine,
        lambda mine: RunnableBranch((lambda query: "?" in query, similar()), mine),
        lambda mine: MultiQueryRetriever.from_llm(mine, FakeListLLM(responses=["note one\nnote two"])),
        lambda mine: EnsembleRetriever(retrievers=[mine, similar()], weights=[0.5, 0.5]),
    ],
)
def test_a_function_of_the_users_widens_however_deep(around: Callable[[Any], RetrieverLike], colour: Colour) -> None:
    given = around(Mine())
    before = settings(given)
    reranker = Scripted()
    reranked = with_rerank(given, reranker, widen=more_rows)
    answer(colour, reranked)
    answer(colour, reranked, recall=60)
    assert [len(seen) >= asked for (_, seen), asked in zip(reranker.sent, (50, 60), strict=True)] == [True, True]
    assert reranked.widening.unknown == ()
    assert [note for note in reranked.widening.notes if note.endswith("by the function given as widen=")]
    assert settings(given) == before


def test_a_function_that_returns_none_leaves_it_to_the_table(colour: Colour) -> None:
    asked: list[tuple[str, int]] = []

    def nothing(each: RetrieverLike, recall: int) -> None:
        asked.append((type(each).__name__, recall))

    merger = MergerRetriever(retrievers=[similar(), CountedByK()])
    widening = widen(merger, RECALL, nothing)
    assert asked == [("MergerRetriever", 50), ("VectorStoreRetriever", 50), ("CountedByK", 50)]
    assert widening == widen(merger, RECALL)
    assert len(answer(colour, widening.retriever)) >= RECALL


def test_what_the_users_function_returns_is_taken_even_if_it_cannot_be_compared(colour: Colour) -> None:
    class Indexed(CountedByK):
        """Like KNNRetriever, which keeps its vectors in a field."""

        index: Any = None

    class Unequal(list[float]):
        """An array is neither equal nor unequal to another."""

        def __eq__(self, other: object) -> bool:
            msg = "the truth value of an array is ambiguous"
            raise ValueError(msg)

        __hash__ = None  # type: ignore[assignment]

    def rebuilt(each: RetrieverLike, recall: int) -> RetrieverLike | None:
        return Indexed(k=recall, index=Unequal([1.0])) if isinstance(each, Indexed) else None

    merger = MergerRetriever(retrievers=[Indexed(k=4, index=Unequal([1.0])), similar()])
    assert len(answer(colour, widen(merger, RECALL, rebuilt).retriever)) == 2 * RECALL


# ── Functions ──


@pytest.mark.parametrize(
    ("function", "changes"),
    [
        (lambda query, k=4: notes()[:k], ["(k): 4 → 50"]),
        (lambda query, top_k=7: notes()[:top_k], ["(top_k): 7 → 50"]),
        (lambda query, limit=None: notes()[:limit], ["(limit): default → 50"]),
        (lambda query, *, limit: notes()[:limit], ["(limit): default → 50"]),
        (lambda query, k=80: notes()[:k], []),
    ],
)
def test_a_function_gets_the_number_by_the_name_it_uses(
    function: Callable[..., list[Document]], changes: list[str], colour: Colour
) -> None:
    reranker = Scripted()
    reranked = with_rerank(function, reranker, recall=RECALL)
    answer(colour, reranked)
    assert len(reranker.sent[0][1]) == (RECALL if changes else 80)
    assert [str(change).removeprefix("RunnableLambda") for change in reranked.widening.changes] == changes


def test_an_async_function_is_widened_too() -> None:
    reranker = Scripted()
    reranked = with_rerank(RunnableLambda(search_in_async), reranker, recall=RECALL, top_n=1)
    best = asyncio.run(reranked.ainvoke("note"))
    assert [note.page_content for note in best] == ["note 49"]
    assert str(reranked.widening) == "search_in_async(k): 4 → 50"


def test_the_question_itself_is_never_taken_for_a_number(colour: Colour) -> None:
    def by_id(limit: str) -> list[Document]:
        return [note for note in notes() if limit in note.page_content]

    widening = widen(RunnableLambda(by_id), RECALL)
    assert widening.unknown == ("by_id",)
    assert len(answer(colour, widening.retriever)) == SIZE


def test_an_argument_that_has_no_name_outside_is_left_alone(colour: Colour) -> None:
    def by_place(query: str, k: int = 4, /) -> list[Document]:
        return notes()[:k]

    widening = widen(RunnableLambda(by_place), RECALL)
    assert widening.unknown == ("by_place",)
    assert len(answer(colour, widening.retriever)) == 4


def test_a_builtin_that_does_not_say_its_arguments_is_left_alone(colour: Colour) -> None:
    builtin: RunnableLambda[str, list[Document]] = RunnableLambda({"note": notes()}.pop)
    widening: Widening = widen(builtin, RECALL)
    assert widening.unknown == (builtin.get_name(),)
    assert widening.retriever is builtin
    assert len(answer(colour, widening.retriever)) == SIZE


def test_a_step_that_cuts_after_retrieval_is_raised_too(colour: Colour) -> None:
    def best(documents: list[Document], top_n: int = 3) -> list[Document]:
        return documents[:top_n]

    chain = similar() | RunnableLambda(best)
    assert brought(colour, chain) == RECALL
    assert [str(change) for change in widen(chain, RECALL).changes] == [
        "RunnableSequence[0].search_kwargs['k']: default → 50",
        "RunnableSequence[1](top_n): 3 → 50",
    ]

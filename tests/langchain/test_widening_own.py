"""Widening what the table of settings does not know: functions, retrievers of somebody's own, and `widen=`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_classic.retrievers import (
    ContextualCompressionRetriever,
    EnsembleRetriever,
    MergerRetriever,
    MultiQueryRetriever,
    RePhraseQueryRetriever,
)
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import ConfigurableField, RunnableBranch, RunnableLambda
from pydantic import Field

from langchain_rerank_kit import RecallWarning, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import (
    RECALL,
    SIZE,
    CountedByK,
    Cut,
    FirstFew,
    Unknown,
    answer,
    brought,
    notes,
    search_in_async,
    settings,
    similar,
    whatever,
)
from tests.langchain.test_widening_stores import K, lines, searching
from tests.langchain.vector_stores import NOTES, Filter, Notes, one_in_ten, passing


def test_a_retriever_without_a_known_setting_is_reported() -> None:
    unknown = Unknown()
    widening = widen(unknown, RECALL)
    assert widening.unknown == ("Unknown",)
    assert widening.widened is unknown
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

    page: dict[str, int] = Field(default_factory=lambda: {"rows": 4})

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
    assert len(answer(colour, widening.widened)) >= RECALL


def test_what_the_users_function_returns_is_taken_even_if_it_cannot_be_compared(colour: Colour) -> None:
    class Indexed(CountedByK):
        """Like KNNRetriever, which keeps its vectors in a field."""

        index: Any = None

    class Unequal(list[float]):
        """An array is neither equal nor unequal to another."""

        def __eq__(self, other: object) -> bool:
            msg = "the truth value of an array is ambiguous"
            raise ValueError(msg)

        __hash__ = None

    def rebuilt(each: RetrieverLike, recall: int) -> RetrieverLike | None:
        return Indexed(k=recall, index=Unequal([1.0])) if isinstance(each, Indexed) else None

    merger = MergerRetriever(retrievers=[Indexed(k=4, index=Unequal([1.0])), similar()])
    assert len(answer(colour, widen(merger, RECALL, rebuilt).widened)) == 2 * RECALL


# ── Vector stores ──


class MyStore(Notes):
    """A store of somebody's own: it filters what it has fetched."""

    def similarity_search(  # type: ignore[override]
        self, query: str, k: int = 4, num_candidates: int = 30, expr: Filter | None = None
    ) -> list[Document]:
        return passing(NOTES[:num_candidates], expr)[:k]


def test_a_store_that_nobody_knows_is_read_by_its_signature(colour: Colour) -> None:
    assert lines(searching(MyStore())) == [K, "['num_candidates']: default → 100"]
    assert lines(searching(MyStore(), expr=one_in_ten)) == [K, "['num_candidates']: default → 500"]
    assert brought(colour, searching(MyStore(), expr=one_in_ten)) == RECALL
    assert widen(searching(MyStore()), RECALL).remedies == (
        "MyStore: a filter may see only 100 documents; set search_kwargs['num_candidates'] higher",
    )


def test_a_number_without_a_default_is_set_too(colour: Colour) -> None:
    class Mandatory(Notes):
        def similarity_search(self, query: str, k: int = 4, *, fetch_k: int) -> list[Document]:  # type: ignore[override]
            return NOTES[:fetch_k][:k]

    assert brought(colour, searching(Mandatory())) == RECALL


def test_what_is_called_a_vector_store_need_not_be_one(colour: Colour) -> None:
    class OnAClient(Cut):
        vectorstore: Any = "a client"
        search_kwargs: dict[str, int] = Field(default_factory=dict[str, int])

        def size(self) -> int:
            return self.search_kwargs.get("k", 4)

    assert str(widen(OnAClient(), RECALL)) == "OnAClient.search_kwargs['k']: default → 50"
    assert brought(colour, OnAClient()) == RECALL


# ── Functions ──


@pytest.mark.parametrize(
    ("function", "changes"),
    [
        (lambda query, k=4: notes()[:k], ["(k): 4 → 50"]),
        (lambda query, top_k=7: notes()[:top_k], ["(top_k): 7 → 50"]),
        (lambda query, n_results=None: notes()[:n_results], ["(n_results): default → 50"]),
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
    assert len(answer(colour, widening.widened)) == SIZE


def test_an_argument_that_has_no_name_outside_is_left_alone(colour: Colour) -> None:
    def by_place(query: str, k: int = 4, /) -> list[Document]:
        return notes()[:k]

    widening = widen(RunnableLambda(by_place), RECALL)
    assert widening.unknown == ("by_place",)
    assert len(answer(colour, widening.widened)) == 4


def test_a_builtin_that_does_not_say_its_arguments_is_left_alone(colour: Colour) -> None:
    builtin: Any = RunnableLambda({"note": notes()}.pop)
    widening = widen(builtin, RECALL)
    assert widening.unknown == (builtin.get_name(),)
    assert widening.widened is builtin
    assert len(answer(colour, widening.widened)) == SIZE


def test_a_step_that_cuts_after_retrieval_is_raised_too(colour: Colour) -> None:
    def best(documents: list[Document], top_n: int = 3) -> list[Document]:
        return documents[:top_n]

    chain = similar() | RunnableLambda(best)
    assert brought(colour, chain) == RECALL
    assert [str(change) for change in widen(chain, RECALL).changes] == [
        "RunnableSequence[0].search_kwargs['k']: default → 50",
        "RunnableSequence[1](top_n): 3 → 50",
    ]

"""What worked before widening works after it: settings that cannot be read stay as they are, and that is said."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Lt
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore, VectorStoreRetriever
from pydantic import Field

from langchain_rerank_kit import RecallWarning, widen, with_rerank
from langchain_rerank_kit.query_bodies import WidenedBody
from rerank_kit import ConfigurationError
from tests.doubles import Scripted


class Store(InMemoryVectorStore):
    """Takes its numbers as text too, as some stores do."""

    def __init__(self) -> None:
        super().__init__(DeterministicFakeEmbedding(size=4))
        self.add_texts([f"note {number}" for number in range(100)])

    def similarity_search(self, query: str, k: Any = 4, fetch_k: Any = 20, **kwargs: Any) -> list[Document]:
        return super().similarity_search(query, int(k))


def search(settings: Any, kind: str = "similarity") -> VectorStoreRetriever:
    retriever = Store().as_retriever(search_type=kind)
    retriever.search_kwargs = settings
    return retriever


@pytest.mark.parametrize("settings", [{"k": "10"}, {"k": 10, "fetch_k": "30"}])
@pytest.mark.parametrize("kind", ["similarity", "mmr"])
def test_numbers_that_are_none_break_nothing_and_are_said(settings: dict[str, Any], kind: str) -> None:
    report = widen(search(settings, kind), 50)
    assert any("is text and no number, and stays" in note for note in report.notes)


def test_a_search_with_text_for_a_number_goes_on_to_work() -> None:
    assert len(widen(search({"k": "10"}), 50).widened.invoke("note")) == 10


def test_settings_that_are_none_at_all_stay_and_are_warned_of() -> None:
    with pytest.warns(RecallWarning, match=r"could not widen VectorStoreRetriever\.search_kwargs"):
        made = with_rerank(search(None), Scripted())
    first: Any = made.base_retriever
    assert first.search_kwargs is None
    assert made.widening.changes == ()
    assert "stays as it is, for it cannot be read: AttributeError" in str(made.widening)


@pytest.mark.parametrize("number", [np.int64(4), np.int32(4), 4.0])
def test_whole_numbers_of_any_type_rise(number: Any) -> None:
    report = widen(search({"k": number}), 50)
    assert str(report).splitlines()[0] == "VectorStoreRetriever.search_kwargs['k']: 4 → 50"
    assert len(report.widened.invoke("note")) == 50
    again = widen(search({"k": type(number)(60)}), 50)
    assert [str(each) for each in again.changes] == ["VectorStoreRetriever.search_kwargs['fetch_k']: default → 120"]


class Bounded(BaseRetriever):
    top_k: Annotated[int, Field(le=20)] | None = 10
    max_results: int = Field(default=5, lt=21)
    limit: Annotated[int, Lt(31)] = 3

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return []


def test_a_bound_holds_however_it_is_declared() -> None:
    widened: Any = widen(Bounded(), 50).widened
    assert (widened.top_k, widened.max_results, widened.limit) == (20, 20, 30)


def test_a_function_without_a_limit_keeps_bringing_all_there_is() -> None:
    def every(query: str, limit: int | None = None) -> list[Document]:
        return [Document(page_content=f"note {number}") for number in range(1000)][:limit]

    made = with_rerank(every, Scripted())
    assert len(made.base_retriever.invoke("note")) == 1000
    assert "(limit) is None, which leaves the number of documents to the function" in str(made.widening)


@pytest.mark.parametrize("size", ["10", None, [1]])
def test_a_body_with_a_size_that_is_no_number_stays(size: Any) -> None:
    assert WidenedBody(lambda _: {"size": size}, 50)("query") == {"size": size}


@pytest.mark.parametrize("wrong", [5, "k"])
def test_a_way_to_widen_that_is_no_function_is_an_error(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="widen must be a function"):
        with_rerank(search({}), Scripted(), widen=wrong)

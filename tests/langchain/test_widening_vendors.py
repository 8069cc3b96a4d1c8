"""Widening vendors' retrievers, by doubles that keep their number where the real ones do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from langchain_rerank_kit import RecallWarning, widen, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.langchain.stores import (
    RECALL,
    SIZE,
    BedrockByDict,
    BedrockByModel,
    Bounded,
    CountedByK,
    CountedByTopK,
    CountedByTopKResults,
    CountedInSearchKwargs,
    Cut,
    RetrievalConfig,
    Unknown,
    VectorSearchConfig,
    answer,
    brought,
    settings,
)


@pytest.mark.parametrize(
    ("retriever", "change"),
    [
        (CountedByK(), "CountedByK.k: 4 → 50"),
        (CountedByTopK(), "CountedByTopK.top_k: 5 → 50"),
        (CountedByTopKResults(top_k_results=1), "CountedByTopKResults.top_k_results: 1 → 50"),
        (CountedInSearchKwargs(), "CountedInSearchKwargs.search_kwargs.k: 4 → 50"),
        (BedrockByDict(), "BedrockByDict.retrieval_config.vectorSearchConfiguration.numberOfResults: 4 → 50"),
        (BedrockByModel(), "BedrockByModel.retrieval_config.vectorSearchConfiguration.numberOfResults: 4 → 50"),
    ],
)
def test_the_number_is_raised_where_the_vendor_keeps_it(retriever: Cut, change: str) -> None:
    assert [str(each) for each in widen(retriever, RECALL).changes] == [change]


@pytest.mark.parametrize(
    "more",
    [
        CountedByK(k=70),
        CountedByTopK(top_k=70),
        CountedByTopKResults(top_k_results=70),
        CountedInSearchKwargs(search_kwargs={"k": 70}),
        BedrockByDict(retrieval_config={"vectorSearchConfiguration": {"numberOfResults": 70}}),
        BedrockByModel(
            retrieval_config=RetrievalConfig(vectorSearchConfiguration=VectorSearchConfig(numberOfResults=70))
        ),
    ],
)
def test_a_higher_number_is_kept(more: Cut, colour: Colour) -> None:
    assert widen(more, RECALL).widened is more
    assert brought(colour, more) == 70


def test_a_bound_that_the_vendor_declares_is_kept_and_noted(colour: Colour) -> None:
    bounded = Bounded()
    widening = widen(bounded, RECALL)
    assert str(widening).splitlines() == ["Bounded.k: 10 → 30", "note: Bounded.k can be 30 at most"]
    assert len(answer(colour, widening.widened)) == 30
    assert bounded.k == 10


def test_at_its_bound_already_nothing_changes_but_the_note_stays() -> None:
    full = Bounded(k=30)
    widening = widen(full, RECALL)
    assert widening.widened is full
    assert widening.changes == ()
    assert widening.notes == ("Bounded.k can be 30 at most",)


def test_a_bound_above_the_recall_is_not_worth_a_word() -> None:
    assert str(widen(Bounded(), 30)) == "Bounded.k: 10 → 30"


def test_a_bound_deep_in_the_settings_holds_too(colour: Colour) -> None:
    widening = widen(BedrockByModel(), 110)
    assert widening.notes == (
        "BedrockByModel.retrieval_config.vectorSearchConfiguration.numberOfResults can be 100 at most",
    )
    assert len(answer(colour, widening.widened)) == 100


def test_a_number_left_to_the_service_stays_so_and_is_noted(colour: Colour) -> None:
    everything = CountedByTopK(top_k=None)
    widening = widen(everything, RECALL)
    assert widening.widened is everything
    assert widening.unknown == ()
    assert widening.notes == ("CountedByTopK.top_k is None, which leaves the number of documents to the retriever",)
    assert len(answer(colour, widening.widened)) == SIZE


@pytest.mark.parametrize("retriever", [BedrockByDict(), BedrockByModel()])
def test_deep_settings_are_copied_with_all_that_stands_beside(retriever: Cut, colour: Colour) -> None:
    before = settings(retriever)
    widened: Any = widen(retriever, RECALL).widened
    answer(colour, widened)
    assert settings(retriever) == before
    expected = str(before).replace("'numberOfResults': 4", "'numberOfResults': 50")
    assert str(settings(widened)) == expected != str(before)


@pytest.mark.parametrize(
    "retriever",
    [
        BedrockByDict(retrieval_config={"owner": "us"}),
        BedrockByDict(retrieval_config={"vectorSearchConfiguration": {"overrideSearchType": "HYBRID"}}),
        BedrockByModel(retrieval_config=None),
        CountedInSearchKwargs(search_kwargs={"boost": 2.0}),
    ],
)
def test_settings_without_a_number_are_not_known(retriever: Cut) -> None:
    with pytest.warns(RecallWarning, match=f"could not widen {type(retriever).__name__}: no setting"):
        reranked = with_rerank(retriever, Scripted())
    assert reranked.widening.unknown == (type(retriever).__name__,)
    assert reranked.widening.widened is retriever


def test_a_model_of_settings_without_a_number_is_not_known() -> None:
    class Scoring(BaseModel):
        boost: float = 2.0

    class Scored(Unknown):
        search_kwargs: Scoring = Field(default_factory=Scoring)

    assert widen(Scored(), RECALL).unknown == ("Scored",)


@pytest.mark.parametrize("odd", [0.25, "all", True])
def test_what_is_no_number_of_documents_is_left_alone(odd: Any) -> None:
    class Odd(Cut):
        recall: Any = None
        k: int = 4

        def size(self) -> int:
            return self.k

    widening = widen(Odd(recall=odd), RECALL)
    assert getattr(widening.widened, "recall", None) is odd
    assert str(widening) == "Odd.k: 4 → 50"

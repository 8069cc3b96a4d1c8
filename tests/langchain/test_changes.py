"""Fields of a `RerankRetriever` that change: they take effect, by assignment and in copies, or are refused."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ValidationError

from langchain_rerank_kit import RecallWarning, RerankCompressor, RerankRetriever, RuleRerank, with_rerank
from rerank_kit import BackendError, ConfigurationError, Rules
from rerank_kit.rules import equals
from tests.conftest import Colour
from tests.doubles import Failing, Scripted

Change = Callable[[RerankRetriever, str, Any], RerankRetriever]
"""Changes a field of what it is given; what has it now."""


class Numbers(BaseRetriever):
    """Brings "document 0", "document 1", …"""

    k: int = 4
    begin: str = "document"

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [
            Document(page_content=f"{self.begin} {number}", metadata={"number": number}) for number in range(self.k)
        ]


def assigned(retriever: RerankRetriever, name: str, value: Any) -> RerankRetriever:
    setattr(retriever, name, value)
    return retriever


def assigned_to_a_copy(retriever: RerankRetriever, name: str, value: Any) -> RerankRetriever:
    return assigned(copy.copy(retriever), name, value)


def copied(retriever: RerankRetriever, name: str, value: Any) -> RerankRetriever:
    return retriever.model_copy(update={name: value})


def copied_deeply(retriever: RerankRetriever, name: str, value: Any) -> RerankRetriever:
    return retriever.model_copy(update={name: value}, deep=True)


each_way = pytest.mark.parametrize("change", [assigned, assigned_to_a_copy, copied, copied_deeply])


def texts(colour: Colour, retriever: RerankRetriever) -> list[str]:
    return [each.page_content for each in colour(retriever, "invoke", "query")]


@each_way
@pytest.mark.parametrize("recall", [80, 30])
def test_another_recall_has_the_first_stage_widened_anew(colour: Colour, change: Change, recall: int) -> None:
    mine = Numbers()
    retriever = with_rerank(mine, Scripted(), top_n=2)
    changed = change(retriever, "recall", recall)
    assert texts(colour, changed) == [f"document {recall - 1}", f"document {recall - 2}"]
    assert str(changed.widening) == f"Numbers.k: 4 → {recall}"
    assert changed.base_retriever.k == recall  # type: ignore[attr-defined]
    if change is not assigned:
        assert texts(colour, retriever) == ["document 49", "document 48"]
    assert mine.k == 4


@each_way
def test_another_first_stage_is_widened(colour: Colour, change: Change) -> None:
    changed = change(with_rerank(Numbers(), Scripted(), top_n=1), "base_retriever", Numbers(begin="page"))
    assert texts(colour, changed) == ["page 49"]
    assert changed.widening.original == Numbers(begin="page")


@each_way
def test_another_way_to_widen_is_gone(colour: Colour, change: Change) -> None:
    retriever = with_rerank(Numbers(), Scripted(), top_n=1)
    changed = change(retriever, "widen", lambda inner, recall: Numbers(k=recall + 1, begin="page"))
    assert texts(colour, changed) == ["page 50"]


@each_way
def test_top_n_threshold_and_compressor_take_effect_and_the_first_stage_stays(colour: Colour, change: Change) -> None:
    retriever = with_rerank(Numbers(), Scripted())
    first = retriever.base_retriever
    changed = change(retriever, "top_n", 1)
    assert texts(colour, changed) == ["document 49"]
    changed = change(retriever, "threshold", 49)
    assert texts(colour, changed) == ["document 49"]
    changed = change(with_rerank(Numbers(), Scripted()), "base_compressor", RerankCompressor(reranker=Scripted(len)))
    assert texts(colour, changed)[0] == "document 10"
    assert change is copied_deeply or retriever.base_retriever is first


@each_way
def test_on_error_takes_effect(colour: Colour, change: Change) -> None:
    changed = change(with_rerank(Numbers(), Failing(BackendError("x")), top_n=1), "on_error", "keep")
    assert texts(colour, changed) == ["document 0"]


@each_way
def test_a_change_of_what_the_reranker_does_takes_effect_behind_a_retriever(change: Change, colour: Colour) -> None:
    retriever = change(with_rerank(Numbers(), RuleRerank(rules={}), top_n=5), "top_n", 1)
    retriever.base_compressor.rules = Rules(prefer=[equals("number", 17)])  # type: ignore[attr-defined]
    assert texts(colour, retriever) == ["document 17"]


@each_way
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("top_n", 0, ValidationError),
        ("top_n", 70, ConfigurationError),
        ("recall", 0, ValidationError),
        ("threshold", float("nan"), ValidationError),
        ("on_error", "ignore", ValidationError),
        ("base_retriever", "a retriever", ValidationError),
        ("base_compressor", Scripted(), ValidationError),
        ("widening", None, ConfigurationError),
        ("widening", with_rerank(Numbers(), Scripted()).widening, ConfigurationError),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(
    change: Change, name: str, value: Any, error: type[Exception], colour: Colour
) -> None:
    retriever = with_rerank(Numbers(), Scripted(), top_n=1, recall=50)
    before = dict(vars(retriever))
    with pytest.raises(error, match=name):
        change(retriever, name, value)
    assert vars(retriever) == before
    assert texts(colour, retriever) == ["document 49"]


def test_what_is_no_field_is_refused() -> None:
    retriever = with_rerank(Numbers(), Scripted())
    with pytest.raises(ConfigurationError, match=r"RerankRetriever has no field 'k': did you mean top_n\?"):
        retriever.model_copy(update={"k": 3})
    with pytest.raises(ConfigurationError, match="no field 'k'"):
        retriever.k = 3  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def test_a_way_to_widen_that_fails_changes_nothing() -> None:
    def broken(retriever: Any, recall: int) -> Any:
        raise OSError(recall)

    retriever = with_rerank(Numbers(), Scripted())
    with pytest.raises(OSError, match="50"):
        retriever.widen = broken
    assert retriever.widen is None


def test_a_first_stage_that_is_changed_is_warned_of_anew(colour: Colour) -> None:
    def few(inner: Any, recall: int) -> Any:
        return inner

    retriever = with_rerank(Numbers(), Scripted(), widen=few)
    for first in (None, Numbers(begin="page")):
        retriever.base_retriever = first or retriever.base_retriever
        with pytest.warns(RecallWarning, match="brought 4 candidates"):
            colour(retriever, "invoke", "query")


def test_changes_of_what_has_nothing_to_do_with_it_warn_of_nothing() -> None:
    with pytest.warns(RecallWarning):
        retriever = with_rerank(Numbers(), Scripted(), recall=3, top_n=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        retriever.top_n = 2
        retriever.tags = ["mine"]
    assert (retriever.top_n, retriever.tags, retriever.model_fields_set >= {"top_n", "tags"}) == (2, ["mine"], True)

"""What is assigned to a `RerankRetriever` takes effect or is refused, with a word on where it belongs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor import SimilarityPostprocessor

from llama_rerank_kit import RecallWarning, RerankRetriever, widening_of, with_rerank
from rerank_kit import ConfigurationError
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.llama.stores import Fixed, Numbers, answer


def made(**options: Any) -> Any:
    return with_rerank(Numbers(), Scripted(), **options)


def changed_copy(copied: Callable[[Any], Any]) -> tuple[Any, Any]:
    retriever = made(recall=30)
    other = copied(retriever)
    other.recall = 80
    other.postprocessor.top_n = 1
    return retriever, other


def test_a_recall_that_is_assigned_widens_anew(colour: Colour) -> None:
    retriever, reranker = with_rerank(Numbers(), scripted := Scripted(), recall=30), scripted
    held = retriever.postprocessor
    for recall in (80, 25):  # more, and less
        retriever.recall = recall
        assert str(widening_of(retriever)) == f"Numbers.top_k: 4 → {recall}"
        assert (retriever.recall, retriever.widening.recall) == (recall, recall)
        assert len(answer(colour, retriever)) == 5
        assert len(reranker.sent[-1][1]) == recall
    assert retriever.postprocessor is held
    assert getattr(held, "recall", None) == 25


def test_the_function_that_widened_is_asked_again(colour: Colour) -> None:
    asked: list[int] = []

    def wider(inner: BaseRetriever, recall: int) -> BaseRetriever:
        asked.append(recall)
        return Numbers(top_k=recall + 1)

    retriever = with_rerank(Numbers(), scripted := Scripted(), widen=wider)
    retriever.recall = 40
    answer(colour, retriever)
    assert asked == [50, 40]
    assert len(scripted.sent[-1][1]) == 41


@pytest.mark.parametrize("recall", [0, 4, "80", None, True])
def test_a_recall_is_checked_and_nothing_changes(recall: Any) -> None:
    retriever = made()
    first = retriever.retriever
    with pytest.raises(ConfigurationError, match="recall must be"):
        retriever.recall = recall
    assert (retriever.recall, retriever.retriever) == (50, first)


def test_a_recall_that_is_too_little_is_warned_of() -> None:
    retriever = made()
    with pytest.warns(RecallWarning, match="recall=10"):
        retriever.recall = 10


def test_a_recall_behind_a_postprocessor_of_another_make() -> None:
    retriever: Any = with_rerank(Numbers(), SimilarityPostprocessor(similarity_cutoff=0.1), top_n=None)
    retriever.recall = 80
    assert str(widening_of(retriever)) == "Numbers.top_k: 4 → 80"


@pytest.mark.parametrize("name", ["top_n", "threshold", "timeout", "on_error", "distinct", "metadata_mode"])
def test_a_setting_of_the_postprocessor_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"(?m)assign retriever.postprocessor.{name}$"):
        setattr(made(), name, 1)


def test_a_setting_of_a_postprocessor_of_another_make_is_refused_with_its_place() -> None:
    retriever = with_rerank(Numbers(), SimilarityPostprocessor(similarity_cutoff=0.1), top_n=None)
    for name, place in (("distinct", ""), ("similarity_cutoff", r"postprocessor\.")):
        with pytest.raises(ConfigurationError, match=rf"(?m)assign retriever\.postprocessor\.{place}{name}$"):
            setattr(retriever, name, 0.2)


def test_the_fields_of_the_postprocessor_take_effect(colour: Colour) -> None:
    retriever = made()
    retriever.postprocessor.top_n = 1
    assert len(answer(colour, retriever)) == 1


def test_more_than_the_first_stage_brings_cannot_be_kept(colour: Colour) -> None:
    retriever = made()
    told = "top_n=60 is more than recall=50, the number of candidates.*raise recall of the retriever before, or call"
    with pytest.raises(ConfigurationError, match=told):
        retriever.postprocessor.top_n = 60
    assert retriever.postprocessor.top_n == 5
    retriever.recall = 60
    retriever.postprocessor.top_n = 60
    assert len(answer(colour, retriever)) == 60


def test_a_name_that_nothing_reads_is_refused_with_the_one_that_was_meant() -> None:
    retriever = made()
    with pytest.raises(ConfigurationError, match="has no attribute 'recal': did you mean recall"):
        retriever.recal = 7
    with pytest.raises(ConfigurationError, match=r"has no attribute 'similarity_top_k': did you mean recall\?"):
        retriever.similarity_top_k = 7
    with pytest.raises(ConfigurationError, match=r"(?m)'top_k': its postprocessor has it: assign retriever.*\.top_n$"):
        retriever.top_k = 7
    with pytest.raises(ConfigurationError, match=r"(?m)it has recall, callback_manager, object_map$"):
        retriever.colour = 7


@pytest.mark.parametrize("name", ["retriever", "postprocessor", "widening"])
def test_the_parts_are_not_exchanged(name: str) -> None:
    retriever = made()
    with pytest.raises(ConfigurationError, match=f"{name} stays what with_rerank made it"):
        setattr(retriever, name, getattr(retriever, name))


def test_what_belongs_to_llamaindex_can_be_assigned() -> None:
    retriever = made()
    manager = CallbackManager()
    retriever.callback_manager = manager
    retriever.object_map = {"a": Fixed()}
    retriever._verbose = True
    assert retriever.callback_manager is manager
    assert (list(retriever.object_map), retriever._verbose) == (["a"], True)


def test_a_subclass_has_attributes_of_its_own() -> None:
    class Counting(RerankRetriever):
        def __init__(self, like: RerankRetriever) -> None:
            super().__init__(like.widening, like.postprocessor)
            self.calls = 0

    counting = Counting(made())
    counting.calls += 1
    counting.recall = 80
    assert (counting.calls, str(counting.widening)) == (1, "Numbers.top_k: 4 → 80")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_changes_apart(copied: Callable[[Any], Any], colour: Colour) -> None:
    retriever, other = changed_copy(copied)
    assert (str(widening_of(retriever)), str(widening_of(other))) == ("Numbers.top_k: 4 → 30", "Numbers.top_k: 4 → 80")
    assert (retriever.postprocessor.recall, other.postprocessor.recall) == (30, 80)
    assert (len(answer(colour, retriever)), len(answer(colour, other))) == (5, 1)
    with pytest.raises(ConfigurationError, match="did you mean recall"):
        other.recal = 7

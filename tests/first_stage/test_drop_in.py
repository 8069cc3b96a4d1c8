"""A reranker that is handed few candidates says so, unless that was meant, or something else is known to have cut."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any
from weakref import ref

import pytest

from rerank_kit.first_stage import RecallWarning
from rerank_kit.first_stage.drop_in import behind_a_widened_stage, warn_of_drop_in
from rerank_kit.user_warnings import hearing

pytestmark = pytest.mark.filterwarnings("error")


class Stage:
    """Stands for a compressor or postprocessor."""

    def __init__(self, recall: int | None = None) -> None:
        self.recall = recall

    def work(self, found: int, top_n: int | None = 3) -> None:
        warn_of_drop_in(self, found, top_n, "Write something else")


def of_a_framework(function: Any) -> Any:
    """The function as one whose code is in LlamaIndex."""
    return FunctionType(function.__code__, {**globals(), "__name__": "llama_index.core.engine"})


class Engine:
    """Runs stages in a row, as an engine of LlamaIndex does."""

    def __init__(self, *stages: Stage, retriever: object = None) -> None:
        self._node_postprocessors = list(stages)
        self._retriever = retriever

    @of_a_framework
    def run(self, found: int) -> None:
        for each in self._node_postprocessors:
            each.work(found)


@pytest.mark.parametrize(("found", "top_n", "left"), [(4, 3, 3), (4, 1, 1), (19, 10, 10)])
def test_few_candidates_are_told_of_with_what_to_write(found: int, top_n: int, left: int) -> None:
    with pytest.warns(RecallWarning) as told:
        Stage().work(found, top_n)
    (said,) = [str(each.message) for each in told]
    assert said.startswith(f"Stage was handed {found} candidates, of which it returns {left}: reranking pays with 50")
    assert ". Write something else. If there is no more to choose from" in said
    assert told[0].filename == __file__


@pytest.mark.parametrize(("found", "top_n"), [(0, 3), (1, 1), (20, 3), (50, 50), (4, None), (4, 4), (3, 5)])
def test_nothing_is_said_of_enough_of_one_or_none_or_where_all_come_back(found: int, top_n: int | None) -> None:
    Stage().work(found, top_n)


def test_nothing_is_said_behind_a_stage_that_was_widened() -> None:
    with behind_a_widened_stage():
        Stage().work(4)
    with pytest.warns(RecallWarning):
        Stage().work(4)


def test_only_the_first_one_of_several_in_a_row_tells() -> None:
    with pytest.warns(RecallWarning) as told:
        Engine(Stage(), Stage()).run(4)
    assert len(told) == 1
    engine = Engine(Stage())
    engine._node_postprocessors.insert(0, Cutting())
    engine.run(4)


def test_one_that_knows_the_recall_tells_for_all_in_its_row() -> None:
    Engine(Stage(), Stage(recall=50)).run(4)


def test_an_engine_that_brings_no_more_than_top_n_is_told_of() -> None:
    with pytest.warns(RecallWarning, match="^Stage was handed 2 candidates, of which it returns 2: "):
        Engine(Stage()).run(2)


@pytest.mark.parametrize("holds", ["base_compressor", "_postprocessor"])
def test_nothing_is_said_behind_a_first_stage_that_cuts(holds: str) -> None:
    cutting = SimpleNamespace(**{holds: object()})
    for first in (cutting, SimpleNamespace(bound=cutting)):
        Engine(Stage(), retriever=first).run(4)
    with pytest.warns(RecallWarning):
        Engine(Stage(), retriever=SimpleNamespace(other=1)).run(4)


ASKS: list[dict[str, Any]] = [
    {"k": 20},
    {"similarity_top_k": 50},
    {"_similarity_top_k": 50},
    {"search_kwargs": {"k": 50}},
]


@pytest.mark.parametrize("asks", [*ASKS, *({"bound": SimpleNamespace(**each)} for each in ASKS)])
def test_nothing_is_said_of_a_small_collection_that_is_asked_for_enough(asks: dict[str, Any]) -> None:
    Engine(Stage(), retriever=SimpleNamespace(**asks)).run(4)


@pytest.mark.parametrize(
    "asks", [{"k": 4}, {"k": "50"}, {"search_kwargs": None}, {"search_kwargs": {"k": 4}}, {"n": 50}]
)
def test_a_first_stage_that_asks_for_few_is_told_of(asks: dict[str, Any]) -> None:
    with pytest.warns(RecallWarning):
        Engine(Stage(), retriever=SimpleNamespace(**asks)).run(4)


class Slotted:
    """Answers every question with a function."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        def answer(*_: object) -> str:
            return name

        return answer


class Refusing:
    """Raises whatever it is asked."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        raise OSError

    @property
    def recall(self) -> int:
        raise OSError


class Claiming:
    """Says that what it holds is something else."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        return ["no mapping"]


def as_it_is(_: Stage, odd: object) -> object:
    return odd


def among_what_is_held(stage: Stage, odd: object) -> object:
    return SimpleNamespace(transformers=[stage, odd], retriever=odd)


@pytest.mark.parametrize("where", [as_it_is, among_what_is_held])
@pytest.mark.parametrize("odd", [Slotted(), Refusing(), Claiming(), None, 3])
def test_whoever_calls_the_warning_is_given(odd: Any, where: Callable[[Stage, object], object]) -> None:
    @of_a_framework
    def call(self: object, stage: Stage) -> None:
        stage.work(4)

    stage = Stage()
    with pytest.warns(RecallWarning):
        call(where(stage, odd), stage)


def test_it_is_told_to_an_explanation_also_where_it_was_said() -> None:
    def here() -> None:
        Stage().work(4)

    with pytest.warns(RecallWarning):
        here()
    here()
    with hearing() as heard:
        here()
    assert len(heard) == 1


def test_no_value_of_the_users_is_kept() -> None:
    class Big:
        """Stands for something large."""

    def user() -> bool:
        big = Big()
        known = ref(big)
        Stage().work(4)
        del big
        return known() is None

    with pytest.warns(RecallWarning):
        assert user()


class Cutting(Stage):
    """Stands for a filter."""

    def work(self, found: int, top_n: int | None = 3) -> None:
        pass

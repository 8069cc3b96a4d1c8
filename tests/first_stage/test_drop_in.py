"""A reranker that is handed few candidates says so, unless that was meant, or something else is known to have cut."""

from __future__ import annotations

import pytest

from rerank_kit.first_stage import RecallWarning
from rerank_kit.first_stage.drop_in import behind_a_widened_stage, warn_of_drop_in

pytestmark = pytest.mark.filterwarnings("error")


class Stage:
    """Stands for a compressor or postprocessor."""

    def __init__(self, recall: int | None = None) -> None:
        self.recall = recall

    def work(self, found: int, top_n: int | None = 3) -> None:
        warn_of_drop_in(self, found, top_n, "Write something else")


class Engine:
    """Runs stages in a row, as an engine of LlamaIndex does."""

    def __init__(self, *stages: Stage) -> None:
        self._node_postprocessors = list(stages)

    def run(self, found: int) -> None:
        for each in self._node_postprocessors:
            each.work(found)


@pytest.mark.parametrize(("found", "top_n", "left"), [(2, 3, 2), (4, 3, 3), (4, 1, 1), (19, 10, 10)])
def test_few_candidates_are_told_of_with_what_to_write(found: int, top_n: int, left: int) -> None:
    with pytest.warns(RecallWarning) as told:
        Stage().work(found, top_n)
    (said,) = [str(each.message) for each in told]
    assert said.startswith(f"Stage was handed {found} candidates, of which it returns {left}: reranking pays with 50")
    assert ". Write something else. If there is no more to choose from" in said
    assert told[0].filename == __file__


@pytest.mark.parametrize(("found", "top_n"), [(0, 3), (1, 3), (20, 3), (50, 50), (4, None)])
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


class Cutting(Stage):
    """Stands for a filter."""

    def work(self, found: int, top_n: int | None = 3) -> None:
        pass

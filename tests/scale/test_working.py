"""What a worker does with rows, and who keeps it, without a cluster."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import Reranker
from rerank_kit.cache import Cached, SQLiteStore
from rerank_kit.contextual import Contextualizer
from rerank_kit.contextual.store import ContextStore
from rerank_kit.errors import BudgetExceeded, ConfigurationError
from rerank_kit.evaluate.label_store import Judge, LabelStore, known_by
from rerank_kit.evaluate.pooling import Pair
from rerank_kit.judge import LLMJudge
from rerank_kit.late import LateInteraction
from rerank_kit.scale.keeping import Asking, Keeper, Kind
from rerank_kit.scale.making import Making, amount
from rerank_kit.scale.working import Columns, Contextualizing, Labelling, Scoring, Warming
from tests.judge.doubles import Scripted as ScriptedJudge
from tests.judge.doubles import honest
from tests.scale.workshop import Noting, Unknown, Writing, contextualizer, judge, reranker

SCORED: Columns = {
    "query": ["a", "b", "a", "a", None, " "],
    "text": ["one 1", "two 2", None, "three 3", "four 4", "five 5"],
}


def asking(keeper: Keeper) -> Asking:
    return lambda method, *arguments: getattr(keeper, method)(*arguments)


def opened(kind: Kind, path: str, max_cost: float | None) -> Keeper:
    keeper = Keeper(kind, path, max_cost)
    assert keeper.begun()
    return keeper


def scoring(tmp_path: Path, made: Reranker) -> Scoring:
    keeper = opened("scores", str(tmp_path / "scores.sqlite"), None)
    return Scoring(Making("reranker", lambda: made, Reranker), asking(keeper))


def labelling(tmp_path: Path, made: Judge, max_cost: float | None = None) -> tuple[Labelling, Keeper]:
    keeper = opened("labels", str(tmp_path / "labels.sqlite"), max_cost)
    kinds: Any = LLMJudge
    return Labelling(Making("judge", lambda: made, kinds), asking(keeper)), keeper


def contexts(tmp_path: Path, made: Contextualizer, max_cost: float | None = None) -> tuple[Contextualizing, Keeper]:
    keeper = opened("contexts", str(tmp_path / "contexts.sqlite"), max_cost)
    return Contextualizing(Making("contextualizer", lambda: made, Contextualizer), asking(keeper)), keeper


def test_scores_stand_in_the_order_of_the_rows_and_where_nothing_is_asked_there_is_none(tmp_path: Path) -> None:
    work = scoring(tmp_path, Noting())
    for _ in range(2):
        assert work(SCORED) == {"relevance_score": [0.001, 0.002, None, 0.003, None, None]}


def test_cached_finds_the_scores_in_the_same_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    scoring(tmp_path, Noting(log=str(log)))(SCORED)
    with SQLiteStore(tmp_path / "scores.sqlite") as store:
        ranking = Cached(Noting(log=str(log)), store).rerank("a", ["three 3", "one 1"])
    assert [hit.score for hit in ranking] == [0.003, 0.001]
    asked = [each.partition(" ")[2] for each in log.read_text().splitlines()]
    assert sorted(asked) == ["one 1", "three 3", "two 2"]


def test_a_reranker_that_is_cached_already_is_known_by_what_its_user_vouches_for(tmp_path: Path) -> None:
    work = scoring(tmp_path, Cached(Unknown(), fingerprint="mine"))
    assert work(SCORED)["relevance_score"][0] == 0.001
    with pytest.raises(ConfigurationError, match="does not say what its scores depend on"):
        scoring(tmp_path, Unknown())(SCORED)


def test_scores_that_cannot_be_kept_fail_the_rows(tmp_path: Path) -> None:
    def full(method: str, *arguments: Any) -> Any:
        if arguments[0] == "get":
            return {}
        msg = "the disk is full"
        raise OSError(msg)

    work = Scoring(Making("reranker", reranker, Reranker), full)
    with pytest.raises(OSError, match="disk is full"):
        work(SCORED)


def test_vectors_are_computed_once_and_found_by_the_reranker(tmp_path: Path) -> None:
    tiny: Any = pytest.importorskip("tests.late.tiny_late")
    folder = tiny.stanford_like(tmp_path / "model").folder
    keeper = opened("vectors", str(tmp_path / "vectors.sqlite"), None)
    asked = list[str]()

    def counting(method: str, *arguments: Any) -> Any:
        asked.append(arguments[0])
        return asking(keeper)(method, *arguments)

    work = Warming(Making("reranker", lambda: LateInteraction(folder, threads=1), LateInteraction), counting)
    texts: Columns = {"text": ["apple . fig", None, "grape", "apple . fig", " "]}
    for _ in range(2):
        assert work(texts) == {"token_vectors": [5, None, 4, 5, None]}
    assert work({"text": [None]}) == {"token_vectors": [None]}
    assert asked == ["counts", "put", "counts"]
    reranker = LateInteraction(folder, store=tmp_path / "vectors.sqlite", threads=1)
    assert reranker.rerank("fig", ["apple . fig", "grape"]).usage.cached == 2


PAIRS: Columns = {
    "query": ["when cat eats", "when cat eats", "when dog eats", None],
    "text": ["cat eats", "dog runs", None, "cat eats"],
}


def test_labels_are_those_of_the_judge_and_say_why_there_is_none(tmp_path: Path) -> None:
    found = labelling(tmp_path, judge())[0](PAIRS)
    assert found["grade"] == [1, 0, None, None]
    assert found["problem"] == [None, None, "it has no text", "it has no query"]


def test_nothing_is_asked_twice_and_the_file_of_labels_has_what_was_said(tmp_path: Path) -> None:
    model = ScriptedJudge(honest)
    work, keeper = labelling(tmp_path, LLMJudge(model))
    first = work(PAIRS)
    asked = len(model.prompts)
    assert work(PAIRS) == first
    assert len(model.prompts) == asked
    pair = Pair("1", "1", "when cat eats", "cat eats")
    assert LabelStore(tmp_path / "labels.sqlite").verdicts(known_by(LLMJudge(model)), [pair])[pair.key][0] == 1
    assert keeper.spent() == 0.0  # no price is known


def test_a_judge_that_puts_in_order_is_no_judge_of_pairs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not 'listwise'"):
        labelling(tmp_path, LLMJudge(ScriptedJudge(honest), mode="listwise"))[0](PAIRS)


def test_columns_hold_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"the column query must hold text, not 7: make it text before"):
        scoring(tmp_path, Noting())({"query": [7], "text": ["one 1"]})


def test_money_is_set_aside_before_and_counted_after(tmp_path: Path) -> None:
    keeper = opened("contexts", str(tmp_path / "contexts.sqlite"), 1.0)
    keeper.reserve(0.6)
    with pytest.raises(BudgetExceeded, match=r"max_cost=1\.0: \$0\.0000 were spent, workers may spend \$0\.6000"):
        keeper.reserve(0.6)
    keeper.settle(0.6, 0.1)
    keeper.reserve(0.9)
    assert keeper.spent() == 0.1


def test_a_limit_needs_a_price(tmp_path: Path) -> None:
    work, _ = labelling(tmp_path, judge(), 1.0)
    with pytest.raises(ConfigurationError, match="the price is not known"):
        work(PAIRS)


DOCUMENTS: Columns = {
    "text": ["Mars is red. It is far.", "refuse", None],
    "chunks": [["Mars is red.", "It is far."], ["refuse"], None],
}


def test_contexts_are_as_many_as_chunks_and_say_why_there_is_none(tmp_path: Path) -> None:
    found = contexts(tmp_path, contextualizer())[0](DOCUMENTS)
    assert found["contexts"] == [["About planets.", "About planets."], [None], []]
    assert found["problems"] == [[None, None], ["the model refused to answer"], []]


def test_a_contextualizer_finds_the_contexts_in_the_same_file(tmp_path: Path) -> None:
    model = Writing()
    work, keeper = contexts(tmp_path, Contextualizer(model, on_error="keep"), 1.0)
    work(DOCUMENTS)
    assert 0.0 < keeper.spent() < 0.01
    asked = len(model.asked)
    work({**DOCUMENTS, "title": ["", "", ""]})
    assert len(model.asked) == asked + 1  # what was refused
    assert keeper.claim("another document")
    other = ContextStore(tmp_path / "contexts.sqlite")
    assert not other.claim("another document")


def test_a_document_of_another_process_is_not_taken_from_it(tmp_path: Path) -> None:
    keeper = opened("contexts", str(tmp_path / "contexts.sqlite"), None)
    other = ContextStore(tmp_path / "contexts.sqlite")
    assert other.claim("a document")
    assert not keeper.claim("a document")
    other.close()
    assert keeper.claim("a document")


def test_limits_and_stores_of_one_process_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"max_cost=1.0 would hold for each batch alone: pass it to write_contexts"
    ):
        contexts(tmp_path, Contextualizer(Writing(), max_cost=1))[0](DOCUMENTS)
    with pytest.raises(ConfigurationError, match="is one too many"):
        contexts(tmp_path, Contextualizer(Writing(), store=tmp_path / "own.sqlite"))[0](DOCUMENTS)


def test_a_name_or_a_function_is_made_into_a_reranker_once() -> None:
    for given in ("tests.scale.workshop:reranker", reranker, "tests.scale.workshop:Noting"):
        making = Making[Reranker]("reranker", given, Reranker)
        assert pickle.loads(pickle.dumps(making))() is not making()
        assert making() is making()


def test_a_name_of_a_judge_is_one_or_makes_one() -> None:
    assert isinstance(Making("judge", "tests.scale.workshop:judge", LLMJudge)(), LLMJudge)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Noting(), r"reranker=.* is loaded here, and would have to travel to other machines"),
        (7, "reranker must be a name, such as 'package.module:function', or a function"),
        ("  ", "reranker must be a name"),
        (lambda one: one, "a function that takes nothing"),
    ],
)
def test_what_is_no_way_to_make_one_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Making("reranker", given, Reranker)


@pytest.mark.parametrize("given", ["onyx:embedded", "onnx.b.c:embedded"])
def test_a_slip_in_a_kind_of_model_is_told_before_anything_travels(given: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"reranker='{given}' is no module .* \(did you mean 'onnx:embedded'"):
        Making("reranker", given, Reranker)


def test_a_module_with_a_name_like_one_is_no_slip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "voyages.py").write_text("from tests.scale.workshop import reranker\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(Making("reranker", "voyages:reranker", Reranker)(), Noting)


def test_what_is_made_has_to_be_one() -> None:
    with pytest.raises(ConfigurationError, match=r"reranker: 'nothing\.at:all' cannot be imported"):
        Making("reranker", "nothing.at:all", Reranker)()
    with pytest.raises(ConfigurationError, match=r"reranker has to make a Reranker, and .* made 7"):
        Making[Any]("reranker", lambda: 7, Reranker)()
    with pytest.raises(ConfigurationError, match="judge has to make a LLMJudge or Contextualizer"):
        Making[Any]("judge", lambda: 7, (LLMJudge, Contextualizer))()


def test_cores_are_numbers() -> None:
    assert amount("gpus", 0.5) == 0.5
    for wrong in (-1, "1", None, float("inf"), True):
        with pytest.raises(ConfigurationError, match="gpus must be a number from 0 on"):
            amount("gpus", wrong)


def test_what_travels_is_made_where_it_arrives() -> None:
    packed = Making("reranker", reranker, Reranker).packed(pickle.dumps)
    assert isinstance(Making.unpacked(packed)(), Noting)


def test_a_function_that_cannot_travel_is_refused_here() -> None:
    lock = threading.Lock()
    making = Making[Reranker]("reranker", lambda: Noting(float(lock.locked())), Reranker)
    with pytest.raises(ConfigurationError, match=r"reranker=<function .* cannot travel to other machines"):
        making.packed(pickle.dumps)


def test_a_module_that_is_not_there_is_named_where_it_is_missed() -> None:
    packed = pickle.dumps(reranker).replace(b"tests.scale.workshop", b"tests.scale.worksh0p")
    with pytest.raises(ConfigurationError, match=r"needs a module .*worksh0p.*every machine of the cluster"):
        Making.unpacked(packed)

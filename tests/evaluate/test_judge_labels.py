"""`label`: what is judged, how often, what it may cost, and what comes of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError, Deadline, Usage
from rerank_kit.decide import DecisionReranker
from rerank_kit.errors import BudgetExceeded
from rerank_kit.evaluate import Dataset, Plan, Progress, evaluate, label
from rerank_kit.evaluate.judge_labels import DEFAULT
from rerank_kit.flow import Flow
from rerank_kit.judge import Completion, LLMJudge, Prompt
from rerank_kit.pricing import Price, known_prices
from rerank_kit.testing import ChatServer
from tests.cli.commands import paid
from tests.decide.doubles import Scripted as Decider
from tests.evaluate.labelling import ANIMALS, DATA, DOCUMENTS, judge
from tests.judge.doubles import Scripted, about, honest, in_turn

PRICES = known_prices().override(Price("scripted", "chat", 1000.0, 1_000_000, output=1000.0))


def agreeing(plans: list[Plan]) -> Callable[[Plan], bool]:
    """Agrees, and remembers to what."""

    def agree(plan: Plan) -> bool:
        plans.append(plan)
        return True

    return agree


def test_what_systems_rank_high_is_judged_and_the_rest_has_no_label() -> None:
    by_words, model = judge()
    found = label(DATA, by_words, ["bm25"], depth=2)
    assert len(found.pairs) == len(model.prompts) == 16
    data = found.dataset(unreviewed=True)
    assert data.judgements["cat"]["cat eats"] == 1
    assert all(len(grades) == 2 for grades in data.judgements.values())
    assert set(data.labelled_by["cat"].values()) == {"scripted"}
    assert (data.queries, data.documents) == (DATA.queries, DATA.documents)
    assert found.judge == "scripted"
    assert str(found).splitlines()[:2] == [
        "animals: 16 pairs of query and document that had no label",
        f"scripted labelled 16 of them, {found.to_dict()['relevant']} as relevant",
    ]


def test_the_documents_of_all_systems_are_pooled_each_once() -> None:
    def last(query: str, texts: Sequence[str]) -> list[float]:
        return [float(place) for place in range(len(texts))]

    alone = label(DATA, None, ["bm25"], depth=1)
    both = label(DATA, None, {"last": last}, depth=1)
    assert len(alone.pairs) == 8
    assert len(both.pairs) == 16
    assert {each.key for each in alone.pairs} <= {each.key for each in both.pairs}
    assert DEFAULT == ("bm25@50 > onnx:embedded",)


def test_what_is_labelled_already_is_left_out_and_stays() -> None:
    data = Dataset("animals", DATA.queries, {"cat": {"cat eats": 3}}, DOCUMENTS)
    by_words, model = judge()
    found = label(data, by_words, ["bm25"], depth=1)
    assert len(model.prompts) == 7
    labelled = found.dataset(unreviewed=True)
    assert labelled.judgements["cat"] == {"cat eats": 3}
    assert "cat" not in labelled.labelled_by


def test_equal_texts_are_judged_once_and_all_labelled() -> None:
    data = Dataset("twins", {"q": "cat eats"}, {}, {"one": "cat eats", "two": "cat eats", "blank": "  "})
    by_words, model = judge()
    found = label(data, by_words, ["bm25"])
    assert len(model.prompts) == 1
    assert found.dataset(unreviewed=True).judgements == {"q": {"one": 1, "two": 1}}
    assert len(found.sample) == 1


def test_grades_below_half_are_not_relevant_and_others_as_they_are() -> None:
    graded, _ = judge(mode="grade")
    grades = label(DATA, graded, ["bm25"], depth=3).dataset(unreviewed=True).judgements["cat"]
    assert grades["cat eats"] == 2
    assert set(grades.values()) <= {0, 2}
    decider = Decider()
    for each in (DecisionReranker(decider, ask="yes-no", seed=1), DecisionReranker(decider, ask="score", seed=1)):
        found = label(DATA, each, ["bm25"], depth=3)
        assert found.dataset(unreviewed=True).judgements["cat"]["cat eats"] >= 1
    with pytest.raises(ConfigurationError, match="judge must ask 'yes-no' or 'score', not 'choice'"):
        label(DATA, DecisionReranker(decider, ask="choice"), ["bm25"])
    with pytest.raises(ConfigurationError, match="judge must be of mode 'filter' or 'grade', not 'listwise'"):
        label(DATA, judge(mode="listwise")[0], ["bm25"])
    with pytest.raises(ConfigurationError, match=r"judge must be a rerank_kit\.judge\.LLMJudge or"):
        label(DATA, "claude", ["bm25"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_what_a_judge_refuses_stays_unlabelled_is_told_and_asked_again(tmp_path: Path) -> None:
    refusing, _ = judge(about("cat eats", Completion("", stop="refusal")))
    found = label(DATA, refusing, ["bm25"], depth=1, store=tmp_path / "s.sqlite")
    assert [each.document for each in found.unjudged] == ["cat eats"]
    assert "1 of 8 pairs could not be judged, and stay unlabelled: the model refused to answer (1)" in found.notes
    data = found.dataset(unreviewed=True)
    assert data.judgements.get("cat", {}) == {}
    assert len(data.judgements) == 7
    by_words, model = judge()
    again = label(DATA, by_words, ["bm25"], depth=1, store=tmp_path / "s.sqlite")
    assert len(model.prompts) == 1
    assert not again.unjudged
    blank = label(Dataset("one", {"q": "a b"}, {}, {"d": " "}, {"q": ["d"]}), by_words, ["given"])
    assert list(blank.unjudged.values()) == ["it has no text"]


def test_a_judge_that_labels_nothing_makes_no_dataset_and_the_cause_is_named() -> None:
    refusing, _ = judge(lambda question: Completion("", stop="refusal"))
    found = label(DATA, refusing, ["bm25"], depth=1)
    told = r"scripted labelled none of 8 pairs: the model refused to answer \(8\)"
    assert found.failure is not None
    for unreviewed in (False, True):
        with pytest.raises(ConfigurationError, match=told):
            found.dataset(unreviewed=unreviewed)
    data = Dataset("animals", DATA.queries, {"cat": {"cat eats": 3}}, DOCUMENTS)
    assert label(data, refusing, ["bm25"], depth=1).dataset().judgements == {"cat": {"cat eats": 3}}


def test_a_judge_that_can_judge_nothing_is_not_asked_to_the_end() -> None:
    refusing, model = judge(lambda question: Completion("", stop="refusal"))
    found = label(DATA, refusing, ["bm25"], depth=10)
    assert len(found.unjudged) == len(found.pairs) == 80
    assert len(model.prompts) == 30
    told = r"labelled none of 80 pairs: not asked, since the first 30 could not be judged: the model refused .* \(50\)"
    with pytest.raises(ConfigurationError, match=told):
        found.dataset()
    late, model = judge(in_turn(honest, *[lambda question: Completion("", stop="refusal")] * 79))
    assert len(label(DATA, late, ["bm25"], depth=10).given) == 1
    assert len(model.prompts) == 80


def test_nothing_is_judged_twice_whoever_ends_the_run(tmp_path: Path) -> None:
    def stop(question: object) -> str:
        raise KeyboardInterrupt

    store = tmp_path / "s.sqlite"
    stopped, first = judge(in_turn(*[honest] * 3, stop))
    with pytest.raises(KeyboardInterrupt):
        label(DATA, stopped, ["bm25"], depth=1, store=store)
    by_words, second = judge()
    told: list[Progress] = []
    found = label(DATA, by_words, ["bm25"], depth=1, store=store, progress=told.append)
    assert len(first.prompts) + len(second.prompts) == 8 + 1
    assert len(found.given) == 8
    assert told[-1] == Progress("scripted", 8, 8, 0.0)
    third, other = judge(criterion="is about the animal of the query"), judge()
    label(DATA, third[0], ["bm25"], depth=1, store=store)
    label(DATA, other[0], ["bm25"], depth=1, store=store)
    assert (len(third[1].prompts), len(other[1].prompts)) == (8, 0)


PROGRAM = """
    import sys
    from rerank_kit.evaluate import label
    from rerank_kit.judge import LLMJudge, OpenAICompatible
    from tests.evaluate.labelling import DATA

    judge = LLMJudge(OpenAICompatible(sys.argv[1], model="local", api_key="key"), concurrency=1)
    found = label(DATA, judge, ["bm25"], depth=3, store="s.sqlite")
    print(len(found.given))
"""


def test_processes_share_a_store_and_one_that_was_killed_holds_nothing_up(tmp_path: Path) -> None:
    def slow(query: str, text: str) -> float:
        time.sleep(0.02)
        return 1.0

    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM), "utf-8")
    root = str(Path(__file__).parent.parent.parent)
    with ChatServer(slow) as server:
        command = [sys.executable, str(program), server.base_url("openai")]

        def begun() -> subprocess.Popen[str]:
            environment = {**os.environ, "PYTHONPATH": root}
            return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)

        killed = begun()
        while len(server.questions) < 5:
            assert killed.poll() is None
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        both = [begun(), begun()]
        assert [each.communicate(timeout=120)[0] for each in both] == ["24\n", "24\n"]
        times = Counter((each.query, *each.documents.values()) for each in server.questions)
    assert times.total() <= 24 + 2  # what was under way when the first one was killed is asked again
    assert len(times) == 24
    assert max(times.values()) <= 2


def test_the_price_comes_before_and_what_is_unknown_stays_unknown() -> None:
    dear, model = judge(prices=PRICES)
    with pytest.raises(BudgetExceeded, match=r"the run would cost about .*: pass max_cost=.* \(nothing is paid for"):
        label(DATA, dear, ["bm25"], depth=1)
    assert model.prompts == []
    plans: list[Plan] = []
    label(DATA, dear, ["bm25"], depth=1, confirm=agreeing(plans))
    assert plans[0].pairs == 8
    assert plans[0].cost > 0
    unknown, _ = judge()
    label(DATA, unknown, ["bm25"], depth=1, confirm=agreeing(plans))
    assert (plans[1].cost, plans[1].unknown) == (0.0, ("scripted",))
    with pytest.raises(ConfigurationError, match="what these cost is not known: scripted"):
        label(DATA, unknown, ["bm25"], depth=1, max_cost=1)
    with pytest.raises(BudgetExceeded, match="the run was not wanted"):
        label(DATA, unknown, ["bm25"], depth=1, confirm=lambda _: False)


class Greedy(Scripted):
    """Takes far more tokens than it was guessed to."""

    def complete(self, prompt: Prompt, deadline: Deadline = Deadline()) -> Flow[Completion]:  # noqa: B008 - frozen
        answer = yield from super().complete(prompt, deadline)
        return replace(answer, usage=Usage(calls=1, requests=1, input_tokens=100_000, output_tokens=1))


def test_a_run_ends_before_what_would_be_too_dear(tmp_path: Path) -> None:
    dear, _ = judge(prices=PRICES)
    plan: list[Plan] = []
    label(DATA, dear, ["bm25"], depth=1, confirm=agreeing(plan))
    greedy = LLMJudge(Greedy(), prices=PRICES)
    with pytest.raises(
        BudgetExceeded, match=r"were spent, and the next documents may cost .* max_cost=.* ends it here"
    ):
        label(DATA, greedy, ["bm25"], depth=1, max_cost=plan[0].cost * 1.01, store=tmp_path / "s.sqlite")
    assert label(DATA, dear, ["bm25"], depth=1, max_cost=plan[0].cost * 1.01).spent > 0


def test_systems_that_have_a_price_are_agreed_to_first() -> None:
    plans: list[Plan] = []
    with pytest.raises(BudgetExceeded, match=r"the run would cost about"):
        label(DATA, None, [paid], depth=1)
    label(DATA, None, [paid], depth=1, confirm=agreeing(plans))
    assert [each.cost for each in plans] == [7.0]


def test_what_systems_fail_at_is_told() -> None:
    def fails(query: str, texts: Sequence[str]) -> list[float]:
        if "bat" in query:
            raise ValueError("no bats")
        return [1.0] * len(texts)

    found = label(DATA, None, {"mine": fails}, depth=1)
    assert found.notes == ["mine: 1 of 8 rankings are not what was asked for, such as: ValueError: no bats"]


def test_labels_measure_systems_and_a_related_judge_is_told() -> None:
    kin, model = judge()
    model.model = "cohere-judge"
    found = label(DATA, LLMJudge(model), {"cohere:rerank-v4": lambda query, texts: [1.0] * len(texts)}, depth=3)
    assert kin.model == "scripted"
    assert any(each.startswith("judge and system of one family: cohere-judge and") for each in found.notes)
    evaluation = evaluate(found.dataset(unreviewed=True), ["bm25"])
    assert len(evaluation["bm25"].values["nDCG@10"]) == len(ANIMALS)


def test_a_file_of_another_kind_beside_the_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite.turn").write_bytes(b"no database at all, and long enough to be seen as none" * 20)
    with pytest.raises(ConfigurationError, match="cannot be held: file is not a database: remove it"):
        label(DATA, judge()[0], ["bm25"], depth=1, store=tmp_path / "s.sqlite")
    (tmp_path / "s.sqlite.turn").unlink()
    (tmp_path / "s.sqlite.turn").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be held: unable to open database file"):
        label(DATA, judge()[0], ["bm25"], depth=1, store=tmp_path / "s.sqlite")


def test_who_holds_the_turn_is_waited_for(tmp_path: Path) -> None:
    lock = sqlite3.connect(tmp_path / "s.sqlite.turn", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN EXCLUSIVE")
    letting_go = threading.Timer(0.5, lock.close)
    letting_go.start()
    assert len(label(DATA, judge()[0], ["bm25"], depth=1, store=tmp_path / "s.sqlite").given) == 8
    letting_go.join()

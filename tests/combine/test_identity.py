"""What rerankers are known by in a store: their settings, the same in every process."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from rerank_kit import Budget, Cascade, Fallback, Reranker, Rules, Stage
from rerank_kit.combine.identity import described, identity_of, told_apart
from rerank_kit.decide import DecisionLimits
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.rules import one_of
from tests.doubles import Gated, Scripted
from tests.processes import python


def cascade(**options: Any) -> Cascade:
    rules = Rules(prefer=[one_of("kind", {"a", "b", "c", "d"})])
    return Cascade(Stage(rules, top_n=10), Stage(Fallback(Scripted(), Scripted(model="other"))), **options)


def _scoring() -> list[Any]:
    return [lambda query, texts: [1.0], lambda query, texts: [2.0]]  # of users, on one line


def test_it_is_the_same_in_every_process() -> None:
    code = "from tests.combine.test_identity import *; print(described(cascade()))"
    told = {python("-c", code, PYTHONHASHSEED=seed).stdout.strip() for seed in ("1", "2", "3")}
    assert told == {described(cascade())}


class Broken(Scripted):
    @property
    def fingerprint(self) -> str:
        raise OSError("a file is gone")


def test_two_of_one_model_are_told_apart_by_their_settings_and_no_text() -> None:
    assert told_apart(Scripted(), Scripted(model="other")) == ("scripted", "other")
    assert told_apart(Scripted(), Scripted()) == ("scripted", "scripted")
    short, long = OnnxCrossEncoder(max_length=128), OnnxCrossEncoder(max_length=256)
    named = told_apart(short, long)
    assert "max_length=128" in named[0]
    assert "max_length=256" in named[1]
    windows = told_apart(OnnxCrossEncoder(), OnnxCrossEncoder(long_documents="max"))
    for each in windows:
        assert re.fullmatch(r"ms-marco-MiniLM-L-12-v2 \([0-9a-f]{6}\)", each)
    assert windows[0] != windows[1]
    used = Scripted()
    used.rerank("a secret query", ["1"])
    assert "secret" not in "".join(told_apart(used, Broken()))
    assert told_apart(used, Broken()) == ("scripted", "scripted")


def test_a_use_does_not_change_it() -> None:
    made = cascade()
    before = described(made)
    made.rerank("query", ["1", "2"])
    assert described(made) == before


@pytest.mark.parametrize("options", [{"keep_rest": True}, {"budget": Budget(5)}, {"on_budget": "raise"}])
def test_every_setting_is_in_it(options: dict[str, Any]) -> None:
    assert described(cascade(**options)) != described(cascade())


def test_what_is_of_users_is_told_by_class_and_model() -> None:
    assert re.fullmatch(r"tests.doubles.Scripted [0-9a-f]{16}\('scripted'\)", described(Scripted()))
    assert described([Gated()]) == "[gated]"
    assert described(described) == "rerank_kit.combine.identity.described"
    assert re.fullmatch(r"tests.combine.test_identity.cascade [0-9a-f]{16}", described(cascade))
    assert described(int) == "builtins.int"
    one, other = _scoring()
    assert described(one) == described(one)
    assert identity_of(Reranker.of(one)) != identity_of(Reranker.of(other))
    assert described({"b", "a", None}) == "{'a', 'b', None}"


def test_what_holds_itself_and_what_has_no_pickle_ends() -> None:
    inside: list[Any] = []
    inside.append(inside)
    assert described(inside).endswith("…" + "]" * 13)
    made = cascade()
    vars(made)["stages"] = threading.Lock()  # which no pickle holds
    assert "rerank_kit.combine.cascade.Cascade" in described(made)
    stuck = DecisionLimits(questions=2)
    object.__setattr__(stuck, "questions", threading.Lock())
    assert described(stuck).startswith("rerank_kit.decide.limits.DecisionLimits")


class Unpicklable(Scripted):
    """Nobody may pickle it."""

    __module__ = "rerank_kit.mine"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(protocol)


def test_what_refuses_to_be_pickled_is_told_by_its_class() -> None:
    assert described(Unpicklable()) == "rerank_kit.mine.Unpicklable"

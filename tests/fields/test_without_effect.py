"""What would have no effect is refused, and what pydantic would make something else of is refused, too."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import Budget, ConfigurationError
from tests.decide.doubles import Scripted as Decisions
from tests.doubles import Scripted
from tests.judge.doubles import Scripted as Chat

KEY = "sk-planted-Q7w9Zx3LmN4pR8tV"
UNUSED: dict[str, Any] = {
    "model": "jev-latest",
    "api_key": SecretStr(KEY),
    "base_url": "http://127.0.0.1:9",
    "max_retries": 0,
    "request_timeout": 1.0,
}
both = pytest.mark.parametrize("package", [lc, li], ids=["langchain", "llama"])
each_kind = pytest.mark.parametrize(
    ("name", "field", "given"), [("DecisionRerank", "decision_model", Decisions), ("LLMJudgeRerank", "llm", Chat)]
)


@both
@each_kind
def test_how_a_client_is_made_is_refused_beside_one(package: Any, name: str, field: str, given: Any) -> None:
    kind = getattr(package, name)
    for unused, value in UNUSED.items():
        with pytest.raises(ConfigurationError, match=f"^{unused}= would have no effect beside {field}=") as caught:
            kind(**{field: given(), unused: value})
        assert KEY not in str(caught.value)
    with pytest.raises(ConfigurationError, match=f"^model=, base_url= would have no effect beside {field}="):
        kind(**{field: given(), "base_url": "http://127.0.0.1:9", "model": "jev-latest"})


@both
@each_kind
def test_what_is_as_by_default_is_none_of_it(package: Any, name: str, field: str, given: Any) -> None:
    kind = getattr(package, name)
    defaults = {each: kind.model_fields[each].get_default() for each in UNUSED}
    made = kind(**{field: given(), **defaults})
    assert made.model_copy(update={"top_n": 1}).top_n == 1
    with pytest.raises(ConfigurationError, match="base_url= would have no effect"):
        made.base_url = "http://127.0.0.1:9"
    assert made.base_url is None


@both
def test_a_way_to_ask_is_refused_beside_a_decision_model(package: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^api= would have no effect beside decision_model="):
        package.DecisionRerank(decision_model=Decisions(), api="system_one")


def test_what_arrives_in_a_pickle_has_nothing_beside_it() -> None:
    arrived: Any = pickle.loads(pickle.dumps(li.DecisionRerank(decision_model=Decisions())))
    assert arrived.loaded.decider.model == "scripted"


COERCED: list[tuple[str, str, Any, str]] = [
    ("DecisionRerank", "min_answerable", True, "a number or None, not of type bool"),
    ("DecisionRerank", "min_answerable", "0.5", "a number or None, not of type str"),
    ("DecisionRerank", "pairwise", "yes", "True or False, not of type str"),
    ("DecisionRerank", "pairwise", 1, "True or False, not of type int"),
    ("DecisionRerank", "concurrency", "3", "a whole number, not of type str"),
    ("DecisionRerank", "max_calls", 3.0, "a whole number or None, not of type float"),
    ("DecisionRerank", "max_cost", b"1", "a number or None, not of type bytes"),
    ("LLMJudgeRerank", "keep_order", "no", "True or False, not of type str"),
    ("LLMJudgeRerank", "samples", True, "a whole number, not of type bool"),
    ("LLMJudgeRerank", "label_enum", 0, "True or False or None, not of type int"),
    ("CohereRerank", "relevant_spans", "no", "True or False, not of type str"),
    ("EndpointRerank", "pointwise", "false", "True or False, not of type str"),
    ("CrossEncoderRerank", "raw_scores", "off", "True or False, not of type str"),
    ("CrossEncoderRerank", "device", True, "a whole number or None, not of type bool"),
    ("CrossEncoderRerank", "top_n", True, "a whole number or None, not of type bool"),
    ("CrossEncoderRerank", "threshold", "0.5", '"calibrated", a number or None, not of type str'),
    ("CrossEncoderRerank", "timeout", True, "a number or None, not of type bool"),
    ("CascadeRerank", "keep_rest", "no", "True or False, not of type str"),
    ("CascadeRerank", "budget", True, "a number or None, not of type bool"),
    ("CascadeRerank", "budget", "2", "a number or None, not of type str"),
    ("RerankCompressor", "distinct", True, '"document", "text", a number or None, not of type bool'),
]


@pytest.mark.parametrize(("name", "field", "value", "told"), COERCED)
def test_what_pydantic_would_make_something_else_of_is_refused(name: str, field: str, value: Any, told: str) -> None:
    kinds = [getattr(package, name) for package in (lc, li) if hasattr(package, name)]
    for kind in kinds:
        with pytest.raises(ValidationError, match=f"{field} must be {told}"):
            kind(**{field: value, **needed(kind)})
        made = kind(reranker=Scripted(), **needed(kind))
        with pytest.raises(ValidationError, match=f"{field} must be {told}"):
            made.model_copy(update={field: value})


def needed(kind: Any) -> dict[str, Any]:
    stage = kind.__mro__[2] if kind.__name__ == "CascadeRerank" else None
    given = {
        "stages": [] if stage is None else [stage(reranker=Scripted())],
        "base_url": "http://127.0.0.1:9",
        "model": "rerank-v4.0-fast",
    }
    return {name: given[name] for name, field in kind.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("name", ["recall", "top_n", "threshold"])
def test_a_retriever_refuses_it_too(name: str) -> None:
    given: dict[str, Any] = {"base_compressor": lc.RerankCompressor(reranker=Scripted()), name: True}
    with pytest.raises(ValidationError, match=f"{name} must be .*a .*number.*, not of type bool"):
        lc.RerankRetriever(base_retriever=lc.BM25Retriever.from_texts(["a", "b"]), **given)


def test_what_is_a_number_or_a_name_is_taken() -> None:
    made = lc.RerankCompressor(reranker=Scripted(), threshold=1, timeout=2, distinct="text", top_n=None)
    assert (made.threshold, made.timeout, made.distinct, made.top_n) == (1.0, 2.0, "text", None)
    assert lc.CascadeRerank(stages=[lc.RerankCompressor(reranker=Scripted())], budget=Budget(2.0)).budget == Budget(2.0)
    assert lc.CrossEncoderRerank(reranker=Scripted(), device="cpu").device == "cpu"

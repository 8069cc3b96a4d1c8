"""The plain fields of a reranker are said once, and every class of both adapters has them, with their documentation."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from llama_index.core.schema import BaseComponent
from pydantic import BaseModel, Field, SecretStr
from pydantic.json_schema import JsonSchemaMode

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit.managed
from rerank_kit.decide import DecisionReranker
from rerank_kit.fields import RerankFields, managed
from rerank_kit.fields.api import ApiFields
from rerank_kit.judge import LLMJudge
from rerank_kit.managed import ManagedReranker
from tests.decide import doubles as deciders
from tests.judge.doubles import Scripted

ROOT = Path(__file__).parents[2]
ADAPTERS = [langchain_rerank_kit, llama_rerank_kit]
THEIRS = {"callback_manager", "class_name"}  # fields that LlamaIndex adds


def models(package: ModuleType) -> list[type[BaseModel]]:
    """The pydantic models that an adapter defines, wherever in it."""
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    found = [(module, each) for module in modules for each in vars(module).values() if inspect.isclass(each)]
    return [each for module, each in found if issubclass(each, BaseModel) and each.__module__ == module.__name__]


def rerankers(package: ModuleType) -> list[type[RerankFields]]:
    return [each for each in models(package) if issubclass(each, RerankFields)]


MODELS = [each for package in ADAPTERS for each in models(package) if each.model_fields]
RERANKERS = [each for package in ADAPTERS for each in rerankers(package)]


def name(kind: type[object]) -> str:
    return f"{kind.__module__.partition('_')[0]}-{kind.__name__}"


@pytest.mark.parametrize("package", ADAPTERS)
def test_the_classes_of_vendors_are_those_that_make_classes_writes(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    written: str = importlib.import_module("make_classes").classes(package.__name__)
    there = (ROOT / package.__name__ / "managed.py").read_text("utf-8")
    assert there == written, "run `make classes`"


def test_both_adapters_have_a_class_for_the_same_rerankers() -> None:
    ours, theirs = ({each.__name__ for each in rerankers(package)} for package in ADAPTERS)
    assert ours - {"RerankCompressor"} == theirs - {"RerankPostprocessor"}
    assert len(ours) > 9


def test_every_vendor_has_fields() -> None:
    public = [getattr(rerank_kit.managed, each) for each in rerank_kit.managed.__all__]
    vendors = {each.__name__ for each in public if inspect.isclass(each) and issubclass(each, ManagedReranker)}
    assert {each.removesuffix("Fields") for each in managed.__all__} == vendors - {"ManagedReranker"}


@pytest.mark.parametrize("kind", RERANKERS, ids=name)
def test_every_field_is_documented_where_readers_programs_and_help_look(kind: type[RerankFields]) -> None:
    fields = {each: field for each, field in kind.model_fields.items() if each not in THEIRS}
    assert {"reranker", "top_n", "threshold", "timeout"} <= fields.keys()
    assert [each for each, field in fields.items() if not field.description] == []
    told = inspect.getdoc(kind) or ""
    promise, _, attributes = told.partition("\n\nAttributes:\n")
    assert promise
    for each, field in fields.items():
        assert f"    {each}: {field.description}" in attributes
    assert set(inspect.signature(kind).parameters) - THEIRS == fields.keys()


JUDGE: dict[str, Any] = {  # other values than those they have by themselves
    "mode": "grade",
    "criterion": "is safe to quote",
    "instructions": "Say whether it {criterion}.",
    "concurrency": 3,
    "documents_per_call": 4,
    "window": 9,
    "step": 2,
    "min_keep": 0,
    "keep_order": False,
    "samples": 5,
    "max_calls": 6,
    "max_cost": 0.5,
    "max_tokens_per_doc": 77,
    "label_enum": True,
    "unanswerable": "flag",
}


@pytest.mark.parametrize("package", ADAPTERS)
def test_every_setting_of_a_judge_is_a_field_and_arrives(package: ModuleType) -> None:
    settings = set(inspect.signature(LLMJudge).parameters) - {"model", "on_error", "prices", "seed"}
    assert settings == {*JUDGE, "min_answerable"}
    chat = Scripted(model="claude-haiku-4-5")
    judge: LLMJudge = package.LLMJudgeRerank(llm=chat, on_failed_call="raise", **JUDGE).loaded
    made = vars(judge)
    assert made == vars(LLMJudge(chat, on_error="raise", **JUDGE))
    unchanged = {each for each, held in vars(LLMJudge(chat)).items() if made[each] == held}
    assert unchanged == {"chat", "model", "_prices", "_seed", "_fixed"}
    abstaining = package.LLMJudgeRerank(llm=chat, min_answerable=0.4).loaded
    assert vars(abstaining) == vars(LLMJudge(chat, min_answerable=0.4))


DECISIONS: dict[str, Any] = {
    "ask": "score",  # which alone has levels
    "criterion": "is safe to quote",
    "levels": ["no", "yes"],
    "pairwise": True,
    "concurrency": 3,
    "max_tokens_per_doc": 77,
    "too_long": "raise",
    "max_calls": 6,
    "max_cost": 0.5,
    "min_answerable": 0.4,
    "unanswerable": "flag",
}


@pytest.mark.parametrize("package", ADAPTERS)
def test_every_setting_of_a_decision_model_is_a_field_and_arrives(package: ModuleType) -> None:
    settings = set(inspect.signature(DecisionReranker).parameters) - {"model", "on_error", "prices", "seed"}
    assert settings == DECISIONS.keys()
    model = deciders.Scripted(model="gpt-6-luna")
    changed: DecisionReranker = package.DecisionRerank(decision_model=model, on_failed_call="raise", **DECISIONS).loaded
    made = vars(changed)
    assert made == vars(DecisionReranker(model, on_error="raise", **DECISIONS))
    unchanged = {each for each, held in vars(DecisionReranker(model)).items() if made[each] == held}
    assert unchanged == {"decider", "model", "ask", "_prices", "_seed", "_fixed"}
    assert package.DecisionRerank(decision_model=model, ask="yes-no").loaded.ask == "yes-no"
    plain: DecisionReranker = package.DecisionRerank(decision_model=model).loaded
    assert vars(plain) == vars(DecisionReranker(model))


@pytest.mark.parametrize("kind", [each for each in RERANKERS if issubclass(each, ApiFields)], ids=name)
def test_what_holds_of_every_request_arrives(kind: type[ApiFields]) -> None:
    needed = {each for each, field in kind.model_fields.items() if field.is_required()}
    given: Any = {each: "http://127.0.0.1:9" if each == "base_url" else "model" for each in needed}
    made: Any = kind(api_key=SecretStr("key"), max_retries=7, request_timeout=11.0, **given).loaded
    client = getattr(made, "chat", getattr(made, "decider", made))
    assert (client.max_retries, client.timeout) == (7, 11.0)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("kind", MODELS, ids=name)
def test_every_class_has_a_json_schema(kind: type[BaseModel], mode: JsonSchemaMode) -> None:
    schema = kind.model_json_schema(mode=mode)
    assert json.loads(json.dumps(schema)) == schema
    properties: dict[str, Any] = schema.get("properties", {})  # a LlamaIndex component does not say how it is dumped
    assert properties or (mode == "serialization" and issubclass(kind, BaseComponent))
    assert "reranker" not in properties  # it is no plain value
    for each in (kind.model_fields.keys() & properties.keys()) - THEIRS:
        description = kind.model_fields[each].description
        assert description is None or properties[each]["description"] == description


def test_a_class_of_ones_own_is_documented_too() -> None:
    class Mine(langchain_rerank_kit.RerankCompressor):
        colour: str = Field(default="red", description="Which colour.")

    class Yours(Mine):
        """This is yours."""

        top_n: int | None = 5

    class Theirs(Mine):
        """This is theirs.

        Attributes:
            colour: Any.
        """

    assert str(Mine.__doc__).startswith("Puts documents in order of relevance and keeps the best.\n\nIt works")
    assert "\n    timeout: Seconds allowed.\n" in str(Mine.__doc__)
    assert str(Mine.__doc__).endswith("\n    colour: Which colour.")
    assert str(Yours.__doc__).startswith("This is yours.\n\nAttributes:\n    reranker: Any")
    assert "\n    top_n: How many to return at most" in str(Yours.__doc__)
    assert inspect.getdoc(Theirs) == "This is theirs.\n\nAttributes:\n    colour: Any."

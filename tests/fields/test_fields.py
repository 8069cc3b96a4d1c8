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
from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit.managed
from rerank_kit.fields import RerankFields, managed
from rerank_kit.managed import ManagedReranker

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


MODELS = [each for package in ADAPTERS for each in models(package)]
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

    class Theirs(Mine):
        """This is theirs.

        Attributes:
            colour: Any.
        """

    assert str(Mine.__doc__).startswith("Puts documents in order of relevance and keeps the best.\n\nIt works")
    assert str(Mine.__doc__).endswith("\n    timeout: Seconds allowed.\n    colour: Which colour.")
    assert str(Yours.__doc__).startswith("This is yours.\n\nAttributes:\n    reranker: Any")
    assert inspect.getdoc(Theirs) == "This is theirs.\n\nAttributes:\n    colour: Any."

"""Subclasses whose `__init__` is somebody's own: it takes what it says, and what it passes on is checked."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from pydantic import ConfigDict

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit.errors import WrongArguments
from tests.doubles import Scripted

RETRIEVER = lc.BM25Retriever(docs=[Document("a")])
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (lc.RerankCompressor, {"reranker": Scripted()}),
    (li.RerankPostprocessor, {"reranker": Scripted()}),
    (lc.RerankRetriever, {"base_retriever": RETRIEVER, "base_compressor": lc.RerankCompressor(reranker=Scripted())}),
    (lc.BM25Retriever, {"docs": [Document("a")]}),
]
each_kind = pytest.mark.parametrize(("kind", "needed"), KINDS)


@each_kind
def test_an_init_of_its_own_takes_what_it_says(kind: Any, needed: dict[str, Any]) -> None:
    class Mine(kind):  # type: ignore[misc]
        def __init__(self, weight: float = 1.0, **others: Any) -> None:
            super().__init__(**needed, **others)
            self._weight = weight

    assert Mine(weight=2)._weight == 2
    assert Mine(2)._weight == 2
    with pytest.raises(WrongArguments, match=r"^Mine has no field 'modle'"):
        Mine(2, modle="m")


@each_kind
def test_an_init_of_its_own_without_places_says_so(kind: Any, needed: dict[str, Any]) -> None:
    class Mine(kind):  # type: ignore[misc]
        def __init__(self, **others: Any) -> None:
            super().__init__(**needed, **others)

    make: Any = Mine
    make()
    with pytest.raises(WrongArguments, match=r"^Mine takes its fields by name: it has "):
        make(2)


@each_kind
def test_a_subclass_may_leave_out_further_names_or_keep_them(kind: Any, needed: dict[str, Any]) -> None:
    class Mine(kind):  # type: ignore[misc]
        model_config = ConfigDict(extra="ignore")

    class Keeping(kind):  # type: ignore[misc]
        model_config = ConfigDict(extra="allow")

    assert not hasattr(Mine(**needed, weight=2), "weight")
    assert Keeping(**needed, weight=2).weight == 2

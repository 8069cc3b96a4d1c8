"""Postprocessors by themselves, as LlamaIndex's own are used: that they are handed few nodes is told, once."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import SimilarityPostprocessor

from llama_rerank_kit import (
    CascadeRerank,
    CrossEncoderRerank,
    RecallWarning,
    RerankPostprocessor,
    RuleRerank,
    with_rerank,
)
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.llama.stores import Says, Words, index, notes

pytestmark = pytest.mark.filterwarnings("error")

KINDS: list[Callable[[], RerankPostprocessor]] = [
    lambda: RerankPostprocessor(reranker=Scripted()),
    lambda: CrossEncoderRerank(reranker=Scripted()),
    lambda: RuleRerank(rules={}, top_n=2),
    lambda: CascadeRerank(stages=[RerankPostprocessor(reranker=Scripted(), top_n=10)], top_n=2),
]


def ours(**fields: Any) -> RerankPostprocessor:
    return RerankPostprocessor(reranker=Scripted(), **fields)


def engine(*postprocessors: Any, **fields: Any) -> Any:
    return index().as_query_engine(llm=Says(), node_postprocessors=list(postprocessors), **fields)


@pytest.mark.parametrize("kind", KINDS)
def test_a_postprocessor_in_an_engine_as_it_is_says_what_to_write(
    colour: Colour, kind: Callable[[], RerankPostprocessor]
) -> None:
    postprocessor = kind()
    mine = engine(postprocessor)
    with pytest.warns(RecallWarning) as told:
        colour(mine, "query", "note")
    (said,) = [str(each.message) for each in told]
    assert said.startswith(f"{type(postprocessor).__name__} was handed 2 candidates, of which it returns 2: ")
    assert "Write with_rerank(index.as_query_engine(), postprocessor) in place of node_postprocessors=" in said
    colour(mine, "query", "note")  # and not again
    colour(with_rerank(engine(), postprocessor), "query", "note")  # what it says helps


def test_it_is_said_once_for_each_line_of_the_users() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            engine(ours()).query("note")
            asyncio.run(engine(ours()).aquery("note"))
    assert len(told) == 2
    assert {each.filename for each in told} == {__file__}


def test_it_is_said_in_a_chat_engine_too(colour: Colour) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=Says())
    chat = ContextChatEngine.from_defaults(
        index().as_retriever(), llm=Says(), memory=memory, node_postprocessors=[ours()]
    )
    with pytest.warns(RecallWarning, match="^RerankPostprocessor was handed 2 candidates"):
        colour(chat, "chat", "note")


def test_it_is_said_where_nodes_are_passed_by_hand(colour: Colour) -> None:
    nodes = index().as_retriever(similarity_top_k=4).retrieve("note")
    colour(ours(top_n=4), "postprocess_nodes", nodes, query_str="note")  # only the order counts
    with pytest.warns(RecallWarning, match=r"^RerankPostprocessor was handed 4 candidates.*pass top_n=None"):
        colour(ours(), "postprocess_nodes", nodes, query_str="note")


@pytest.mark.parametrize(
    "made",
    [
        lambda: engine(ours(), similarity_top_k=20),
        lambda: engine(ours(top_n=None)),
        lambda: engine(SimilarityPostprocessor(similarity_cutoff=0.0), ours()),
        lambda: with_rerank(engine(), ours()),
        lambda: with_rerank(engine(ours()), ours()),
    ],
    ids=["enough", "all come back", "behind another", "with_rerank", "before it"],
)
def test_nothing_is_said_where_it_is_meant_or_something_else_may_have_cut(
    colour: Colour, made: Callable[[], Any]
) -> None:
    assert colour(made(), "query", "note").source_nodes


@pytest.mark.parametrize(
    "made",
    [lambda few: with_rerank(few(), ours()), lambda few: with_rerank(few(node_postprocessors=[ours()]), ours())],
    ids=["itself", "behind another"],
)
def test_a_small_collection_is_not_told_of_twice(colour: Colour, made: Callable[[Any], Any]) -> None:
    few = VectorStoreIndex(notes(6), embed_model=Words())
    with pytest.warns(RecallWarning) as told:
        colour(made(partial(few.as_query_engine, llm=Says())), "query", "note")
    (said,) = [str(each.message) for each in told]
    assert "brought 6 candidates where 50 were asked for" in said

"""What stands where something else is wanted: the error says what it is, and what to write."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import RetrieverTool
from pydantic import ValidationError

from llama_rerank_kit import (
    CascadeRerank,
    LlamaIndexChat,
    LLMJudgeRerank,
    RerankPostprocessor,
    RerankRetriever,
    widen,
    with_rerank,
)
from rerank_kit import ConfigurationError, Reranker
from tests.conftest import Colour
from tests.doubles import Scripted, last_numbers
from tests.llama.stores import Numbers, Says, index

NODES = [NodeWithScore(node=TextNode(text=f"node {number}")) for number in range(3)]
SECOND = ", which is a reranker: it goes second, with_rerank(retriever, reranker)"
FIRST = ", which finds documents and puts them in no order"


def of_langchain(name: str) -> Any:
    """Something of a class of LangChain's, which need not be installed."""
    base = type(name, (), {"__module__": "langchain_core.somewhere"})
    return type("Mine", (base,), {"__module__": "mine"})()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Scripted(), SECOND),
        (RerankPostprocessor(reranker=Scripted()), f"not RerankPostprocessor{SECOND}"),
        (type(index()), "target is the class VectorStoreIndex: pass an object of it"),
        (index().vector_store, ": pass an index on it, VectorStoreIndex.from_vector_store(store)"),
        (NODES, "RerankPostprocessor(reranker=…).postprocess_nodes(nodes, query_str=query)"),
        (NODES, "to search in them, pass a retriever or an index of them, such as VectorStoreIndex.from_documents("),
        (
            RetrieverTool.from_defaults(Numbers(), description="finds"),
            ", which is a tool: wrap the retriever or engine that it is made of, and make the tool of what comes back",
        ),
        (of_langchain("BaseRetriever"), "not Mine, which is LangChain's: take with_rerank from langchain_rerank_kit"),
        ("text", "not 'text'"),
        (None, "not None"),
    ],
)
def test_what_is_no_target_is_told_what_to_do(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_rerank(given, Scripted())
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Numbers(), f"not Numbers{FIRST}"),
        (index(), f"not VectorStoreIndex{FIRST}"),
        (index().as_query_engine(llm=Says()), f"not RetrieverQueryEngine{FIRST}"),
        (of_langchain("BaseDocumentCompressor"), "not Mine, which is for LangChain"),
        (Says(), "not Says, which is an LLM: pass LLMJudge(LlamaIndexChat(llm))"),
        ([Scripted()], "pass them one by one, or one made of them, such as Cascade(first, second)"),
        (Scripted, "reranker is the class Scripted: pass an object of it, such as Scripted(…)"),
    ],
)
def test_what_is_no_reranker_is_told_what_to_do(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_rerank(Numbers(), given)
    assert told in str(caught.value)


@pytest.mark.parametrize("other", [Numbers(), index(), index().as_query_engine(llm=Says())])
def test_the_two_swapped_are_told_so(other: Any) -> None:
    given: Any = Scripted()
    with pytest.raises(ConfigurationError, match=r"^target and reranker are swapped: write with_rerank\(target, rer"):
        with_rerank(given, other)


@pytest.mark.parametrize(
    ("nodes", "query", "told"),
    [
        (NODES, {}, "a reranker compares each node with the query: pass query_str= or query_bundle="),
        (
            NODES,
            {"query_bundle": "q"},
            "query_bundle must be a QueryBundle, not 'q': pass text by its name",
        ),
        ("q", {"query_bundle": NODES}, "nodes must be a list of NodeWithScore, not str: postprocess_nodes("),
        (NODES[0], {"query_str": "q"}, "not NodeWithScore: postprocess_nodes(nodes, query_str=query)"),
        (iter(NODES), {"query_str": "q"}, "nodes must be a list of NodeWithScore, not list_iterator: pass list(nodes)"),
        (
            [TextNode(text="a")],
            {"query_str": "q"},
            "nodes[0] must be a NodeWithScore, not TextNode: pass NodeWith",
        ),
        (
            [*NODES, "a"],
            {"query_str": "q"},
            "nodes[3] must be a NodeWithScore, not 'a': pass NodeWithScore(node=",
        ),
        (
            [of_langchain("Document")],
            {"query_str": "q"},
            "not Mine of LangChain: its documents are reranked by the cla",
        ),
    ],
)
def test_nodes_that_are_none_are_told_how_to_be_some(nodes: Any, query: Any, told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", nodes, **query)
    assert told in str(caught.value)


def test_a_bundle_and_a_tuple_are_fine(colour: Colour) -> None:
    made = RerankPostprocessor(reranker=Scripted(), top_n=1)
    (best,) = colour(made, "postprocess_nodes", tuple(NODES), query_bundle=QueryBundle("q"))
    assert best.node is NODES[-1].node


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ("top_n", "its postprocessor has it: assign retriever.postprocessor.top_n"),
        ("top_k", "its postprocessor has it: assign retriever.postprocessor.top_n"),
        ("recall", "assign retriever.recall"),
        ("colour", "it has none at all"),
    ],
)
def test_a_setting_in_a_call_is_told_where_it_belongs(passed: str, told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(with_rerank(Numbers(), Scripted()), "retrieve", "query", **{passed: 1})
    assert str(caught.value).endswith(f"retrieve has no argument {passed!r}: {told}")


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ("top_n", "it is a field: pass it to the class, or assign postprocessor.top_n"),
        ("query", "did you mean query_str?"),
        ("documents", "it has nodes, query_bundle, query_str"),
    ],
)
def test_a_setting_in_a_call_of_a_postprocessor_too(passed: str, told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(RerankPostprocessor(reranker=Scripted()), "postprocess_nodes", NODES, **{passed: 1})
    assert str(caught.value).endswith(f"postprocess_nodes has no argument {passed!r}: {told}")


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (
            [Scripted()],
            "stages[0] must be a RerankPostprocessor, not Scripted: wrap it, RerankPostprocessor(reranker=…)",
        ),
        ([last_numbers], "not function: wrap it, RerankPostprocessor(reranker=…)"),
        ([RerankPostprocessor], "stages[0] is the class RerankPostprocessor: pass an object of it"),
        (RerankPostprocessor(reranker=Scripted()), "stages must be a list of RerankPostprocessors, not RerankPostproc"),
        ([5], "stages[0] must be a RerankPostprocessor, not int"),
    ],
)
def test_what_is_no_stage_is_told_what_to_write(stages: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CascadeRerank(stages=stages)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["top_n", "recall", "threshold", "reranker"])
def test_what_an_index_would_leave_out_in_silence_is_told_where_it_belongs(name: str) -> None:
    better = with_rerank(index(), Scripted())
    told = rf"{name} is said when the index is wrapped, with_rerank\(index, {name}=…\)"
    more: Any = {name: 3}
    with pytest.raises(ConfigurationError, match=told):
        better.as_retriever(**more)
    with pytest.raises(ConfigurationError, match=told):
        better.as_query_engine(llm=Says(), **more)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Scripted, "reranker is the class Scripted: pass an object of it"),
        (Numbers(), f"not Numbers{FIRST}"),
        (
            RerankPostprocessor(reranker=Scripted()),
            "which is for LlamaIndex: pass the reranker that is in it",
        ),
    ],
)
def test_a_field_says_the_same(given: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RerankPostprocessor(reranker=given)
    assert told in str(caught.value)


def test_a_field_takes_a_function(colour: Colour) -> None:
    function: Any = last_numbers
    made = RerankPostprocessor(reranker=function, top_n=1)
    assert isinstance(made.reranker, Reranker)
    (best,) = colour(made, "postprocess_nodes", NODES, query_str="q")
    assert best.node is NODES[-1].node


@pytest.mark.parametrize(
    ("call", "given", "told"),
    [
        (widen, [index(), 50], "retriever must be a LlamaIndex retriever, such as index.as_retriever(), not "),
        (widen, [Numbers(), "50"], "recall must be a whole number of at least 1, not '50'"),
        (widen, [Numbers(), 50, 5], "widen must be a function of a retriever and a recall, not 5"),
        (RerankRetriever, [Numbers(), Scripted()], "widening must be what with_rerank(retriever, reranker) makes"),
        (RerankRetriever, [widen(Numbers(), 50), Scripted()], "postprocessor must be what with_rerank("),
        (LlamaIndexChat, ["gpt"], "llm must be a LlamaIndex LLM, not 'gpt'"),
    ],
)
def test_a_wrong_kind_is_no_error_of_anybody_elses(call: Any, given: list[Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(*given)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("llm", "told"),
    [
        ("gpt", "llm must be a chat model of the framework, or one with a method complete, such as rerank_kit.judge."),
        (of_langchain("BaseChatModel"), ": wrap it, LangChainChat(llm)"),
    ],
)
def test_what_is_no_llm_is_told_by_its_name(llm: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LLMJudgeRerank(llm=llm)
    assert told in str(caught.value)

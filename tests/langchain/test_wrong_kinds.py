"""What stands where something else is wanted: the error says what it is, and what to write."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError

import llama_rerank_kit as li
from langchain_rerank_kit import (
    BM25Retriever,
    CascadeRerank,
    LangChainChat,
    LLMJudgeRerank,
    RerankCompressor,
    RuleRerank,
    widen,
    with_rerank,
)
from rerank_kit import Cascade, ConfigurationError, Fallback, Reranker
from rerank_kit import Document as Core
from rerank_kit.errors import more_about
from rerank_kit.judge import Anthropic, LLMJudge
from rerank_kit.rules import equals
from tests.conftest import Colour
from tests.doubles import Scripted, last_numbers
from tests.llama.stores import index


class Numbers(BaseRetriever):
    """Brings documents that end in numbers."""

    k: int = 4

    def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
        return [Document(page_content=f"document {number}") for number in range(self.k)]


STORE = InMemoryVectorStore(DeterministicFakeEmbedding(size=3))
PAGES = [Document(page_content="a 1"), Document(page_content="b 2")]
CHAT = FakeListChatModel(responses=["{}"])
SECOND = ", which is a reranker: it goes second, with_rerank(retriever, reranker)"
FIRST = ", which finds documents and puts them in no order"


def theirs(name: str = "CrossEncoder", package: str = "sentence_transformers.model") -> Any:
    """A model as sentence-transformers or transformers has loaded it."""
    return type(name, (), {"__module__": package, "__call__": last_numbers})()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Scripted(), f"not Scripted(score=<function .*{SECOND}"),
        (RerankCompressor(reranker=Scripted()), f"not RerankCompressor{SECOND}"),
        (InMemoryVectorStore, "retriever is the class InMemoryVectorStore: pass an object of it"),
        (
            PAGES,
            "not a list (.*: to search in them, pass a retriever or an index of them, such as BM25Retriever.from_docu",
        ),
        (["text"], "RerankCompressor(reranker=…).compress_documents(documents, query)"),
        ([], "not a list ([])"),
        ("text", "not 'text'"),
        (None, "not None"),
        (index(), "not VectorStoreIndex, which is LlamaIndex's: take with_rerank from llama_rerank_kit"),
        (index().as_retriever(), "which is LlamaIndex's: take with_rerank from llama_rerank_kit"),
        (CHAT, "not FakeListChatModel"),
    ],
)
def test_what_is_no_retriever_is_told_what_to_do(given: Any, told: str) -> None:
    start, _, end = told.partition(".*")
    with pytest.raises(ConfigurationError) as caught:
        with_rerank(given, Scripted())
    assert start in str(caught.value)
    assert end in str(caught.value)
    assert str(caught.value).startswith(("retriever must be a LangChain retriever, a vector store", "retriever is"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Numbers(), f"not Numbers{FIRST}"),
        (STORE, f"not InMemoryVectorStore{FIRST}"),
        (
            li.RerankPostprocessor(reranker=Scripted()),
            "which is for LlamaIndex: pass the reranker that is in it",
        ),
        (CHAT, "not FakeListChatModel, which is an LLM: pass LLMJudge(LangChainChat(llm))"),
        ([Scripted(), Scripted()], "pass them one by one, or one made of them, such as Cascade(first, second)"),
        (Scripted, "reranker is the class Scripted: pass an object of it, such as Scripted(…)"),
        (theirs(), "pass SentenceTransformersCrossEncoder(model), which takes it as it is"),
        (theirs("SentenceTransformer"), "not SentenceTransformer, which is an embedding model and makes vectors, no"),
        (
            theirs("BertForSequenceClassification", "transformers.models.bert"),
            "not BertForSequenceClassification, which is a part of a model: pass SentenceTransformersCrossEncoder(mo",
        ),
        (5, "not 5"),
    ],
)
def test_what_is_no_reranker_is_told_what_to_do(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_rerank(Numbers(), given)
    assert told in str(caught.value)


@pytest.mark.parametrize(("one", "other"), [(Scripted(), Numbers()), (RerankCompressor(reranker=Scripted()), STORE)])
def test_the_two_swapped_are_told_so(one: Any, other: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^retriever and reranker are swapped: write with_rerank\(retr"):
        with_rerank(one, other)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Scripted, "reranker is the class Scripted: pass an object of it"),
        ("a model", "not str: for a model of some name pass rerank_kit.local.cross_encoder"),
        (Numbers(), f"not Numbers{FIRST}"),
        (
            RerankCompressor(reranker=Scripted()),
            "not RerankCompressor, which is for LangChain: pass the reranker",
        ),
    ],
)
@pytest.mark.parametrize("change", [False, True])
def test_a_field_says_the_same_and_shows_no_value(given: Any, told: str, change: bool) -> None:
    made = RerankCompressor(reranker=Scripted())
    with pytest.raises(ValidationError) as caught:
        made.model_copy(update={"reranker": given}) if change else RerankCompressor(reranker=given)
    assert told in str(caught.value)
    assert "a model'" not in str(caught.value)


def test_a_field_takes_a_function(colour: Colour) -> None:
    given: Any = last_numbers
    for made in (RerankCompressor(reranker=given), RerankCompressor(reranker=Scripted())):
        made.reranker = given
        assert isinstance(made.reranker, Reranker)
        assert [each.page_content for each in colour(made, "compress_documents", PAGES, "q")] == ["b 2", "a 1"]


@pytest.mark.parametrize(
    ("documents", "query", "told"),
    [
        ("query", PAGES, "documents and query are swapped: write compress_documents(documents, query)"),
        (PAGES[0], "query", "documents must be a list of LangChain documents, not Document: wrap it in a list"),
        ("text", "query", "documents must be a list of LangChain documents, not str: wrap it in a list"),
        (3, "query", "documents must be a list of LangChain documents, not int: wrap it in a list"),
        (iter(PAGES), "query", "a list of LangChain documents, not list_iterator: pass list(documents)"),
        (set("ab"), "query", "documents must be a list of LangChain documents, not set: pass list(documents)"),
        ({"a": PAGES[0]}, "query", "LangChain documents, not dict: pass list(documents.values())"),
        (["text"], "query", "documents[0] must be a LangChain document, not 'text': pass Document(page_content=…)"),
        ([*PAGES, Core("a")], "query", "documents[2] must be a LangChain document, not Document(text='a'"),
        (
            list(index().as_retriever().retrieve("note")),
            "query",
            "nodes are reranked by the classes of llama_",
        ),
        (PAGES, None, "query must be a str, not NoneType: None"),
        (PAGES, {"question": "q"}, "Pass the text in it, query['question']"),
    ],
)
def test_documents_that_are_none_are_told_how_to_be_some(documents: Any, query: Any, told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(RerankCompressor(reranker=Scripted()), "compress_documents", documents, query)
    assert told in str(caught.value)


def test_a_first_stage_that_brings_texts_is_told_of_them(colour: Colour) -> None:
    def brings(query: str, k: int = 50) -> Any:
        return [f"{query} {number}" for number in range(k)]

    with pytest.raises(ConfigurationError, match=r"first_stage\[0\] must be a LangChain document, not 'query 0'"):
        colour(with_rerank(brings, Scripted()), "invoke", "query")


@pytest.mark.parametrize("query", [{"query": "q"}, {"input": "q"}, ["q"], None, 5])
def test_a_question_that_is_no_text_is_told_of_before_anything_is_searched(query: Any, colour: Colour) -> None:
    searched: list[str] = []

    class Listening(BaseRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
            searched.append(query)
            return PAGES

    with pytest.raises(ConfigurationError, match="query must be a str, not ") as caught:
        colour(with_rerank(Listening(), Scripted(), widen=lambda each, _: each), "invoke", query)
    assert searched == []
    assert ("Pass the text in it" in str(caught.value)) == isinstance(query, dict)
    assert caught.value.__notes__ == [more_about(ConfigurationError)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gpt", "not 'gpt': pass Anthropic(name), or OpenAICompatible(url, model=name)"),
        (Scripted(), "not Scripted("),
        (Anthropic, "is the class Anthropic: pass an object of it, such as Anthropic(…)"),
    ],
)
def test_what_is_no_llm_is_told_by_its_name(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^llm ") as caught:
        LLMJudgeRerank(llm=given)
    assert told in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^model ") as caught:
        LLMJudge(given)
    assert told in str(caught.value)
    with pytest.raises(ConfigurationError, match="llm must be a LangChain chat model, not "):
        LangChainChat(given)


def test_an_llm_of_a_framework_is_wrapped_first() -> None:
    from tests.llama.stores import Says

    given: Any = {"LangChainChat": CHAT, "LlamaIndexChat": Says()}
    for wrapper, llm in given.items():
        with pytest.raises(ConfigurationError, match=rf"(?m)^model must be an LLM.*: wrap it, {wrapper}\(llm\)$"):
            LLMJudge(llm)
    told = r"(?m)^llm must be a chat model of the framework.*LlamaIndexChat\(llm\)$"
    with pytest.raises(ConfigurationError, match=told):
        LLMJudgeRerank(llm=Says())


@pytest.mark.parametrize("rules", [5, [equals("open", True)], equals("open", True)])
def test_rules_that_are_none_are_told_what_they_can_be(rules: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^rules must be rerank_kit\.Rules, their description") as told:
        RuleRerank(rules=rules)
    assert str(told.value).endswith(": pass Rules(prefer=[…])") == (rules != 5)


@pytest.mark.parametrize(
    ("call", "given", "told"),
    [
        (BM25Retriever.from_texts, [PAGES], "texts[0] must be a str, not Document(metadata={}, page_content='a 1')"),
        (BM25Retriever.from_texts, ["text"], "texts must be a list of str, not 'text': wrap it in a list"),
        (BM25Retriever.from_documents, [["a"]], "documents[0] must be a LangChain document, not 'a': texts go to from"),
        (widen, [Numbers(), "50"], "recall must be a whole number of at least 1, not '50'"),
        (widen, [Numbers(), None], "recall must be a whole number of at least 1, not None"),
        (widen, [Numbers(), 0], "recall must be a whole number of at least 1, not 0"),
        (widen, [Scripted(), 50], "retriever must be a LangChain retriever, or a runnable"),
        (widen, [Numbers(), 50, 5], "widen must be a function of a retriever and a recall, not 5"),
    ],
)
def test_a_wrong_kind_is_no_error_of_anybody_elses(call: Any, given: list[Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(*given)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        ("top_n", "it is a field: pass it to the class, or assign compressor.top_n"),
        ("k", "it is a field: pass it to the class, or assign compressor.top_n"),
        ("score_threshold", "it is a field: pass it to the class, or assign compressor.threshold"),
        ("docs", "did you mean documents?"),
    ],
)
def test_a_setting_in_a_call_is_told_where_it_belongs(passed: str, told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(RerankCompressor(reranker=Scripted()), "compress_documents", PAGES, "query", **{passed: 1})
    assert str(caught.value).endswith(f"compress_documents has no argument {passed!r}: {told}")


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ([Scripted()], "stages[0] must be a RerankCompressor, not Scripted: wrap it, RerankCompressor(reranker=…)"),
        ([RerankCompressor], "stages[0] is the class RerankCompressor: pass an object of it"),
        (RerankCompressor(reranker=Scripted()), "stages must be a list of RerankCompressors, not RerankCompressor"),
        ([Numbers()], "stages[0] must be a RerankCompressor, not Numbers"),
    ],
)
def test_what_is_no_stage_is_told_what_to_write(stages: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CascadeRerank(stages=stages)
    assert told in str(caught.value)


def test_a_question_for_bm25_says_the_same_on_a_loop(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=r"invoke has no argument 'top_n': did you mean k\?"):
        colour(BM25Retriever.from_texts(["a"]), "invoke", "a", top_n=1)


@pytest.mark.parametrize("kind", [Cascade, Fallback])
def test_the_core_knows_what_frameworks_make(kind: Any) -> None:
    wrong: list[tuple[Any, str]] = [
        (Numbers(), f"not Numbers{FIRST}"),
        (RerankCompressor(reranker=Scripted()), "which is for LangChain: pass the reranker that is in it, its .loaded"),
        (CHAT, "which is an LLM: pass LLMJudge(LangChainChat(llm))"),
    ]
    for given, told in wrong:
        with pytest.raises(ConfigurationError) as caught:
            kind(Scripted(), given)
        assert told in str(caught.value)

"""Compressors by themselves, as LangChain's own are used: that they are handed few candidates is told, once."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from typing_extensions import override

from langchain_rerank_kit import (
    BM25Retriever,
    CascadeRerank,
    CrossEncoderRerank,
    RecallWarning,
    RerankCompressor,
    RuleRerank,
    with_rerank,
)
from tests.conftest import Colour
from tests.doubles import Scripted

pytestmark = pytest.mark.filterwarnings("error")

KINDS: list[Callable[[], RerankCompressor]] = [
    lambda: RerankCompressor(reranker=Scripted()),
    lambda: CrossEncoderRerank(reranker=Scripted()),
    lambda: RuleRerank(rules={}, top_n=2),
    lambda: CascadeRerank(stages=[RerankCompressor(reranker=Scripted(), top_n=10)], top_n=2),
]


def bm25(**fields: Any) -> BM25Retriever:
    return BM25Retriever.from_texts([f"note {number}" for number in range(60)], **fields)


def small(**fields: Any) -> BM25Retriever:
    return BM25Retriever.from_texts([f"note {number}" for number in range(6)], **fields)


def ours() -> RerankCompressor:
    return RerankCompressor(reranker=Scripted())


class Unchanged(BaseDocumentTransformer):
    """Stands for a filter, which may drop documents."""

    @override
    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        return documents

    @override
    async def atransform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        return documents


def drop_in(compressor: Any, **fields: Any) -> ContextualCompressionRetriever:
    return ContextualCompressionRetriever(base_compressor=compressor, base_retriever=bm25(**fields))


@pytest.mark.parametrize("kind", KINDS)
def test_a_compressor_behind_a_retriever_as_it_is_says_what_to_write(
    colour: Colour, kind: Callable[[], RerankCompressor]
) -> None:
    compressor = kind()
    retriever = drop_in(compressor)
    with pytest.warns(RecallWarning) as told:
        colour(retriever, "invoke", "note")
    (said,) = [str(each.message) for each in told]
    assert said.startswith(f"{type(compressor).__name__} was handed 4 candidates, of which it returns ")
    assert "Write with_rerank(base_retriever, base_compressor) in place of ContextualCompressionRetriever" in said
    colour(retriever, "invoke", "note")  # and not again
    with_rerank(retriever.base_retriever, retriever.base_compressor).invoke("note")  # what it says helps


def test_it_is_said_once_for_each_line_of_the_users() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            drop_in(ours()).invoke("note")
            asyncio.run(drop_in(ours()).ainvoke("note"))
    assert len(told) == 2
    assert {each.filename for each in told} == {__file__}


def test_it_is_said_where_documents_are_passed_by_hand(colour: Colour) -> None:
    with pytest.warns(RecallWarning, match=r"^RerankCompressor was handed 4 candidates.*pass top_n=None"):
        colour(ours(), "compress_documents", bm25().invoke("note"), "note")


@pytest.mark.parametrize(
    "retriever",
    [
        drop_in(ours(), k=20),
        ContextualCompressionRetriever(base_compressor=ours(), base_retriever=small(k=50)),
        ContextualCompressionRetriever(base_compressor=ours(), base_retriever=small(k=50).with_config(tags=["a"])),
        drop_in(RerankCompressor(reranker=Scripted(), top_n=None)),
        drop_in(DocumentCompressorPipeline(transformers=[Unchanged(), ours()])),
        with_rerank(bm25(), ours()),
        with_rerank(bm25(), DocumentCompressorPipeline(transformers=[ours()])),
        with_rerank(drop_in(ours()), ours()),
        ContextualCompressionRetriever(
            base_compressor=ours(),
            base_retriever=drop_in(DocumentCompressorPipeline(transformers=[Unchanged()]), k=4),
        ),
        ContextualCompressionRetriever(base_compressor=ours(), base_retriever=with_rerank(bm25(), ours(), top_n=4)),
    ],
    ids=[
        "enough",
        "enough asked of few",
        "enough asked of few, bound",
        "all come back",
        "behind another",
        "with_rerank",
        "in a pipeline of its",
        "before it",
        "a filter first",
        "ours first",
    ],
)
def test_nothing_is_said_where_it_is_meant_or_something_else_may_have_cut(colour: Colour, retriever: Any) -> None:
    assert colour(retriever, "invoke", "note")


def test_it_is_said_of_the_first_one_in_a_pipeline(colour: Colour) -> None:
    pipeline = DocumentCompressorPipeline(transformers=[ours(), Unchanged(), ours()])
    with pytest.warns(RecallWarning) as told:
        colour(drop_in(pipeline), "invoke", "note")
    assert len(told) == 1


@pytest.mark.parametrize(
    "retriever",
    [
        lambda few: with_rerank(few, ours()),
        lambda few: with_rerank(few, DocumentCompressorPipeline(transformers=[ours()])),
        lambda few: with_rerank(ContextualCompressionRetriever(base_compressor=ours(), base_retriever=few), ours()),
    ],
    ids=["itself", "a pipeline", "behind another"],
)
def test_a_small_collection_is_not_told_of_twice(colour: Colour, retriever: Callable[[Any], Any]) -> None:
    texts = [f"note {number}" for number in range(6)]
    few = InMemoryVectorStore.from_texts(texts, DeterministicFakeEmbedding(size=3)).as_retriever()
    with pytest.warns(RecallWarning) as told:
        colour(retriever(few), "invoke", "note")
    (said,) = [str(each.message) for each in told]
    assert "brought 6 candidates where 50 were asked for" in said


def test_what_brings_all_that_there_is_to_find_is_not_warned_of(colour: Colour) -> None:
    few = BM25Retriever.from_texts([f"note {number}" for number in range(6)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(colour(with_rerank(few, ours()), "invoke", "note"))

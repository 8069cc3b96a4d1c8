"""A field in `text=` that no document has is told of, once."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document

from langchain_rerank_kit import BM25Retriever, CascadeRerank, RerankCompressor, with_rerank
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.rules.hostile import MAKERS

MISSPELT = [["titel"], ("titel", "page_content"), "{titel}\n{page_content}", "{titel.de}{title}", "{titel}: {titel}"]


def pages(*titles: Any) -> list[Document]:
    return [Document(page_content=f"page {place}", metadata={"title": title}) for place, title in enumerate(titles)]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    caplog.clear()
    return found


@pytest.mark.parametrize("text", MISSPELT)
def test_it_is_told_of_once_for_each_compressor(text: Any, colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    name = "titel.de" if "titel.de" in text else "titel"
    for _ in range(2):
        compressor = RerankCompressor(reranker=Scripted(lambda _: 1), text=text)
        for _ in range(2):
            colour(compressor, "compress_documents", pages("x", "y"), "query")
        (line,) = told(caplog)
        assert line == (
            f"RerankCompressor: no document has the field {name!r} that text= names; they have page_content, title. If "
            "only some documents have it, and none of these, all is well"
        )


@pytest.mark.filterwarnings("ignore::langchain_rerank_kit.RecallWarning")
def test_behind_a_retriever_and_in_an_index_too(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    bm25 = BM25Retriever.from_documents(pages("x", "y"), text=["metadata.title", "page_content"])
    assert [each.partition(" that ")[0] for each in told(caplog)] == [
        "BM25Retriever: no document has the field 'metadata.title'"
    ]
    retriever = with_rerank(bm25, Scripted(), text="{metadata.title}\n{page_content}")
    for _ in range(2):
        colour(retriever, "invoke", "page")
    assert len(told(caplog)) == 1


def test_another_text_is_looked_at_anew(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    compressor = RerankCompressor(reranker=Scripted(), text="{page_content}")
    colour(compressor, "compress_documents", pages("x"), "query")
    assert told(caplog) == []
    compressor.text = "{titel} {page_content}"
    colour(compressor, "compress_documents", pages("x"), "query")
    assert len(told(caplog)) == 1


@pytest.mark.parametrize(
    "text",
    [None, "{title}", ["title", "page_content", "id"], "{id}", "{company.name}", lambda each: each.metadata["x"]],
)
def test_nothing_is_said_where_a_document_has_it(text: Any, colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    compressor = RerankCompressor(reranker=Scripted(lambda _: 1), text=text)
    documents = [Document(page_content="a"), Document(page_content="b"), *pages(None)]
    for each in documents:
        each.metadata["x"] = "x"
    documents[-1].metadata["company"] = {"name": "Acme"}
    colour(compressor, "compress_documents", documents, "query")
    colour(compressor, "compress_documents", documents[:1], "query")  # nor later, where others had it
    colour(compressor, "compress_documents", [], "query")
    BM25Retriever.from_documents([], text=["title"])
    assert told(caplog) == []


def test_in_a_cascade_too(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    cascade = CascadeRerank(stages=[RerankCompressor(reranker=Scripted(lambda _: 1))], text=["titel", "page_content"])
    colour(cascade, "compress_documents", pages("x"), "query")
    assert [each.partition(":")[0] for each in told(caplog)] == ["CascadeRerank"]


def test_nothing_in_metadata_fails_it(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    for make in MAKERS.values():
        compressor = RerankCompressor(reranker=Scripted(), text=["titel.x", "page_content"])
        colour(compressor, "compress_documents", pages(make()), "query")
        compressor = RerankCompressor(reranker=Scripted(), text=["title.x", "page_content"])
        colour(compressor, "compress_documents", pages(make()), "query")
    assert "'titel.x'" in caplog.text


def test_no_more_than_twenty_fields_are_listed(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    documents = [Document(page_content="x 1", metadata={f"field{number}": 1 for number in range(100)})]
    colour(RerankCompressor(reranker=Scripted(), text=["x", "page_content"]), "compress_documents", documents, "query")
    assert "field19" in caplog.text
    assert "field20" not in caplog.text

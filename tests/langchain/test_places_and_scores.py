"""`rerank` of a compressor: places and scores, as LangChain's own classes for Cohere, Jina and others give them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.documents import Document

from langchain_rerank_kit import BM25Retriever, CohereRerank, RerankCompressor, with_rerank
from rerank_kit import ConfigurationError
from rerank_kit.testing import RerankServer
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.servers import server

__all__ = ["server"]

TEXTS = ["low 1", "high 3", "middle 2", "", "high 3"]


def order(found: list[dict[str, Any]]) -> list[tuple[int, float]]:
    assert all(list(each) == ["index", "relevance_score"] for each in found)
    json.dumps(found)
    return [(each["index"], each["relevance_score"]) for each in found]


def test_texts_and_documents_are_told_by_their_places_best_first(colour: Colour) -> None:
    made = RerankCompressor(reranker=Scripted(), top_n=3)
    expected = [(1, 3.0), (4, 3.0), (2, 2.0)]
    assert order(colour(made, "rerank", TEXTS, "query")) == expected
    pages = [Document(page_content=text) for text in TEXTS]
    assert order(colour(made, "rerank", pages, "query")) == expected
    assert order(colour(made, "rerank", [*TEXTS[:2], *pages[2:]], query="query")) == expected


def test_top_n_is_of_the_call_or_the_field(colour: Colour) -> None:
    made = RerankCompressor(reranker=Scripted(), top_n=2)
    for top_n, expected in ((-1, 2), (1, 1), (4, 4), (None, 5)):
        assert len(colour(made, "rerank", TEXTS, "query", top_n=top_n)) == expected
    with pytest.raises(ConfigurationError, match="top_n must be"):
        colour(made, "rerank", TEXTS, "query", top_n=0)


def test_the_threshold_and_what_is_read_are_those_of_the_fields(colour: Colour) -> None:
    made = RerankCompressor(reranker=Scripted(), text="{number}", threshold=1.5)
    pages = [Document(page_content="page", metadata={"number": f"number {number}"}) for number in range(4)]
    assert order(colour(made, "rerank", pages, "query")) == [(3, 3.0), (2, 2.0)]


def test_nothing_given_is_nothing_found(colour: Colour) -> None:
    assert colour(RerankCompressor(reranker=Scripted()), "rerank", [], "query") == []


def test_it_asks_the_api(server: RerankServer, colour: Colour) -> None:
    made = CohereRerank(
        model="rerank-v3.5",
        cohere_api_key="secret",  # type: ignore[call-arg]
        base_url=server.base_url("cohere"),
    )
    assert order(colour(made, "rerank", ["a door", "a carpet"], "carpet", top_n=1))[0][0] == 1


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("model", "model_copy"),
        ("max_tokens_per_doc", "it is a field"),
        ("max_chunks_per_doc", "leave it out"),
        ("rank_fields", 'text=["title", "page_content"]'),
        *((name, "did you mean top_n?") for name in ("topn", "k", "top_k", "limit")),
        *((name, "it is a field: pass it to the class, or assign it") for name in ("threshold", "timeout")),
        ("zzz", "it takes documents, query and top_n"),
    ],
)
def test_what_cannot_change_from_call_to_call_is_refused(name: str, remedy: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError) as caught:
        colour(RerankCompressor(reranker=Scripted()), "rerank", TEXTS, "query", **{name: 1})
    assert str(caught.value).startswith(f"rerank takes no {name}: ")
    assert remedy in str(caught.value)


def test_documents_of_another_kind_and_a_swapped_query_are_refused(colour: Colour) -> None:
    made = RerankCompressor(reranker=Scripted())
    with pytest.raises(ConfigurationError, match=r"^documents\[1\] must be a str or a LangChain Document.*metadata"):
        colour(made, "rerank", ["a 1", {"title": "b 2"}], "query")
    with pytest.raises(ConfigurationError, match=r"^documents come first here, and then the query: rerank\(\['a 1'\]"):
        colour(made, "rerank", "query", ["a 1"])


def test_what_with_rerank_wraps_has_it_too() -> None:
    retriever = with_rerank(BM25Retriever.from_texts(["a 1"]), Scripted())
    assert isinstance(retriever.base_compressor, RerankCompressor)
    assert order(retriever.base_compressor.rerank(["a 1"], "query")) == [(0, 1.0)]

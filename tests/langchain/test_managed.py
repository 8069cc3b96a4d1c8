"""Rerank APIs as LangChain compressors: real requests, and the field names that users know."""

from __future__ import annotations

from typing import Any

import cohere
import pytest
from langchain_core.documents import Document
from pydantic import SecretStr

from langchain_rerank_kit import (
    BM25Retriever,
    CohereRerank,
    EndpointRerank,
    JinaRerank,
    RerankCompressor,
    VoyageRerank,
    with_rerank,
)
from rerank_kit import ConfigurationError, StatusError
from rerank_kit.managed import SelfTestWarning
from rerank_kit.testing import RerankServer, constant_scores, status
from tests.apis import DOCUMENTS, KEY, ORDER, QUERY
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.servers import server

__all__ = ["server"]


def every_class(server: RerankServer, **fields: Any) -> list[RerankCompressor]:
    return [
        CohereRerank(model="rerank-v3.5", cohere_api_key=KEY, base_url=server.base_url("cohere"), **fields),  # type: ignore[call-arg]
        VoyageRerank(model="rerank-3", voyage_api_key=KEY, base_url=server.base_url("voyage"), **fields),  # type: ignore[call-arg]
        JinaRerank(model="jina-reranker-m0", jina_api_key=KEY, base_url=server.base_url("jina"), **fields),  # type: ignore[call-arg]
        EndpointRerank(base_url=server.base_url("tei"), **fields),
    ]


def pages() -> list[Document]:
    return [Document(page_content=text, id=str(place)) for place, text in enumerate(DOCUMENTS)]


def test_documents_come_back_in_order_with_scores(server: RerankServer, colour: Colour) -> None:
    for compressor in every_class(server, top_n=3):
        best = colour(compressor, "compress_documents", pages(), QUERY)
        assert [document.id for document in best] == [str(place) for place in ORDER[:3]]
        assert [document.metadata["relevance_score"] for document in best] == [1.0, 0.5, 0.5]


def test_they_stand_behind_any_retriever(server: RerankServer, colour: Colour) -> None:
    first_stage = BM25Retriever.from_texts([*DOCUMENTS, *(f"a cat {number}" for number in range(60))])
    for compressor in every_class(server):
        retriever = with_rerank(first_stage, compressor, top_n=1)
        assert [document.page_content for document in colour(retriever, "invoke", QUERY)] == [DOCUMENTS[1]]


def test_fields_reach_the_api(server: RerankServer) -> None:
    given: list[tuple[RerankCompressor, dict[str, Any]]] = [
        (
            CohereRerank(
                model="rerank-v5.0-pro",
                api_key=SecretStr(KEY),
                base_url=server.base_url("cohere"),
                max_tokens_per_doc=9,
                priority=1,
                relevant_spans=True,
            ),
            {"max_tokens_per_doc": 9, "priority": 1, "relevant_spans": {"mode": "enabled"}},
        ),
        (
            VoyageRerank(
                model="rerank-3",
                api_key=SecretStr(KEY),
                base_url=server.base_url("voyage"),
                instruction="Newest first.",
                truncation=False,
            ),
            {"query": f"Newest first.\nQuery: {QUERY}", "truncation": False},
        ),
        (
            EndpointRerank(base_url=server.base_url("vllm"), model_name="mine", format="vllm", auth_token=KEY),  # type: ignore[call-arg]
            {"model": "mine"},
        ),
        (
            EndpointRerank(base_url=server.base_url("sglang"), format="sglang", instruction="Newest first."),
            {"instruct": "Newest first."},
        ),
    ]
    for compressor, expected in given:
        compressor.compress_documents(pages(), QUERY)
        assert {name: server.received[-1].body[name] for name in expected} == expected


def test_a_relevant_span_is_put_where_passages_are(server: RerankServer, colour: Colour) -> None:
    compressor = CohereRerank(
        model="rerank-v5.0-pro", api_key=SecretStr(KEY), base_url=server.base_url("cohere"), relevant_spans=True
    )
    (best,) = colour(compressor, "compress_documents", [Document(page_content="the cat sat")], QUERY)
    assert best.metadata["relevant_passage"] == "cat"


def test_top_k_is_top_n(server: RerankServer) -> None:
    compressor = VoyageRerank(model="rerank-3", api_key=SecretStr(KEY), base_url=server.base_url("voyage"), top_k=2)  # type: ignore[call-arg]
    assert len(compressor.compress_documents(pages(), QUERY)) == 2


def test_retries_and_times_are_fields(server: RerankServer) -> None:
    server.fail(status(503), times=None)
    for compressor in every_class(server, max_retries=0, request_timeout=5.0):
        before = len(server.received)
        with pytest.raises(StatusError):
            compressor.compress_documents(pages(), QUERY)
        assert len(server.received) == before + 1


def test_a_client_or_a_reranker_of_ones_own_is_used(server: RerankServer) -> None:
    client = cohere.ClientV2(api_key=KEY, base_url=server.base_url("cohere"))
    assert len(CohereRerank(model="rerank-v3.5", client=client).compress_documents(pages(), QUERY)) == 3
    client._client_wrapper.httpx_client.httpx_client.close()
    own = Scripted()
    assert VoyageRerank(model="rerank-3", reranker=own).loaded is own


def test_a_missing_key_is_said_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOYAGE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="VOYAGE_API_KEY"):
        VoyageRerank(model="rerank-3")


def test_a_server_is_tested_when_asked(server: RerankServer) -> None:
    server.fail(constant_scores(), times=None)
    compressor = EndpointRerank(base_url=server.base_url("vllm"), check="warn")
    with pytest.warns(SelfTestWarning, match="served without it") as warned:
        compressor.compress_documents(pages(), QUERY)
    assert [each.filename for each in warned if each.category is SelfTestWarning] == [__file__]

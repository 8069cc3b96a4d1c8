"""Rerank APIs as LlamaIndex node postprocessors: real requests, and the field names that users know."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import SecretStr

from llama_rerank_kit import CohereRerank, EndpointRerank, JinaRerank, RerankPostprocessor, VoyageRerank
from rerank_kit import ConfigurationError, StatusError
from rerank_kit.managed import SelfTestWarning
from rerank_kit.testing import RerankServer, constant_scores, status
from tests.apis import DOCUMENTS, KEY, ORDER, QUERY
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.servers import server

__all__ = ["server"]
pytest.importorskip("cohere", reason="cohere is not installed")


def every_class(server: RerankServer, **fields: Any) -> list[RerankPostprocessor]:
    key = SecretStr(KEY)
    return [
        CohereRerank(model="rerank-v3.5", api_key=key, base_url=server.base_url("cohere"), **fields),
        VoyageRerank(model="rerank-3", api_key=key, base_url=server.base_url("voyage"), **fields),
        JinaRerank(model="jina-reranker-m0", api_key=key, base_url=server.base_url("jina"), **fields),
        EndpointRerank(base_url=server.base_url("tei"), **fields),
    ]


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(DOCUMENTS)]


def test_nodes_come_back_in_order_with_scores(server: RerankServer, colour: Colour) -> None:
    for postprocessor in every_class(server, top_n=3):
        best = colour(postprocessor, "postprocess_nodes", nodes(), query_str=QUERY)
        assert [each.node.node_id for each in best] == [str(place) for place in ORDER[:3]]
        assert [each.score for each in best] == [1.0, 0.5, 0.5]


def test_fields_reach_the_api(server: RerankServer) -> None:
    key = SecretStr(KEY)
    given: list[tuple[RerankPostprocessor, dict[str, Any]]] = [
        (
            CohereRerank(
                model="rerank-v5.0-pro",
                api_key=key,
                base_url=server.base_url("cohere"),
                max_tokens_per_doc=9,
                priority=1,
                relevant_spans={"max_spans": 2},
            ),
            {"max_tokens_per_doc": 9, "priority": 1, "relevant_spans": {"mode": "enabled", "max_spans": 2}},
        ),
        (
            VoyageRerank(
                model="rerank-3",
                api_key=key,
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
    for postprocessor, expected in given:
        postprocessor.postprocess_nodes(nodes(), query_str=QUERY)
        assert {name: server.received[-1].body[name] for name in expected} == expected


def test_they_survive_being_stored_as_a_dictionary_without_their_key(
    server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CO_API_KEY", "VOYAGE_API_KEY", "JINA_API_KEY"):
        monkeypatch.setenv(name, "key-of-the-environment")
    for postprocessor in every_class(server, top_n=2):
        again = type(postprocessor).from_dict(postprocessor.to_dict())
        assert again.to_dict() == postprocessor.to_dict()
        assert len(again.postprocess_nodes(nodes(), query_str=QUERY)) == 2
    assert {each.headers.get("authorization") for each in server.received[:-1]} == {
        "Bearer key-of-the-environment",
        None,
    }


def test_top_k_is_top_n(server: RerankServer) -> None:
    postprocessor = VoyageRerank(
        model="rerank-3",
        api_key=SecretStr(KEY),
        base_url=server.base_url("voyage"),
        top_k=2,  # type: ignore[call-arg]
    )
    assert len(postprocessor.postprocess_nodes(nodes(), query_str=QUERY)) == 2


def test_retries_and_times_are_fields(server: RerankServer) -> None:
    server.fail(status(503), times=None)
    for postprocessor in every_class(server, max_retries=0, request_timeout=5.0):
        before = len(server.received)
        with pytest.raises(StatusError):
            postprocessor.postprocess_nodes(nodes(), query_str=QUERY)
        assert len(server.received) == before + 1


def test_a_reranker_of_ones_own_is_used_and_a_missing_key_said(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Scripted()
    assert JinaRerank(model="jina-reranker-m0", reranker=own).loaded is own
    monkeypatch.delenv("JINA_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        JinaRerank(model="jina-reranker-m0")


def test_a_server_is_tested_when_asked(server: RerankServer) -> None:
    server.fail(constant_scores(), times=None)
    postprocessor = EndpointRerank(base_url=server.base_url("vllm"), check="warn")
    with pytest.warns(SelfTestWarning, match="served without it") as warned:
        postprocessor.postprocess_nodes(nodes(), query_str=QUERY)
    assert [each.filename for each in warned if each.category is SelfTestWarning] == [__file__]

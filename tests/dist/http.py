"""The extra `http`: a server of one's own, asked over HTTP."""

from __future__ import annotations

from rerank_kit.judge import LLMJudge, OpenAICompatible
from rerank_kit.managed import Endpoint, Jina, Voyage
from rerank_kit.testing import ChatServer, RerankServer

texts = ["bread", "a red planet"]
with RerankServer() as server:
    for reranker in (
        Endpoint(server.base_url("jina"), format="jina"),
        Jina("m", api_key="k", base_url=server.base_url("jina")),
        Voyage("m", api_key="k", base_url=server.base_url("voyage")),
    ):
        assert [hit.index for hit in reranker.rerank("red planet", texts)] == [1, 0]
        reranker.close()
with ChatServer() as server:
    model = OpenAICompatible(server.base_url("openai"), model="m")
    assert LLMJudge(model).rerank("red planet", texts)[0].index == 1

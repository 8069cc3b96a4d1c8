"""The extra `cohere`: its SDK against the server for tests."""

from __future__ import annotations

from rerank_kit.managed import Cohere
from rerank_kit.testing import RerankServer

with RerankServer() as server:
    reranker = Cohere("rerank-v4.0-fast", api_key="k", base_url=server.base_url("cohere"))
    assert [hit.index for hit in reranker.rerank("red planet", ["bread", "a red planet"])] == [1, 0]
    reranker.close()

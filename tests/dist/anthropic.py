"""The extra `anthropic`: its SDK against the server for tests."""

from __future__ import annotations

from rerank_kit.judge import Anthropic, LLMJudge
from rerank_kit.testing import ChatServer

with ChatServer() as server:
    model = Anthropic("claude-haiku-5-5", api_key="k", base_url=server.base_url("anthropic"))
    assert LLMJudge(model).rerank("red planet", ["bread", "a red planet"])[0].verdict == "yes"

"""Whatever sends requests, made for an address."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import cohere
import httpx
import pytest

from rerank_kit.decide import DecisionReranker, OpenAIDecisions, SystemOne
from rerank_kit.judge import Anthropic, LLMJudge, OpenAICompatible
from rerank_kit.managed import Backoff, Cohere, Endpoint, Jina, Voyage
from rerank_kit.managed.formats import FormatName

anthropic: Any = pytest.importorskip("anthropic", reason="anthropic is not installed")
httpx2: Any = pytest.importorskip("httpx2", reason="httpx2, which anthropic brings along, is not installed")

OPTIONS: dict[str, Any] = {"backoff": Backoff(first=0.0001), "max_retries": 0}


@lru_cache
def certificates() -> ssl.SSLContext:
    """Read once, which takes longer than a request."""
    return ssl.create_default_context()


def cohere_of_mine(url: str, key: str, **options: Any) -> Cohere:
    """On clients that a user has brought, which follow redirects."""
    http = httpx.Client(verify=certificates(), follow_redirects=True)
    ahttp = httpx.AsyncClient(verify=certificates(), follow_redirects=True)
    client = cohere.ClientV2(key, base_url=url, httpx_client=http)
    return Cohere(
        "m", client=client, async_client=cohere.AsyncClientV2(key, base_url=url, httpx_client=ahttp), **options
    )


def claude_of_mine(url: str, key: str, **options: Any) -> Anthropic:
    """The same."""
    http = httpx2.Client(verify=certificates(), follow_redirects=True)
    ahttp = httpx2.AsyncClient(verify=certificates(), follow_redirects=True)
    client = anthropic.Anthropic(api_key=key, base_url=url, http_client=http)
    mine = anthropic.AsyncAnthropic(api_key=key, base_url=url, http_client=ahttp)
    return Anthropic(client=client, async_client=mine, **options)


def one_for_both(url: str, key: str, **options: Any) -> Cohere:
    """On one blocking client, which async callers use in a thread."""
    client = cohere.ClientV2(key, base_url=url, httpx_client=httpx.Client(verify=certificates()))
    return Cohere("m", client=client, **options)


def judge(chat: Any) -> LLMJudge:
    """A judge that raises what its model does."""
    return LLMJudge(chat, on_error="raise")


def decider(model: Any) -> DecisionReranker:
    """A reranker that raises what its decision model does."""
    return DecisionReranker(model, on_error="raise")


def chat_of_openai(url: str, key: str, **options: Any) -> LLMJudge:
    """A judge on what many servers speak."""
    return judge(OpenAICompatible(url, model="m", api_key=key, **options))


def with_options(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with what lets no test wait."""

    def making(url: str, key: str = "a-key-of-mine", **options: Any) -> Any:
        return make(url, key, **{**OPTIONS, **options})

    return making


def endpoint(url: str, key: str, *, format: FormatName | Literal["auto"] = "vllm", **options: Any) -> Endpoint:  # noqa: A002
    """That does not ask what the server is, unless told to."""
    return Endpoint(url, api_key=key, format=format, **options)


CLIENTS: dict[str, Callable[..., Any]] = {
    "Cohere": with_options(lambda url, key, **more: Cohere("m", api_key=key, base_url=url, **more)),
    "Cohere on clients of mine": with_options(cohere_of_mine),
    "Cohere on a blocking client of mine": with_options(one_for_both),
    "Voyage": with_options(lambda url, key, **more: Voyage("m", api_key=key, base_url=url, **more)),
    "Jina": with_options(lambda url, key, **more: Jina("m", api_key=key, base_url=url, **more)),
    "Endpoint": with_options(endpoint),
    "OpenAICompatible": with_options(
        lambda url, key, **more: judge(OpenAICompatible(url, model="m", api_key=key, **more))
    ),
    "SystemOne": with_options(lambda url, key, **more: decider(SystemOne("m", api_key=key, base_url=url, **more))),
    "OpenAIDecisions": with_options(
        lambda url, key, **more: decider(OpenAIDecisions(api_key=key, base_url=url, **more))
    ),
    "Anthropic": with_options(lambda url, key, **more: judge(Anthropic(api_key=key, base_url=url, **more))),
    "Anthropic on clients of mine": with_options(lambda url, key, **more: judge(claude_of_mine(url, key, **more))),
}
"""`make(url, key, **options)`"""

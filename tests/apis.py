"""Every class that speaks to an API, made for a server of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from rerank_kit.api.client import ApiClient
from rerank_kit.api.exchange import Request, Response
from rerank_kit.flow import Call
from rerank_kit.managed import Backoff, Cohere, Endpoint, Jina, Limits, ManagedReranker, Voyage
from rerank_kit.testing import RerankServer

KEY = "planted-key-5f2c"
DOCUMENTS = ["a cat", "the cat and the dog run", "nothing of the kind", "a dog"]
QUERY = "cat dog"
ORDER = [1, 0, 3, 2]
"""The places of the documents by how many of the query's words they have, best first."""

Make = Callable[..., ManagedReranker]


def quick(options: dict[str, Any]) -> dict[str, Any]:
    """Options under which no test waits."""
    return {"backoff": Backoff(first=0.001), "api_key": KEY, **options}


def cohere(server: RerankServer, **options: Any) -> Cohere:
    return Cohere("rerank-v5.0-pro", base_url=server.base_url("cohere"), **quick(options))


def voyage(server: RerankServer, **options: Any) -> Voyage:
    return Voyage("rerank-2.5", base_url=server.base_url("voyage"), **quick(options))


def jina(server: RerankServer, **options: Any) -> Jina:
    return Jina("jina-reranker-v2-base-multilingual", base_url=server.base_url("jina"), **quick(options))


def tei(server: RerankServer, **options: Any) -> Endpoint:
    return Endpoint(server.base_url("tei"), format="tei", **quick({"limits": Limits(documents=32), **options}))


def vllm(server: RerankServer, **options: Any) -> Endpoint:
    return Endpoint(server.base_url("vllm"), format="vllm", **quick(options))


APIS: dict[str, Make] = {"cohere": cohere, "voyage": voyage, "jina": jina, "tei": tei, "vllm": vllm}


class Canned:
    """A transport that gives every request the answer that a test made, without a network."""

    def __init__(self, answer: Callable[[str], Response]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def send(self, url: str, request: Request, headers: Mapping[str, str], seconds: float) -> Call[Response]:
        self.asked.append(url)

        async def asynchronously() -> Response:
            return self.answer(self.asked[-1])

        return Call(sync=lambda: self.answer(self.asked[-1]), async_=asynchronously)

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""


T = TypeVar("T", bound=ApiClient)


def answered(make: type[T], answer: Callable[[str], Response], **options: Any) -> T:
    """An API client that gets its answers from a function of the address."""

    def transport(self: ApiClient) -> Canned:
        return Canned(answer)

    made: Any = type(make.__name__, (make,), {"transport": transport})
    return cast("T", made(**options))

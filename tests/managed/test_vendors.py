"""What is particular to Cohere, Voyage and Jina: what they are sent, and what their answers say."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import cohere
import pytest
from cohere.core.api_error import ApiError

from rerank_kit import BackendError, Cached, ConfigurationError, InvalidResponse, Reranker, StatusError
from rerank_kit.managed import Cohere, Jina, Limits, Voyage
from rerank_kit.testing import Fault, RerankServer, status, too_many_requests
from tests import apis
from tests.apis import DOCUMENTS, KEY, ORDER, QUERY
from tests.conftest import Colour, tasks_left_by_cancelling


def cohere_client(server: RerankServer) -> Any:
    return cohere.ClientV2(api_key=KEY, base_url=server.base_url("cohere"))


def cohere_async_client(server: RerankServer) -> Any:
    return cohere.AsyncClientV2(api_key=KEY, base_url=server.base_url("cohere"))


def test_cohere_is_asked_for_all_documents_with_every_setting(server: RerankServer, colour: Colour) -> None:
    spans = {"threshold": 0.2, "max_spans": 3}
    reranker = apis.cohere(server, max_tokens_per_doc=512, priority=2, relevant_spans=spans, headers={"x-team": "a"})
    colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert server.received[0].body == {
        "model": "rerank-v5.0-pro",
        "query": QUERY,
        "documents": DOCUMENTS,
        "max_tokens_per_doc": 512,
        "priority": 2,
        "relevant_spans": {"mode": "enabled", **spans},
    }
    assert server.received[0].headers["x-team"] == "a"
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_cohere_settings_that_were_not_given_are_not_sent(server: RerankServer) -> None:
    apis.cohere(server).rerank(QUERY, DOCUMENTS)
    assert set(server.received[0].body) == {"model", "query", "documents"}


def test_cohere_says_what_it_bills(server: RerankServer, colour: Colour) -> None:
    ranking = colour(apis.cohere(server), "rerank", QUERY, ["cat"] * 101)
    assert (ranking.usage.units, ranking.usage.tokens, ranking.usage.requests) == (2, 0, 1)


def test_cohere_tokens_are_read_where_it_bills_them() -> None:
    body: Any = {"results": [], "meta": {"billed_units": {"input_tokens": 12.0}}}
    assert Cohere("rerank-v5.0-fast", api_key=KEY).decode(body, []).usage.tokens == 12
    body = {"results": [], "meta": {"tokens": {"input_tokens": 7}}}
    assert Cohere("rerank-v5.0-fast", api_key=KEY).decode(body, []).usage.tokens == 7


def test_relevant_spans_become_the_hits_passage(server: RerankServer, colour: Colour) -> None:
    ranking = colour(apis.cohere(server, relevant_spans=True), "rerank", QUERY, DOCUMENTS)
    passages = {hit.index: hit.passage for hit in ranking}
    assert {place: DOCUMENTS[place][slice(*where)] for place, where in passages.items() if where} == {
        0: "cat",
        1: "cat",
    }


@pytest.mark.parametrize("spans", [[], [{"start": 2, "end": 99}], [{"start": None, "end": 1}], ["?"], "?", None])
def test_a_span_that_is_not_in_the_text_is_no_passage(spans: Any) -> None:
    body = {"results": [{"index": 0, "relevance_score": 0.5, "relevant_spans": spans}]}
    (found,) = Cohere("rerank-v5.0-pro", api_key=KEY).decode(body, ["short"]).results
    assert (found.score, found.passage) == (0.5, None)


def test_a_client_of_the_users_own_is_used_and_left_open(server: RerankServer) -> None:
    client = cohere_client(server)
    with Cohere("rerank-v3.5", client=client) as reranker:
        assert [hit.index for hit in reranker.rerank(QUERY, DOCUMENTS)] == ORDER
    assert len(client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS).results) == len(DOCUMENTS)
    client._client_wrapper.httpx_client.httpx_client.close()


async def asked_by(reranker: Reranker, *clients: Any) -> list[int]:
    ranking = await reranker.arerank(QUERY, DOCUMENTS)
    for client in clients:
        await client._client_wrapper.httpx_client.httpx_client.aclose()
    return [hit.index for hit in ranking]


@pytest.mark.parametrize("argument", ["client", "async_client"])
def test_an_async_client_may_be_passed_under_either_name(server: RerankServer, argument: str) -> None:
    import asyncio

    client = cohere_async_client(server)
    assert asyncio.run(asked_by(Cohere("rerank-v3.5", **{argument: client}), client)) == ORDER


def test_async_callers_use_a_blocking_client_in_a_thread(server: RerankServer) -> None:
    import asyncio

    client = cohere_client(server)
    assert asyncio.run(asked_by(Cohere("rerank-v3.5", client=client))) == ORDER
    client._client_wrapper.httpx_client.httpx_client.close()


def test_a_blocking_call_cannot_use_an_async_client(server: RerankServer) -> None:
    with pytest.raises(ConfigurationError, match="pass a blocking one, or call arerank"):
        Cohere("rerank-v3.5", client=cohere_async_client(server)).rerank(QUERY, DOCUMENTS)


def test_a_users_clients_own_retries_are_turned_off(server: RerankServer) -> None:
    client = cohere_client(server)
    server.fail(status(503), times=None)
    with pytest.raises(StatusError):
        Cohere("rerank-v3.5", client=client, max_retries=0).rerank(QUERY, DOCUMENTS)
    assert len(server.received) == 1
    client._client_wrapper.httpx_client.httpx_client.close()


class Broken:
    """A client that fails in ways that are not the SDK's."""

    def rerank(self, **arguments: Any) -> Any:
        raise KeyError("no credentials")


class Older(Broken):
    """A client whose errors carry no headers."""

    def rerank(self, **arguments: Any) -> Any:
        raise ApiError(status_code=422, body={"message": "too long"})


def test_whatever_a_users_client_raises_is_a_backend_error(colour: Colour) -> None:
    with pytest.raises(BackendError, match="client= failed: KeyError: 'no credentials'"):
        colour(Cohere("rerank-v3.5", client=Broken()), "rerank", QUERY, DOCUMENTS)


class Hanging(Broken):
    """A client that waits for a server."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = threading.Event()

    def rerank(self, **arguments: Any) -> Any:
        self.begun += 1
        self.gate.wait(30)
        raise KeyError("no credentials")


def test_a_loop_does_not_wait_for_a_blocking_client_of_a_cancelled_call() -> None:
    client = Hanging()
    cancelled = Cohere("rerank-v3.5", client=client, limits=Limits(documents=1), concurrency=2)
    assert tasks_left_by_cancelling(lambda: cancelled.arerank(QUERY, DOCUMENTS), lambda: client.begun == 2) == 1
    assert not client.gate.is_set()
    client.gate.set()
    assert client.begun == 2


def test_errors_without_headers_are_understood(colour: Colour) -> None:
    with pytest.raises(StatusError, match="Cohere answered 422: too long") as caught:
        colour(Cohere("rerank-v3.5", client=Older()), "rerank", QUERY, DOCUMENTS)
    assert caught.value.request_id is None


def test_an_answer_that_the_sdk_cannot_read_is_invalid(server: RerankServer, colour: Colour) -> None:
    server.fail(Fault("a bare string", text='"hello"'))
    with pytest.raises(InvalidResponse, match="could not read the answer"):
        colour(apis.cohere(server), "rerank", QUERY, DOCUMENTS)


def test_what_is_no_client_is_refused_and_a_client_does_not_travel() -> None:
    with pytest.raises(ConfigurationError, match="client must be a client of the cohere SDK"):
        Cohere("rerank-v3.5", client="https://api.cohere.com")
    reranker = Cohere("rerank-v3.5", client=Broken())
    with pytest.raises(ConfigurationError, match="client= cannot be pickled"):
        pickle.dumps(reranker)
    with pytest.raises(BackendError, match="no credentials"):
        copy.deepcopy(reranker).rerank(QUERY, DOCUMENTS)  # a copy in this process uses the same client


def test_cohere_retry_after_is_heeded_with_every_version_of_the_sdk(server: RerankServer, colour: Colour) -> None:
    server.fail(too_many_requests(retry_after="55"), times=None)
    with pytest.raises(StatusError) as caught:
        colour(apis.cohere(server, max_retries=0), "rerank", QUERY, DOCUMENTS)
    assert caught.value.retry_after == 55
    assert caught.value.request_id == "request-1"


def test_cohere_is_found_by_its_environment_variable(server: RerankServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_URL", server.base_url("cohere") + "/v2/rerank")
    assert len(Cohere("rerank-v3.5", api_key=KEY).rerank(QUERY, DOCUMENTS)) == len(DOCUMENTS)
    monkeypatch.delenv("CO_API_URL")
    assert Cohere("rerank-v3.5", api_key=KEY).base_url == "https://api.cohere.com"


@pytest.mark.parametrize("name", ["cohere", "voyage", "jina"])
def test_a_vendor_is_asked_however_its_address_is_spelt(server: RerankServer, name: str, colour: Colour) -> None:
    make: Any = {"cohere": Cohere, "voyage": Voyage, "jina": Jina}[name]
    for spelling in ("", "//v1/", "/v2", "/v1/rerank", "/v2/rerank/", "/rerank"):
        with make("rerank-2.5", api_key=KEY, base_url=f"{server.url}/{name}{spelling}") as reranker:
            ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
            assert [hit.index for hit in ranking] == ORDER


def test_a_client_of_the_users_own_asks_at_an_address_that_only_it_knows(server: RerankServer, colour: Colour) -> None:
    client = cohere_client(server)
    server.fail(status(404), times=None)
    with pytest.raises(ConfigurationError, match="answered 404") as caught:
        colour(Cohere("rerank-v3.5", client=client), "rerank", QUERY, DOCUMENTS)
    assert "http" not in str(caught.value)
    client._client_wrapper.httpx_client.httpx_client.close()


def test_voyage_is_asked_in_its_own_words(server: RerankServer, colour: Colour) -> None:
    reranker = apis.voyage(server, instruction="Prefer the newest.", truncation=False)
    ranking = colour(reranker, "rerank", QUERY, DOCUMENTS)
    assert server.received[0].body == {
        "model": "rerank-2.5",
        "query": f"Prefer the newest.\nQuery: {QUERY}",
        "documents": DOCUMENTS,
        "top_k": len(DOCUMENTS),
        "truncation": False,
    }
    words_of_query, words_of_documents = 6, sum(len(text.split()) for text in DOCUMENTS)
    assert ranking.usage.tokens == words_of_query * len(DOCUMENTS) + words_of_documents


@pytest.mark.parametrize(
    ("key", "home"), [("pa-123", "https://api.voyageai.com/v1"), ("al-123", "https://ai.mongodb.com/v1")]
)
def test_voyage_keys_know_where_they_belong(key: str, home: str) -> None:
    assert Voyage("rerank-3", api_key=key).base_url == home


def test_jina_is_asked_in_its_own_words(server: RerankServer, colour: Colour) -> None:
    ranking = colour(apis.jina(server), "rerank", QUERY, DOCUMENTS)
    assert server.received[0].body == {
        "model": "jina-reranker-v2-base-multilingual",
        "query": QUERY,
        "documents": DOCUMENTS,
        "top_n": len(DOCUMENTS),
        "return_documents": False,
    }
    assert ranking.usage.tokens == 2 * len(DOCUMENTS) + sum(len(text.split()) for text in DOCUMENTS)
    assert Jina("jina-reranker-m0", api_key=KEY).base_url == "https://api.jina.ai/v1"


def test_an_account_without_money_is_no_wrong_key(server: RerankServer, colour: Colour) -> None:
    body = '{"code": "AUTHZ_INSUFFICIENT_BALANCE", "detail": "Insufficient account balance"}'
    server.fail(Fault("broke", status=403, text=body))
    with pytest.raises(StatusError, match="Insufficient account balance") as caught:
        colour(apis.jina(server), "rerank", QUERY, DOCUMENTS)
    assert caught.value.status == 402


def test_scores_of_pointwise_models_can_be_cached_and_those_of_listwise_ones_not(server: RerankServer) -> None:
    cached = Cached(apis.voyage(server))
    assert cached.rerank(QUERY, DOCUMENTS).hits == cached.rerank(QUERY, DOCUMENTS).hits
    assert len(server.received) == 1
    with pytest.raises(ConfigurationError, match="scores depend on the other documents"):
        Cached(Jina("jina-reranker-v3.5", api_key=KEY))
    assert Jina("jina-reranker-v3", api_key=KEY).fingerprint is None


def test_a_fingerprint_changes_with_every_setting_that_moves_a_score(server: RerankServer) -> None:
    prints = {
        apis.voyage(server).fingerprint,
        apis.voyage(server, instruction="other").fingerprint,
        apis.voyage(server, max_tokens_per_doc=9).fingerprint,
        apis.cohere(server).fingerprint,
        apis.cohere(server, max_tokens_per_doc=9).fingerprint,
        apis.vllm(server, model="a").fingerprint,
        apis.vllm(server, model="b").fingerprint,
    }
    assert len(prints) == 7
    assert all(KEY not in str(each) for each in prints)
    assert apis.vllm(server).fingerprint is None

"""Clients that know nothing of this server get from it what they expect of the ones they were written for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import pytest

from rerank_kit.cli import main
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.managed import Cohere, Endpoint, FormatName, Jina, Limits
from rerank_kit.serve import hashed, rerank_app, running
from tests.doubles import Gated, Scripted
from tests.serve.talking import becomes, beside, ranking
from tests.servers import eventually

QUERY = "Which planet is red?"
DOCUMENTS = ["Bread is baked in an oven.", "Mars is the red planet.", "", "Trains leave every hour."]
KEY = "a-key-0123456789"
FORMATS: list[tuple[FormatName, str]] = [
    *(("cohere", ""), ("jina", ""), ("jina", "/v1"), ("vllm", "/v1"), ("vllm", "/v1/rerank")),
    *(("infinity", ""), ("tei", ""), ("tei", "/rerank"), ("llama.cpp", "")),
]


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """What carries an SDK's requests, for it closes none."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def url(embedded: OnnxCrossEncoder) -> Iterator[str]:
    app = rerank_app({"embedded": embedded}, keys=[hashed(KEY)], limits=Limits(documents=40, bytes=1_000_000))
    with running(app) as url:
        yield url


def test_the_cohere_sdk(url: str, http: httpx.Client) -> None:
    client = cohere.ClientV2(api_key=KEY, base_url=url, httpx_client=http)
    spans = {"relevant_spans": {"mode": "enabled"}}
    choices: list[dict[str, Any]] = [{}, {"top_n": 4}, {"max_tokens_per_doc": 512}, spans]
    for more in choices:
        answer = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, **more)
        assert answer.results[0].index == 1
        assert sorted(each.index for each in answer.results) == [0, 1, 2, 3]
        assert answer.meta is not None
        assert answer.meta.billed_units is not None
        assert answer.meta.billed_units.search_units == 1
    stranger = cohere.ClientV2(api_key="wrong", base_url=url, httpx_client=http)
    with pytest.raises(cohere.UnauthorizedError, match="none of those"):
        stranger.rerank(model="m", query=QUERY, documents=DOCUMENTS)
    with pytest.raises(cohere.BadRequestError, match="at least one document"):
        client.rerank(model="m", query=QUERY, documents=[])


def test_the_async_cohere_sdk_and_its_first_version(url: str, http: httpx.Client) -> None:
    async def asked() -> list[int]:
        async with httpx.AsyncClient(trust_env=False) as carrier:
            client = cohere.AsyncClientV2(api_key=KEY, base_url=url, httpx_client=carrier)
            answer = await client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=1)
        return [each.index for each in answer.results]

    assert asyncio.run(asked()) == [1]
    first = cohere.Client(api_key=KEY, base_url=url, httpx_client=http)
    answer = first.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=1, return_documents=True)
    assert answer.results[0].document is not None
    assert answer.results[0].document.text == DOCUMENTS[1]


def test_the_cohere_sdk_comes_again_when_it_is_told_to(http: httpx.Client) -> None:
    reranker = Gated()
    with running(rerank_app(reranker, warm_up=False, in_flight=1, queue=0)) as url:
        client = httpx.Client(base_url=url, trust_env=False)
        first = beside(lambda: ranking(client, ["x 0.5"]))
        assert becomes(client, in_flight=1)
        sdk = cohere.ClientV2(api_key="k", base_url=url, httpx_client=http)
        with pytest.raises(cohere.TooManyRequestsError):
            sdk.rerank(model="m", query="q", documents=["y 0.5"], request_options={"max_retries": 0})
        reranker.gate.set()
        assert first.result().status_code == 200
        assert eventually(lambda: not reranker.begun[1:])
        assert sdk.rerank(model="m", query="q", documents=["y 0.5"]).results[0].relevance_score == 0.5
        client.close()


@pytest.mark.parametrize(("spoken", "path"), FORMATS)
def test_our_own_client_in_every_format(url: str, spoken: FormatName, path: str) -> None:
    with Endpoint(url + path, format=spoken, model="embedded", api_key=KEY, max_retries=0) as reranker:
        many = [*DOCUMENTS, *(f"Hay, bale {place}." for place in range(60))]
        documents = many if spoken == "tei" else many[:30]
        answer = reranker.rerank(QUERY, documents)
        assert answer[0].index == 1
        assert sorted(hit.index for hit in answer) == list(range(len(documents)))
        assert all(0 <= hit.score <= 1 for hit in answer)
        assert reranker.check().ok
        assert spoken != "tei" or reranker.limits.documents == 40


def test_what_this_server_is_found_out_by_itself(url: str) -> None:
    with Endpoint(url, api_key=KEY) as reranker:
        assert reranker.rerank(QUERY, DOCUMENTS)[0].index == 1
        assert (reranker.format, reranker.model, reranker.limits.documents) == ("tei", "embedded", 40)


def test_our_clients_of_vendors(url: str) -> None:
    with Cohere("rerank-v5.0-pro", api_key=KEY, base_url=url, relevant_spans=True) as reranker:
        ranking = reranker.rerank(QUERY, DOCUMENTS)
        assert (ranking[0].index, ranking.usage.units) == (1, 1)
        assert ranking.usage.tokens > 0
    with Jina("jina-reranker-v3", api_key=KEY, base_url=f"{url}/v1") as reranker:
        ranking = reranker.rerank(QUERY, DOCUMENTS)
        assert (ranking[0].index, ranking.usage.units) == (1, 0)
        assert ranking.usage.tokens > 0


def test_the_check_of_the_command_line(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUR_KEY", KEY)
    for more in ([], ["--format", "vllm", "--model", "m"], ["--format", "cohere", "--model", "m"]):
        assert main(["check", url, "--key-from", "OUR_KEY", *more]) == 0
        assert "WRONG" not in capsys.readouterr().out


def test_scores_are_those_of_the_reranker_itself(url: str, embedded: OnnxCrossEncoder) -> None:
    documents = [f"{each} {place}" for place in range(10) for each in DOCUMENTS if each]
    own = {hit.index: hit.score for hit in embedded.rerank(QUERY, documents)}
    with Endpoint(url, format="vllm", model="embedded", api_key=KEY) as reranker:
        assert {hit.index: hit.score for hit in reranker.rerank(QUERY, documents)} == own


def test_a_gateway_of_a_managed_reranker_asks_for_all_at_once() -> None:
    inner = Scripted()
    with (
        running(rerank_app(inner, warm_up=False)) as below,
        Endpoint(below, format="tei") as managed,
        running(rerank_app(managed, warm_up=False)) as above,
        Endpoint(above, format="vllm") as reranker,
    ):
        assert reranker.rerank("q", [f"x {place / 100}" for place in range(20)])[0].index == 19
    assert len(inner.sent) == 1

"""A key that is missing or refused: whose it is, where it was looked for, and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rerank_kit import AuthenticationError, ConfigurationError
from rerank_kit.api.secret import Secret, held_headers
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from rerank_kit.testing import RerankServer
from tests.apis import DOCUMENTS, KEY, QUERY
from tests.conftest import Colour
from tests.servers import server

__all__ = ["server"]

NEED: dict[str, tuple[Callable[..., Any], str]] = {
    "Voyage": (lambda **more: Voyage("m", **more), "VOYAGE_API_KEY"),
    "Jina": (lambda **more: Jina("m", **more), "JINA_API_KEY or JINAAI_API_KEY"),
    "Cohere": (lambda **more: Cohere("m", **more), "CO_API_KEY or COHERE_API_KEY"),
}


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, variables in NEED.values():
        for name in variables.split(" or "):
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", NEED)
def test_a_missing_key_is_told_with_its_vendor_and_all_places(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, variables = NEED[name]
    told = f"{name} needs a key, and api_key is missing: pass api_key=, or set the environment variable {variables}"
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value) == told
    monkeypatch.setenv(variables.partition(" or ")[0], " ")
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value) == f"{told}, which is set, but empty"


@pytest.mark.parametrize("name", ["Voyage", "Jina", "Cohere"])
def test_pickles_are_spoken_of_only_where_there_was_one(
    name: str, colour: Colour, server: RerankServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, variables = NEED[name]
    arrived = pickle.loads(pickle.dumps(make(api_key=KEY, base_url=server.base_url(name.lower()))))
    with arrived:
        with pytest.raises(ConfigurationError) as caught:
            colour(arrived, "rerank", QUERY, DOCUMENTS)
        assert str(caught.value) == (
            f"api_key is missing, for keys do not travel in pickles: make {name} anew with api_key=, or set the "
            f"environment variable {variables}"
        )
        monkeypatch.setenv(variables.partition(" or ")[0], KEY)
        assert len(colour(arrived, "rerank", QUERY, DOCUMENTS)) == len(DOCUMENTS)


def test_a_refused_key_is_told_with_where_it_came_from(colour: Colour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERE_API_KEY", KEY)
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    with RerankServer(api_key="another") as server:
        voyage, vllm = server.base_url("voyage"), server.base_url("vllm")
        asked = {
            "check api_key": Voyage("m", api_key=KEY, base_url=voyage),
            "check the environment variable VOYAGE_API_KEY": Voyage("m", base_url=voyage),
            "check the environment variable COHERE_API_KEY": Cohere("m", base_url=server.base_url("cohere")),
            "no key was sent: pass api_key=": Endpoint(vllm, format="vllm"),
            "check api_key and headers": Endpoint(vllm, format="vllm", headers={"authorization": f"Bearer {KEY}"}),
            "no key was sent: pass api_key=, or set the environment variable JINA_API_KEY": Endpoint(
                server.base_url("jina"), format="jina"
            ),
        }
        for told, reranker in asked.items():
            with reranker, pytest.raises(AuthenticationError) as caught:
                colour(reranker, "rerank", QUERY, DOCUMENTS)
            assert str(caught.value).endswith(f": {told}")


def test_a_refused_key_of_a_client_of_the_users_is_that_clients() -> None:
    cohere = pytest.importorskip("cohere")
    with (
        RerankServer(api_key="another") as server,
        httpx.Client() as sending,
        cohere.ClientV2(api_key=KEY, base_url=server.base_url("cohere"), httpx_client=sending) as client,
        pytest.raises(AuthenticationError, match="check the key that client= holds"),
    ):
        Cohere("m", client=client).rerank(QUERY, DOCUMENTS)


def test_a_secret_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Secret(KEY).source() == "api_key"
    assert Secret(required=False, variables=("VOYAGE_API_KEY",)).source() == ""
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    assert Secret(variables=("CO_API_KEY", "VOYAGE_API_KEY")).source() == "the environment variable VOYAGE_API_KEY"


def test_a_header_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"a header needs a key.*headers\['x-key'\] is missing"):
        held_headers({"x-key": None})

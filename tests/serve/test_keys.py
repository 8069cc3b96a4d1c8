"""Only those with a key are let in, and nobody learns one."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.serve import hashed, rerank_app
from tests.doubles import Scripted
from tests.serve.conftest import Serving

KEY = "planted-0123456789"
BODY = {"query": "q", "documents": ["x 0.5"]}
PAGES = ["/info", "/metrics", "/v1/models", "/models", "/openapi.json"]


def test_a_hash_is_that_of_the_key() -> None:
    assert hashed(KEY) == f"sha256:{sha256(KEY.encode()).hexdigest()}"
    with pytest.raises(ConfigurationError, match="key must be a str"):
        hashed("")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"x-api-key": KEY},
        {"api-key": KEY},
        {"authorization": "Basic eDp5", "api-key": KEY},
    ],
)
def test_a_key_is_let_in_wherever_clients_put_it(serving: Serving, headers: dict[str, str]) -> None:
    client = serving(Scripted(), keys=[hashed("another-key"), hashed(KEY)])
    assert client.post("/v2/rerank", json=BODY, headers=headers).status_code == 200
    for page in PAGES:
        assert client.get(page, headers=headers).status_code == 200
    assert client.get("/openapi.json", headers=headers).json()["security"] == [{"key": []}]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "Bearer None"},
        {"authorization": f"Bearer {hashed(KEY)}"},
        {"x-api-key": "é".encode()},
    ],
)
def test_nobody_else_is(serving: Serving, caplog: pytest.LogCaptureFixture, headers: Any) -> None:
    reranker = Scripted()
    client = serving(reranker, keys=[hashed(KEY)])
    with caplog.at_level(logging.DEBUG, "rerank_kit"):
        refused = client.post("/v2/rerank", json=BODY, headers=headers)
    assert refused.status_code == 401
    assert set(refused.json()) == {"message"}
    assert client.post("/rerank", json=BODY, headers=headers).json()["error"]["code"] == 401
    assert reranker.sent == []
    assert KEY not in f"{refused.text}{caplog.text}"
    for page in PAGES:
        assert client.get(page, headers=headers).status_code == 401
    assert client.get("/health").status_code == 200


def test_a_key_in_a_url_is_not_read_and_not_logged(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    client = serving(Scripted(), keys=[hashed(KEY)])
    with caplog.at_level(logging.DEBUG):
        refused = client.post(f"/v2/rerank?api_key={KEY}", json=BODY)
    assert refused.status_code == 401
    assert refused.json()["message"].startswith("a key in a URL is not read, for URLs end up in logs")
    assert not [each for each in caplog.records if KEY in each.getMessage() and not each.name.startswith("http")]


def test_without_keys_everybody_is_let_in(serving: Serving) -> None:
    headers = {"authorization": "Bearer None"}
    assert serving(Scripted()).post("/v2/rerank", json=BODY, headers=headers).status_code == 200


def test_no_page_in_a_browser_can_have_a_server_work_that_asks_for_no_key(serving: Serving) -> None:
    reranker = Scripted()
    headers = {"origin": "http://evil.example", "content-type": "text/plain"}
    refused = serving(reranker).post("/v2/rerank", json=BODY, headers=headers)
    assert (refused.status_code, reranker.sent) == (403, [])
    headers["authorization"] = f"Bearer {KEY}"
    assert serving(reranker, keys=[hashed(KEY)]).post("/v2/rerank", json=BODY, headers=headers).status_code == 200


@pytest.mark.parametrize("keys", [[KEY], KEY, hashed(KEY), [hashed(KEY)[:-1]], [5], 5, [None], {hashed(KEY)}])
def test_keys_themselves_are_refused_and_not_shown(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"rerank_kit\.serve\.hashed") as caught:
        rerank_app(Scripted(), keys=keys)
    assert KEY not in str(caught.value)

"""A base URL may be spelt in any way in which users copy one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit.api.addresses import addresses, root_of, tidy


@pytest.mark.parametrize(
    ("given", "path", "first"),
    [
        ("http://host:8000", "/v1/rerank", "http://host:8000/v1/rerank"),
        ("http://host:8000/", "/v1/rerank", "http://host:8000/v1/rerank"),
        ("http://host:8000/v1", "/v1/rerank", "http://host:8000/v1/rerank"),
        ("http://host:8000/v1/", "/v1/rerank", "http://host:8000/v1/rerank"),
        ("http://host:8000//v1///rerank//", "/v1/rerank", "http://host:8000/v1/rerank"),
        ("http://host/rerank", "/v1/rerank", "http://host/rerank"),
        ("http://host/v2/rerank", "/v1/rerank", "http://host/v2/rerank"),
        ("http://host/v2", "/v1/rerank", "http://host/v2/rerank"),
        ("http://host/score", "/v1/rerank", "http://host/v1/rerank"),
        ("http://host/v1/models", "/v1/rerank", "http://host/v1/rerank"),
        ("http://host/prefix", "/v1/rerank", "http://host/prefix/v1/rerank"),
        ("http://host/api/v1", "/v1/rerank", "http://host/api/v1/rerank"),
        ("http://host/v1", "/rerank", "http://host/v1/rerank"),
        ("http://host/prefix", "/rerank", "http://host/prefix/rerank"),
        ("https://openrouter.ai", "/api/v1/rerank", "https://openrouter.ai/api/v1/rerank"),
        ("https://openrouter.ai/api", "/api/v1/rerank", "https://openrouter.ai/api/v1/rerank"),
        ("https://openrouter.ai/api/v1", "/api/v1/rerank", "https://openrouter.ai/api/v1/rerank"),
        ("https://host/v1", "/v1/models/rerank", "https://host/v1/models/rerank"),
        ("https://host/v1/models", "/v1/models/rerank", "https://host/v1/models/rerank"),
        ("https://host/v1/models/rerank", "/v1/models/rerank", "https://host/v1/models/rerank"),
        ("https://host/v1/chat/completions", "/v1/chat/completions", "https://host/v1/chat/completions"),
        ("https://host/v1beta/openai", "/v3/relevance", "https://host/v1beta/openai/v3/relevance"),
        ("https://proxy/https://host/v1", "/v1/rerank", "https://proxy/https://host/v1/rerank"),
        ("https://proxy/https://host", "/v1/rerank", "https://proxy/https://host/v1/rerank"),
        ("https://host/own/path", "", "https://host/own/path"),
    ],
)
def test_the_likeliest_address_is_asked_first(given: str, path: str, first: str) -> None:
    assert addresses(given, path)[0] == first


@pytest.mark.parametrize(
    ("given", "path", "all_of_them"),
    [
        ("http://host", "/v1/rerank", ["/v1/rerank"]),
        ("http://host/v1/rerank", "/v1/rerank", ["/v1/rerank"]),
        ("http://host/prefix/v1", "/v1/rerank", ["/prefix/v1/rerank"]),
        ("http://host/v1/rerank", "/rerank", ["/v1/rerank", "/rerank"]),
        ("http://host/v2/rerank", "/v1/rerank", ["/v2/rerank", "/v1/rerank"]),
        ("http://host/rerank", "/v1/rerank", ["/rerank", "/v1/rerank", "/rerank/v1/rerank"]),
        ("http://host/api/v1", "/v1/rerank", ["/api/v1/rerank", "/v1/rerank"]),
        ("http://host/v1/rerank", "/info", ["/v1/info", "/info"]),
    ],
)
def test_what_else_may_be_meant_is_asked_next(given: str, path: str, all_of_them: list[str]) -> None:
    assert addresses(given, path) == [f"http://host{each}" for each in all_of_them]


def test_a_gateway_may_have_an_api_without_its_version() -> None:
    path = "/v1/chat/completions"
    assert addresses("https://host", path, bare=True) == [f"https://host{path}", "https://host/chat/completions"]
    assert addresses("https://host/v1", path, bare=True) == [f"https://host{path}"]
    assert addresses("https://host/v1beta/openai", path, bare=True) == [
        "https://host/v1beta/openai/chat/completions",
        "https://host/v1beta/openai/v1/chat/completions",
    ]


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("https://host", "https://host"),
        ("https://host/v2/", "https://host"),
        ("https://host/v1", "https://host"),
        ("https://host/v2/rerank", "https://host"),
        ("https://host/rerank", "https://host"),
        ("https://host/gateway/v2", "https://host/gateway"),
        ("https://host//gateway", "https://host/gateway"),
        ("https://host/v2/v2", "https://host"),
        ("https://host/v2/rerank/v2/rerank", "https://host"),
    ],
)
def test_an_sdk_gets_the_place_where_the_api_begins(given: str, root: str) -> None:
    assert root_of(given, "/v2/rerank") == root
    assert addresses(root, "/v2/rerank") == [f"{root}/v2/rerank"]


STEPS = st.sampled_from(["", "v1", "v2", "api", "rerank", "models", "chat", "completions", "gateway", "https:"])
PATHS = st.sampled_from(["/rerank", "/v1/rerank", "/api/v1/rerank", "/v1/models/rerank", "/info", "/v1/messages"])


@given(steps=st.lists(STEPS), path=PATHS, bare=st.booleans())
def test_no_address_has_doubled_slashes_and_few_are_asked(steps: list[str], path: str, bare: bool) -> None:
    found = addresses("/".join(["https://host", *steps]), path, bare=bare)
    assert 1 <= len(set(found)) == len(found) <= 4
    assert all(each == tidy(each) and each.startswith("https://host/") for each in found)
    assert all(each.endswith(path.rpartition("/")[2]) for each in found)

"""What the classes of the adapters are told by the core reaches users as the core says it."""

from __future__ import annotations

from typing import Any

import pytest

import langchain_rerank_kit as lc
import llama_rerank_kit as li
from rerank_kit import ConfigurationError, ConnectionFailed
from tests.conftest import Colour

NEED = {
    "Voyage": "VOYAGE_API_KEY",
    "Jina": "JINA_API_KEY or JINAAI_API_KEY",
    "Cohere": "CO_API_KEY or COHERE_API_KEY",
    "LLMJudge": "ANTHROPIC_API_KEY",
}
both = pytest.mark.parametrize("package", [lc, li], ids=["langchain", "llama"])


@both
@pytest.mark.parametrize("name", NEED)
def test_a_missing_key_is_told_with_its_vendor_and_all_places(
    package: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in NEED[name].split(" or "):
        monkeypatch.delenv(variable, raising=False)
    vendor = "Anthropic" if name == "LLMJudge" else name
    told = rf"(?m)^{vendor} needs a key, and api_key is missing: pass api_key=, or set the environment.* {NEED[name]}$"
    with pytest.raises(ConfigurationError, match=told):
        getattr(package, f"{name}Rerank")(model="m")


@both
def test_a_server_that_is_down_is_asked_after(package: Any, colour: Colour) -> None:
    reranker = package.EndpointRerank(base_url="http://127.0.0.1:9", max_retries=0).loaded
    with pytest.raises(ConnectionFailed, match=r"is the server running at http://127\.0\.0\.1:9, and reachable"):
        colour(reranker, "rerank", "query", ["a", "b"])

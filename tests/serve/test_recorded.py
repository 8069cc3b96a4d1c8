"""Requests as applications send them, word by word, and what each needs in the answer.

They were read from the applications' sources in November 2026: none of them is installed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doubles import Scripted
from tests.serve.conftest import Serving

DOCUMENTS = ["low 0.1", "high 0.9", "middle 0.5"]


@dataclass(frozen=True)
class Recorded:
    """A request of an application."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


REQUESTS = {
    "Open WebUI": Recorded(
        "/v1/rerank",
        {"model": "bge", "query": "which?", "documents": DOCUMENTS, "top_n": 3},
        {"authorization": "Bearer None", "x-openwebui-user-name": "Ada", "x-openwebui-user-id": "1"},
    ),
    "Dify": Recorded(
        "/v1/rerank",
        {"model": "bge", "query": "which?", "documents": DOCUMENTS, "top_n": None, "return_documents": True},
        {"authorization": "Bearer k"},
    ),
    "Dify below no version": Recorded(
        "/rerank",
        {"model": "bge", "query": "which?", "documents": DOCUMENTS, "top_n": None, "return_documents": True},
    ),
    "LibreChat as Jina": Recorded(
        "/v1/rerank",
        {"model": "jina-reranker-v2-base-multilingual", "query": "which?", "top_n": 5, "documents": DOCUMENTS}
        | {"return_documents": True},
    ),
    "LibreChat as Cohere": Recorded(
        "/v2/rerank", {"model": "rerank-v3.5", "query": "which?", "documents": DOCUMENTS, "top_n": 5}
    ),
    "LightRAG": Recorded(
        "/v1/rerank",
        {"model": "bge", "query": "which?", "documents": DOCUMENTS, "top_n": 3, "return_documents": False},
    ),
    "LightRAG as Cohere": Recorded("/v2/rerank", {"model": "rerank-v3.5", "query": "which?", "documents": DOCUMENTS}),
    "OpenClaw": Recorded("/v1/rerank", {"model": "m", "query": "which?", "documents": DOCUMENTS, "top_n": 3}),
    "OpenClaw, the second time": Recorded("/v1/rerank", {"model": "m", "query": "which?", "texts": DOCUMENTS}),
    "Haystack's TEI": Recorded(
        "/rerank", {"query": "which?", "texts": DOCUMENTS, "raw_scores": False, "truncate": False}
    ),
    "LlamaIndex's TEI": Recorded(
        "/rerank",
        {"query": "which?", "texts": DOCUMENTS, "raw_scores": False, "return_text": False, "truncate": True}
        | {"truncation_direction": "Right"},
    ),
    "litellm as vLLM": Recorded(
        "/rerank",
        {"model": "m", "query": "which?", "documents": DOCUMENTS, "top_n": 3, "return_documents": True}
        | {"max_chunks_per_doc": None, "rank_fields": None},
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_application_gets_what_it_needs(serving: Serving, name: str) -> None:
    recorded = REQUESTS[name]
    answer = serving(Scripted()).post(recorded.path, json=recorded.body, headers=dict(recorded.headers))
    assert answer.status_code == 200
    told = answer.json()
    rows = told if "texts" in recorded.body else told["results"]
    scores = [row["score" if "texts" in recorded.body else "relevance_score"] for row in rows]
    assert [row["index"] for row in rows] == [1, 2, 0]  # one for each, best first
    assert all(isinstance(each, float) and 0 <= each <= 1 for each in scores)
    if recorded.body.get("return_documents"):
        assert [row["document"]["text"] for row in rows] == ["high 0.9", "middle 0.5", "low 0.1"]
    if name == "litellm as vLLM":
        assert told["meta"]["billed_units"]["search_units"] == 1

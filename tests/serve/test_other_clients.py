"""Clients of other frameworks, as they are, where they are installed: `make test-clients` installs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rerank_kit.serve import rerank_app, running
from tests.doubles import Scripted

QUERY = "which?"
TEXTS = ["low 0.1", "high 0.9", "middle 0.5"]
BEST = [("high 0.9", 0.9), ("middle 0.5", 0.5)]

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.unmeasured]  # they warn of what is theirs


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(rerank_app(Scripted(), warm_up=False)) as url:
        yield url


def nodes() -> list[Any]:
    schema = pytest.importorskip("llama_index.core.schema")
    return [schema.NodeWithScore(node=schema.TextNode(text=each)) for each in TEXTS]


def ranked(postprocessor: Any) -> list[tuple[str, float]]:
    return [(each.text, each.score) for each in postprocessor.postprocess_nodes(nodes(), query_str=QUERY)]


def test_langchain_cohere(url: str) -> None:
    theirs, cohere = pytest.importorskip("langchain_cohere"), pytest.importorskip("cohere")
    document = pytest.importorskip("langchain_core.documents").Document
    with httpx.Client() as http:
        client = cohere.ClientV2(api_key="k", base_url=url, httpx_client=http)
        compressor = theirs.CohereRerank(client=client, model="rerank-v3.5", top_n=2)
        found = compressor.compress_documents([document(page_content=each) for each in TEXTS], QUERY)
    assert [(each.page_content, each.metadata["relevance_score"]) for each in found] == BEST


def test_llama_index_cohere(url: str) -> None:
    theirs = pytest.importorskip("llama_index.postprocessor.cohere_rerank")
    assert ranked(theirs.CohereRerank(api_key="k", base_url=url, top_n=2)) == BEST


def test_llama_index_jina(url: str) -> None:
    theirs = pytest.importorskip("llama_index.postprocessor.jinaai_rerank")
    assert ranked(theirs.JinaRerank(api_key="k", base_url=f"{url}/v1", top_n=2)) == BEST


def test_llama_index_tei(url: str) -> None:
    theirs = pytest.importorskip("llama_index.postprocessor.tei_rerank")
    assert ranked(theirs.TextEmbeddingInference(base_url=url, top_n=2)) == BEST


@pytest.mark.parametrize("provider", ["cohere", "jina_ai", "hosted_vllm"])
def test_litellm(url: str, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "LITELLM_LOCAL_MODEL_COST_MAP", "True")
    theirs = pytest.importorskip("litellm")
    asked: dict[str, Any] = {"query": QUERY, "documents": TEXTS, "top_n": 2, "api_key": "k", "api_base": url}
    answer = theirs.rerank(model=f"{provider}/m", **asked, return_documents=True)
    found = [(each["document"]["text"], each["relevance_score"]) for each in answer.results]
    assert found == BEST


def test_litellm_for_infinity_takes_no_documents_back(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "LITELLM_LOCAL_MODEL_COST_MAP", "True")
    theirs = pytest.importorskip("litellm")
    asked: dict[str, Any] = {"query": QUERY, "documents": TEXTS, "top_n": 2, "api_key": "k", "api_base": url}
    answer = theirs.rerank(model="infinity/m", **asked, return_documents=False)
    assert [each["index"] for each in answer.results] == [1, 2]


@pytest.mark.parametrize(
    ("provider", "path"), [("cohere", "/v1/rerank"), ("jina", "/v1/rerank"), ("text-embeddings-inference", "/rerank")]
)
def test_rerankers(url: str, provider: str, path: str) -> None:
    theirs = pytest.importorskip("rerankers.models.api_rankers")
    ranker = theirs.APIRanker("m", api_key="k", api_provider=provider, url=url + path)
    found = ranker.rank(query=QUERY, docs=TEXTS)
    assert [(each.document.text, each.score) for each in found.results[:2]] == BEST


def test_haystack_jina(url: str) -> None:
    theirs = pytest.importorskip("haystack_integrations.components.rankers.jina")
    haystack, secret = pytest.importorskip("haystack"), pytest.importorskip("haystack.utils").Secret
    ranker = theirs.JinaRanker(api_key=secret.from_token("k"), top_k=2, base_url=f"{url}/v1/rerank")
    found = ranker.run(query=QUERY, documents=[haystack.Document(content=each) for each in TEXTS])["documents"]
    assert [(each.content, each.score) for each in found] == BEST
